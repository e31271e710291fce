from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from billiards_trainer.table import Table, preset
from billiards_trainer.vision.detection import geometry
from billiards_trainer.vision.detection.detector import BallDetector, Detection
from billiards_trainer.vision.tracking.measurement import Sight
from tests.unit.drawn_tables import BALLS, add_ball, camera_over, develop, empty_table

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE, distortion=-0.04)
PLACES = {
    "cue": (0.30, 0.40),
    "1": (0.80, 0.90),
    "2": (0.40, 1.30),
    "3": (0.90, 1.60),
    "8": (0.20, 2.00),
    "11": (0.65, 2.10),
}


def picture_with(
    places: dict[str, tuple[float, float]], table: Table = TABLE, seed: int = 0
) -> np.ndarray:
    camera = camera_over(table, distortion=-0.04)
    picture = empty_table(table, camera)
    for label, at in places.items():
        stripe = label.isdigit() and int(label) > 8
        colour = BALLS[str(int(label) - 8)] if stripe else BALLS[label]
        add_ball(picture, table, camera, at, colour, stripe=stripe)
    return develop(picture, seed)


def nearest(found: list[Detection], at: tuple[float, float]) -> Detection:
    return min(found, key=lambda d: math.dist((d.x_m, d.y_m), at))


def test_every_ball_to_the_millimetre_and_by_name() -> None:
    found = BallDetector(TABLE, CAMERA).detect(picture_with(PLACES))
    assert len(found) == len(PLACES)
    for label, at in PLACES.items():
        ball = nearest(found, at)
        assert math.dist((ball.x_m, ball.y_m), at) < 0.0012
        assert ball.confidence > 0.5
        assert ball.label == label
        assert sum(ball.label_probabilities.values()) == pytest.approx(1)
        xx, xy, yy = ball.covariance
        assert 0 < xx < 4e-6
        assert xx * yy > xy * xy


def test_an_empty_table_has_no_balls() -> None:
    detector = BallDetector(TABLE, CAMERA)
    assert detector.detect(develop(empty_table(TABLE, CAMERA))) == []
    assert set(detector.stages_ms) >= {"cloth", "votes"}


def test_a_black_picture_invents_nothing() -> None:
    detector = BallDetector(TABLE, CAMERA)
    assert detector.detect(np.zeros((720, 1280, 3), np.uint8)) == []
    noise = np.random.default_rng(1).integers(0, 255, (45, 80, 3), dtype=np.uint8)
    assert detector.detect(np.kron(noise, np.ones((16, 16, 1), np.uint8))) == []
    assert detector.look(0.6, 1.2) is Sight.UNKNOWN


def test_touching_balls_are_told_apart() -> None:
    reach = 2 * TABLE.balls.radius + 1e-4
    places = {"3": (0.6, 1.2), "2": (0.6 + reach, 1.2), "1": (0.6 + reach / 2, 1.2 + 0.867 * reach)}
    found = BallDetector(TABLE, CAMERA).detect(picture_with(places))
    assert len(found) == 3
    for at in places.values():
        ball = nearest(found, at)
        assert math.dist((ball.x_m, ball.y_m), at) < 0.004


def test_rings_and_lines_of_light_are_no_balls() -> None:
    picture = empty_table(TABLE, CAMERA)
    for x, y, radius in ((0.4, 0.6, 40), (0.7, 1.4, 26), (0.5, 2.0, 18)):
        middle = CAMERA.to_pixels([x, y, 0.0])
        cv2.circle(picture, tuple(int(v) for v in middle), radius, (255, 255, 120), 2, cv2.LINE_AA)
    start, end = (tuple(int(v) for v in p) for p in CAMERA.to_pixels([(0.2, 0.3), (1.0, 2.2)]))
    cv2.line(picture, start, end, (255, 255, 120), 3, cv2.LINE_AA)
    assert BallDetector(TABLE, CAMERA).detect(develop(picture)) == []


@pytest.mark.parametrize("colour", [(255, 255, 150), (255, 120, 90), (255, 255, 255)])
def test_a_ghost_ball_of_light_is_no_ball(colour: tuple[int, int, int]) -> None:
    # Exactly a ball's size, with the line of its path ending inside, as trainers draw it.
    lit = empty_table(TABLE, CAMERA)
    places = [(0.4, 0.6), (0.7, 1.4), (0.5, 2.0), (0.9, 1.9)]
    for at in places:
        middles, radii = geometry.discs(CAMERA, np.array([at]), TABLE.balls.radius)
        middle = tuple(round(v * 16) for v in middles[0])
        cv2.circle(lit, middle, round(radii[0] * 16), colour, 2, cv2.LINE_AA, 4)
        end = (middle[0] - 1600, middle[1] - 700)
        cv2.line(lit, end, middle, colour, 2, cv2.LINE_AA, 4)
    add_ball(lit, TABLE, CAMERA, (0.9, 0.8), BALLS["cue"])
    # Chroma of a compressed picture bleeds into the ring's inside.
    code = cv2.imencode(".jpg", develop(lit), [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    found = BallDetector(TABLE, CAMERA).detect(cv2.imdecode(code, cv2.IMREAD_COLOR))
    assert [d.label for d in found] == ["cue"]


def test_looking_at_a_place() -> None:
    detector = BallDetector(TABLE, CAMERA)
    picture = picture_with(PLACES)
    sheet = CAMERA.to_pixels([(1.0, 0.3), (1.2, 0.3), (1.2, 0.6), (1.0, 0.6)])
    cv2.fillPoly(picture, [np.rint(sheet).astype(np.int32)], (240, 240, 240))
    detector.detect(picture)
    assert detector.look(0.6, 0.6) is Sight.BARE
    assert detector.look(1.1, 0.45) is Sight.COVERED
    assert detector.look(-3.0, 0.5) is Sight.UNKNOWN
    assert detector.look(0.5, 9.0) is Sight.UNKNOWN


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="640x360"):
        BallDetector(TABLE, CAMERA).detect(np.zeros((360, 640, 3), np.uint8))


@pytest.mark.parametrize(("name", "label"), [("carom-10ft", "yellow"), ("snooker-12ft", "red")])
def test_other_games(name: str, label: str) -> None:
    table = preset(name)
    camera = camera_over(table, distortion=-0.04)
    found = BallDetector(table, camera).detect(
        picture_with({"cue": (0.5, 0.7), label: (0.9, 1.5)}, table)
    )
    assert sorted(d.label for d in found) == sorted(["cue", label])
    assert (
        math.dist((nearest(found, (0.9, 1.5)).x_m, nearest(found, (0.9, 1.5)).y_m), (0.9, 1.5))
        < 0.002
    )
