from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from billiards_trainer.table import preset
from billiards_trainer.vision.cue.finder import CueObservation, find_cue
from billiards_trainer.vision.detection.detector import BallDetector
from tests.unit.drawn_tables import (
    BALLS,
    add_ball,
    add_cue,
    camera_over,
    develop,
    empty_table,
    polygon,
)

TABLE = preset("pool-9ft")
RADIUS = TABLE.balls.radius


def seen(
    tip: tuple[float, float],
    angle: float,
    *,
    distortion: float = 0.0,
    colour: tuple[int, ...] = (150, 200, 230),
    hand: bool = False,
    ball: bool = True,
    seed: int = 0,
    previous: CueObservation | None = None,
) -> CueObservation | None:
    camera = camera_over(TABLE, distortion=distortion)
    picture = empty_table(TABLE, camera)
    add_cue(picture, camera, (*tip, RADIUS), angle, colour=colour)
    pointing = np.array([math.cos(angle), math.sin(angle)])
    if ball:
        at = np.array(tip) + pointing * (RADIUS + 0.03)
        add_ball(picture, TABLE, camera, (float(at[0]), float(at[1])), BALLS["cue"])
    if hand:
        middle = np.array(tip) - 0.22 * pointing
        turn = np.arange(24) * math.tau / 24
        ring = middle + 0.05 * np.column_stack([np.cos(turn), np.sin(turn)])
        polygon(picture, camera.to_pixels(ring), (120, 150, 205))
        add_cue(picture, camera, (*tip, RADIUS), angle, colour=colour, length=0.16)
    picture = develop(picture, seed)
    detector = BallDetector(TABLE, camera)
    found = detector.detect(picture)
    return find_cue(picture, TABLE, camera, found, previous, working=detector.working)


def turned(cue: CueObservation, angle: float) -> float:
    return abs(math.degrees(math.remainder(cue.angle_rad - angle, math.tau)))


@pytest.mark.parametrize("angle", [0.3, 1.4, 2.2, -2.9, -1.2])
@pytest.mark.parametrize("distortion", [0.0, -0.08])
def test_direction_and_tip(angle: float, distortion: float) -> None:
    cue = seen((0.62, 1.25), angle, distortion=distortion)
    assert cue is not None
    assert turned(cue, angle) < 0.25
    assert math.dist(cue.tip_m[:2], (0.62, 1.25)) < 0.012
    assert cue.confidence > 0.7
    assert 0 < cue.angle_std_rad < math.radians(1.5)
    assert math.hypot(*cue.direction_px) == pytest.approx(1)


def test_a_dark_shaft_is_a_cue_too() -> None:
    cue = seen((0.62, 1.25), 1.4, colour=(25, 22, 25))
    assert cue is not None
    assert turned(cue, 1.4) < 0.4


def test_a_hand_on_the_shaft_does_not_end_it() -> None:
    cue = seen((0.62, 1.25), 1.4, hand=True)
    assert cue is not None
    assert turned(cue, 1.4) < 0.3
    assert math.dist(cue.tip_m[:2], (0.62, 1.25)) < 0.015


def test_the_last_picture_helps_to_choose() -> None:
    first = seen((0.62, 1.25), 1.4)
    assert first is not None
    assert seen((0.62, 1.24), 1.4, seed=1, previous=first) is not None


def test_no_cue_where_there_is_none() -> None:
    camera = camera_over(TABLE)
    picture = empty_table(TABLE, camera)
    add_ball(picture, TABLE, camera, (0.5, 0.9), BALLS["cue"])
    assert find_cue(develop(picture), TABLE, camera, []) is None
    assert find_cue(np.zeros((720, 1280, 3), np.uint8), TABLE, camera, []) is None


def test_confetti_is_no_cue() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (45, 80, 3), dtype=np.uint8)
    picture = np.kron(noise, np.ones((16, 16, 1), np.uint8))
    assert find_cue(picture, TABLE, camera_over(TABLE), []) is None


@pytest.mark.parametrize("width", [2, 4])
def test_a_line_of_light_is_no_cue(width: int) -> None:
    camera = camera_over(TABLE)
    picture = empty_table(TABLE, camera)
    start, end = (tuple(int(v) for v in p) for p in camera.to_pixels([(0.3, 0.6), (0.9, 1.2)]))
    cv2.line(picture, start, end, (255, 255, 120), width, cv2.LINE_AA)
    assert find_cue(develop(picture), TABLE, camera, []) is None
