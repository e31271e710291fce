from __future__ import annotations

import numpy as np
import pytest

from billiards_trainer.table import preset
from billiards_trainer.vision.detection import cloth
from billiards_trainer.vision.detection.view import make_view
from tests.unit.drawn_tables import add_ball, camera_over, develop, empty_table

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE)
VIEW = make_view(TABLE, CAMERA)


@pytest.mark.parametrize("colour", [(150, 130, 60), (60, 110, 40), (45, 40, 130), (90, 90, 90)])
def test_cloth_is_grey_whatever_its_colour_and_light(colour: tuple[int, int, int]) -> None:
    image = VIEW.working_image(develop(empty_table(TABLE, CAMERA, colour)))
    learned = cloth.learn(image, VIEW)
    divided = cloth.divide(image, learned.background)
    inner = VIEW.shaft > 0
    assert np.abs(divided[inner].mean(axis=0) - cloth.GREY).max() < 2
    assert (cloth.unlikeness(divided, learned)[inner] > 60).mean() < 0.01
    assert learned.share > 0.7
    assert np.array(learned.colour) == pytest.approx(np.array(colour), rel=0.15)


def test_shadow_and_even_light_are_cloth_and_balls_are_not() -> None:
    picture = develop(empty_table(TABLE, CAMERA))
    picture[300:360, 300:420] = (picture[300:360, 300:420] * 0.62).astype(np.uint8)
    add_ball(picture, TABLE, CAMERA, (0.9, 0.6), (35, 25, 205))
    image = VIEW.working_image(picture)
    learned = cloth.learn(image, VIEW)
    unlike = cloth.unlikeness(cloth.divide(image, learned.background), learned)
    shadow = np.rint(VIEW.to_work(np.array([[310, 310], [410, 350]]))).astype(int)
    assert unlike[shadow[0, 1] : shadow[1, 1], shadow[0, 0] : shadow[1, 0]].max() < 90
    ball = np.rint(VIEW.to_work(CAMERA.to_pixels([[0.9, 0.6, 0.028]]))[0]).astype(int)
    assert unlike[ball[1], ball[0]] > 200


def test_a_hint_decides_between_two_colours() -> None:
    picture = develop(empty_table(TABLE, CAMERA, (40, 140, 40)))
    picture[:, :620] = develop(empty_table(TABLE, CAMERA, (150, 60, 40)))[:, :620]
    image = VIEW.working_image(picture)
    blue = cloth.learn(image, VIEW, (150, 60, 40)).colour
    green = cloth.learn(image, VIEW, (40, 140, 40)).colour
    assert blue[0] > blue[1]
    assert green[1] > green[0]


def test_confetti_is_no_cloth() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (720 // 16, 1280 // 16, 3), dtype=np.uint8)
    picture = np.kron(noise, np.ones((16, 16, 1), np.uint8))
    with pytest.raises(cloth.ClothError, match="no cloth"):
        cloth.learn(VIEW.working_image(picture), VIEW)
