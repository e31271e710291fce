"""The light map is what the picture throws on the cloth, and keeps its light."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billiards_trainer import messages as m
from billiards_trainer.light_map import LightMap, map_to_table
from billiards_trainer.projector.light import LightMapper
from billiards_trainer.projector.projection import Projection
from billiards_trainer.projector.renderer import SceneRenderer
from billiards_trainer.table import preset

TABLE = preset("pool-7ft")


def scene(*elements: m.Element) -> m.Scene:
    return m.Scene(
        frame=1, exposure_ns=0, table=TABLE.name, width=TABLE.width, length=TABLE.length,
        ball_radius=TABLE.balls.radius, elements=elements,
    )  # fmt: skip


@pytest.mark.parametrize("size", [(320, 180), (800, 600), (1920, 1080), (3840, 2160)])
def test_light_is_where_it_was_drawn_and_none_is_lost(size: tuple[int, int]) -> None:
    projection = Projection.centred(TABLE, *size)
    renderer, mapper = SceneRenderer(TABLE, projection), LightMapper(TABLE, projection)
    line = m.Line(points=((0.2, 0.3), (0.8, 1.5)), width=0.006, colour="#ff8000")
    light = mapper.update(renderer.canvas, renderer.draw(scene(line)))
    assert light.shape == (*LightMap.shape(TABLE), 3)
    scale = float(projection.pixels_per_metre([(0.5, 0.9)])[0])
    thrown = renderer.canvas.sum(axis=(0, 1))[:3] / scale**2
    assert light.sum(axis=(0, 1)) * LightMap.RESOLUTION**2 == pytest.approx(thrown, rel=0.03)
    points = map_to_table(TABLE)[light[..., 2] > 60]
    along = np.array([0.6, 1.2]) / np.hypot(0.6, 1.2)
    across = (points - [0.2, 0.3]) @ [-along[1], along[0]]
    assert np.abs(across).max() < 0.003 + LightMap.RESOLUTION + 2 / scale
    assert across.mean() == pytest.approx(0, abs=0.001)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 0.99), st.floats(0, 1.98)), min_size=3, max_size=3))
def test_changed_rectangles_are_enough(corners: list[tuple[float, float]]) -> None:
    pixels = ((40.0, 30.0), (60.0, 250.0), (440.0, 240.0), (450.0, 20.0))
    projection = Projection.from_corners(TABLE, pixels, 480, 270)
    renderer = SceneRenderer(TABLE, projection)
    mapper, fresh = LightMapper(TABLE, projection), LightMapper(TABLE, projection)
    area = m.Area(points=((0.1, 0.1), (0.5, 0.1), (0.5, 1.9)), colour="#203040")
    for elements in (
        [area],
        [m.Line(points=tuple(corners)), area],
        [m.Area(points=tuple(corners))],
    ):
        mapper.update(renderer.canvas, renderer.draw(scene(*elements)))
    whole = fresh.update(renderer.canvas, [(0, 0, 480, 270)])
    assert (mapper.map == whole).all()


def test_what_the_projector_cannot_reach_stays_dark() -> None:
    # Half of the table lies outside the picture.
    pixels = ((-500.0, 20.0), (-500.0, 250.0), (440.0, 240.0), (450.0, 20.0))
    projection = Projection.from_corners(TABLE, pixels, 480, 270)
    canvas = np.full((270, 480, 4), 255, np.uint8)
    light = LightMapper(TABLE, projection).update(canvas, [(0, 0, 480, 270)])
    points = projection.to_pixels(map_to_table(TABLE).reshape(-1, 2)).reshape(*light.shape[:2], 2)
    outside = (points[..., 0] < -2) | (points[..., 1] < -2) | (points[..., 1] > 272)
    assert not light[outside].any()
    assert (light[~outside & (points[..., 0] > 2) & (points[..., 0] < 476)] > 0).mean() > 0.95
