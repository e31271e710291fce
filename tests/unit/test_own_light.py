"""The appliance's own light is neither ball nor shaft."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from billiards_trainer.light_map import LightMap, table_to_map
from billiards_trainer.table import preset
from billiards_trainer.vision.cue.finder import find_cue
from billiards_trainer.vision.detection.detector import BallDetector
from billiards_trainer.vision.detection.working import Working
from billiards_trainer.vision.own_light import OwnLight
from tests.unit.drawn_tables import BALLS, add_ball, camera_over, develop, empty_table

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE)
START, END = (0.0, 0.3), (1.0, 2.2)
BALL = (0.5, 1.25)


def light_line(colour: tuple[int, int, int], thick: int = 3) -> NDArray[np.uint8]:
    light = np.zeros((*LightMap.shape(TABLE), 3), np.uint8)
    matrix = table_to_map()
    ends = [matrix[:, :2] @ np.array(p) + matrix[:, 2] for p in (START, END)]
    a, b = ((round(float(x)), round(float(y))) for x, y in ends)
    cv2.line(light, a, b, colour, thick, cv2.LINE_AA)
    return light


def made_ready(colour: tuple[int, int, int]) -> Working:
    """A table with a ball and a line of light, drawn as a camera would see them."""
    picture = empty_table(TABLE, CAMERA)
    lit = np.zeros_like(picture)
    a, b = (tuple(int(v) for v in p) for p in CAMERA.to_pixels([START, END]))
    cv2.line(lit, a, b, colour, 7, cv2.LINE_AA)
    # The cloth gives back as large a share of the projector's light as of the lamps'.
    brighter = picture.astype(float) * (1 + 0.8 * lit / 255.0)
    picture = np.clip(brighter, 0, 255).astype(np.uint8)
    add_ball(picture, TABLE, CAMERA, BALL, BALLS["cue"])
    detector = BallDetector(TABLE, CAMERA)
    detector.detect(develop(picture))
    assert detector.working is not None
    return detector.working


def on_line(working: Working) -> NDArray[np.uint8]:
    """How unlike cloth the line of light is, away from the ball."""
    along = np.linspace(0.15, 0.35, 40)[:, None]
    places = np.array(START) + along * (np.array(END) - np.array(START))
    at = np.rint(working.view.to_work(CAMERA.to_pixels(places))).astype(int)
    values: NDArray[np.uint8] = working.unlike[at[:, 1], at[:, 0]]
    return values


@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 255, 90), (90, 255, 255)])
def test_lit_cloth_is_cloth_and_a_ball_stays_a_ball(colour: tuple[int, int, int]) -> None:
    working = made_ready(colour)
    assert (on_line(working) > 90).mean() > 0.7
    freed = OwnLight(working.view).without(working, light_line(colour))
    assert (on_line(freed) > 90).mean() < 0.1
    assert len(freed.edges.row) < len(working.edges.row)
    x, y = np.rint(working.view.to_work(CAMERA.to_pixels([BALL])))[0].astype(int)
    assert freed.unlike[y, x] > 90


def test_without_light_nothing_changes() -> None:
    working = made_ready((255, 255, 255))
    own = OwnLight(working.view)
    dark = np.zeros((*LightMap.shape(TABLE), 3), np.uint8)
    assert own.without(working, dark) is working
    speck = dark.copy()
    speck[100, 100] = 255
    assert own.explains(working, speck) is None


def test_what_light_cannot_explain_stays() -> None:
    """A dark thing across the line is no lit cloth, nor is blue light what a red line shows."""
    working = made_ready((40, 40, 255))
    mask = OwnLight(working.view).explains(working, light_line((255, 40, 40)))
    assert mask is not None
    at = on_line(working)
    assert (at > 90).mean() > 0.5
    freed = OwnLight(working.view).without(working, light_line((255, 40, 40)))
    assert (on_line(freed) > 90).mean() > 0.5


def test_a_line_of_own_light_is_no_cue() -> None:
    working = made_ready((255, 255, 255))
    freed = OwnLight(working.view).without(working, light_line((255, 255, 255)))
    assert find_cue(working.picture, TABLE, CAMERA, [], working=freed) is None
