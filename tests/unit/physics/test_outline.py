"""Where the cloth ends: on tables of every kind, and of no kind."""

from __future__ import annotations

import math

import numpy as np
import pytest

from billiards_trainer.physics.geometry import Circle, Segment, build, for_table
from billiards_trainer.physics.placing import placed
from billiards_trainer.physics.state import StateError
from billiards_trainer.table import TABLE_NAMES, Point, preset

from .shots import R

HEIGHT = 0.036
L_SHAPE = [(0, 0), (1, 0), (1, 1), (0.5, 1), (0.5, 2), (0, 2)]
FRAME = [(0, 0), (2, 0), (2, 1), (0, 1)]


def walls(corners: list[Point], *, both: bool = False) -> list[Segment]:
    return [Segment(corners[i - 1], corners[i], HEIGHT, both) for i in range(len(corners))]


def fault(shape: object, x: float, y: float) -> str:
    """Why no ball can lie there; empty where it can."""
    try:
        placed(np.array([[[x, y]]]), np.ones((1, 1), dtype=bool), shape, R, 1e-6)  # type: ignore[arg-type]
    except StateError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_the_cloth_of_a_table_is_open_and_the_rest_is_not(name: str) -> None:
    table = preset(name)
    radius = table.balls.radius
    shape = for_table(table, radius)
    rng = np.random.default_rng(1)

    def refused(x: float, y: float) -> str:
        try:
            placed(np.array([[[x, y]]]), np.ones((1, 1), dtype=bool), shape, radius, 1e-6)
        except StateError as error:
            return str(error)
        return ""

    for x, y in rng.uniform(-0.3, (table.width + 0.3, table.length + 0.3), (400, 2)):
        words = refused(x, y)
        if table.contains(x, y, radius):
            assert words == ""
        elif not table.contains(x, y, -radius):
            near = table.nearest_pocket(x, y)
            assert "outside" in words or (near and near[1] < near[0].radius and "hole" in words)
    for pocket in table.pockets:
        px, py = pocket.centre
        mx, my = pocket.mouth_centre
        assert "hole" in refused(px, py)
        # On the shelf, at the edge of the hole, a ball may hang.
        far = math.dist((px, py), (mx, my))
        t = pocket.radius / far
        assert refused(px + t * (mx - px), py + t * (my - py)) == ""
        # Behind the rubber at either jaw.
        for jx, jy in pocket.jaws:
            out = 0.03 / math.dist((px, py), (mx, my))
            side = (jx - mx) * 1.3 + (px - mx) * out, (jy - my) * 1.3 + (py - my) * out
            assert refused(mx + side[0], my + side[1]) != ""


@pytest.mark.parametrize("both", [True, False])
def test_the_notch_of_an_l_is_outside(both: bool) -> None:
    shape = build(walls(L_SHAPE, both=both), [], [], R)
    assert "outside" in fault(shape, 0.8, 1.6)
    for x, y in ((0.25, 1.6), (0.8, 0.5), (0.25, 0.5), (0.45, 0.97)):
        assert fault(shape, x, y) == ""
    assert "inside a cushion" in fault(shape, 0.48, 1.5)


def test_an_island_of_noses_bars_its_inside_only() -> None:
    island = [(0.9, 0.4), (0.9, 0.6), (1.1, 0.6), (1.1, 0.4)]
    shape = build(walls(FRAME) + walls(island), [], [], R)
    for x, y in ((0.3, 0.5), (0.3, 0.2), (1.0, 0.2), (1.7, 0.9), (0.86, 0.36), (1.15, 0.5)):
        assert fault(shape, x, y) == ""
    assert "outside" in fault(shape, 1.0, 0.5)
    assert "outside" in fault(shape, 0.92, 0.42)
    # Thinner than a ball: both its sides are cloth.
    thin = [(0.9, 0.4), (0.9, 0.6), (0.91, 0.6), (0.91, 0.4)]
    shape = build(walls(FRAME) + walls(thin), [], [], R)
    assert fault(shape, 0.91 + R, 0.5) == ""
    assert fault(shape, 0.9 - R, 0.5) == ""


def test_walls_that_stand_free_or_part_a_table_bar_nothing() -> None:
    free = Segment((0.5, 0.3), (0.8, 0.7), HEIGHT)
    parting = Segment((1.0, 0.0), (1.0, 1.0), HEIGHT)
    crossing = Segment((0.2, 0.5), (1.8, 0.5), HEIGHT)
    shape = build([*walls(FRAME, both=True), free, parting, crossing], [], [], R)
    for x, y in ((0.3, 0.2), (0.3, 0.8), (1.5, 0.2), (1.5, 0.8), (0.9, 0.6)):
        assert fault(shape, x, y) == ""
    assert "outside" in fault(shape, 2.1, 0.5)


def test_gaps_that_let_a_ball_through_leave_only_the_extent() -> None:
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    # One wall is missing: whatever lies within the extent of the others may be the table.
    shape = build(walls(corners, both=True)[1:], [], [], R)
    assert len(shape.outline) == 0
    assert fault(shape, 0.5, 0.5) == ""
    assert "outside" in fault(shape, 1.2, 0.5)
    # A gap too narrow for a ball, and a jaw or a hole in a wider one, close it.
    for jaws, pockets, gap in (
        ([], [], 0.05),
        ([Circle((1.0, 0.5), 0.02, HEIGHT)], [], 0.13),
        ([], [Circle((1.0, 0.5), 0.06)], 0.15),
    ):
        half = gap / 2
        wall = [
            Segment((1, 0), (1, 0.5 - half), HEIGHT),
            Segment((1, 0.5 + half), (1, 1), HEIGHT),
        ]
        others = [w for w in walls(corners, both=True) if (w.start, w.end) != ((1, 0), (1, 1))]
        shape = build([*others, *wall], jaws, pockets, R)
        assert len(shape.outline) > 0
        assert fault(shape, 0.5, 0.5) == ""
        assert "outside" in fault(shape, 1.2, 0.5)
    assert len(build([], [], [Circle((0, 0), 0.05)], R).outline) == 0


def test_thousands_of_pieces_do_not_take_thousands_of_seconds() -> None:
    rng = np.random.default_rng(2)
    many = [Segment(tuple(a), tuple(a + 0.01), HEIGHT) for a in rng.uniform(0, 1, (1000, 2))]
    assert len(build(many, [], [], R).outline) == 0
