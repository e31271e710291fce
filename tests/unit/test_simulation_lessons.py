"""Pictures to learn from: truth fits the picture, however wide the variation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from billiards_trainer.light_map import LightMap
from billiards_trainer.simulation import lessons
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import preset

TABLE = preset("pool-7ft")


@pytest.mark.parametrize("seed", range(4))
def test_oblique_cameras_see_the_table_upright(seed: int) -> None:
    camera = lessons.oblique_camera(TABLE, np.random.default_rng(seed), 1280, 720)
    corners = camera.to_pixels([(x, y, 0.0) for x, y in TABLE.corners])
    assert (corners >= -20).all()
    assert (corners <= [1300, 740]).all()
    above, below = camera.to_pixels([(0.5, 1.0, 0.3), (0.5, 1.0, 0.0)])
    assert above[1] < below[1]
    assert 20 <= np.degrees(np.arcsin(camera.position[2] / np.hypot(*_away(camera)))) <= 60.001


def _away(camera) -> tuple[float, float]:
    middle = np.array([TABLE.width / 2, TABLE.length / 2])
    return float(np.hypot(*(camera.position[:2] - middle))), float(camera.position[2])


def test_the_same_seed_gives_the_same_room() -> None:
    assert lessons.lesson_setup(TABLE, 5) == lessons.lesson_setup(TABLE, 5)
    assert lessons.lesson_setup(TABLE, 5) != lessons.lesson_setup(TABLE, 6)
    looks = [lessons.lesson_look(np.random.default_rng(k)) for k in range(12)]
    fours = {round(look.colours["4"][2] / look.colours["4"][0], 1) for look in looks}
    assert len(fours) > 3
    for look in looks:
        r, g, b = look.colours["brown"]
        assert r > g > b


def test_pictures_of_play_and_of_strewn_balls() -> None:
    setup = lessons.lesson_setup(TABLE, 3, oblique_share=0.0)
    virtual = VirtualTable(TABLE, setup, seed=3, caption="")
    seen = list(lessons.observe(virtual, 2, np.random.default_rng(3)))
    assert len(seen) == 4
    assert all(s.truth.balls for s in seen)
    again = lessons.develop(seen[0].image, np.random.default_rng(1))
    assert again.shape == seen[0].image.shape
    assert (again == lessons.develop(seen[0].image, np.random.default_rng(1))).all()
    assert (again != seen[0].image).any()


def test_other_balls_in_the_same_room() -> None:
    setup = lessons.lesson_setup(TABLE, 4, oblique_share=0.0)
    virtual = VirtualTable(TABLE, setup, seed=4, caption="")
    place = [("3", (0.5, 1.0))]
    first = virtual.render_state(place, seed=1)
    look = lessons.lesson_look(np.random.default_rng(0))
    blue = {**look.colours, "3": (0.01, 0.02, 0.8)}
    virtual.renderer.set_balls(replace(look, colours=blue))
    second = virtual.render_state(place, seed=1)
    x, y = (round(v) for v in first.truth.balls[0].pixel)
    assert int(second.image[y, x, 0]) > int(first.image[y, x, 0]) + 20


def test_light_is_of_the_tables_size() -> None:
    found = [lessons.random_light(TABLE, np.random.default_rng(k), [(0.5, 0.9)]) for k in range(12)]
    assert any(light is None for light in found)
    for light in (light for light in found if light is not None):
        assert light.shape[:2] == LightMap.shape(TABLE)
