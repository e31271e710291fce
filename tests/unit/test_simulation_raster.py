"""Exact coverage of polygons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.simulation.raster import bounds, coverage

pytestmark = pytest.mark.kernels

inside = st.floats(3, 29)


@given(inside, inside, inside, inside, inside, inside)
def test_the_covered_area_is_the_triangles(
    ax: float, ay: float, bx: float, by: float, cx: float, cy: float
) -> None:
    mask = coverage([(ax, ay), (bx, by), (cx, cy)], 33, 33)
    area = abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2
    assert mask.sum() == pytest.approx(area, abs=2e-3)
    assert mask.min() >= 0
    assert mask.max() <= 1


@given(st.floats(10, 22), st.floats(10, 22), st.floats(2, 8))
def test_a_circles_middle_is_kept_to_a_hundredth_of_a_pixel(x: float, y: float, r: float) -> None:
    a = np.linspace(0, 2 * math.pi, 200, endpoint=False)
    mask = coverage(np.column_stack([x + r * np.cos(a), y + r * np.sin(a)]), 32, 32)
    rows, columns = np.mgrid[:32, :32]
    assert (mask * columns).sum() / mask.sum() == pytest.approx(x, abs=0.01)
    assert (mask * rows).sum() / mask.sum() == pytest.approx(y, abs=0.01)


def test_a_polygon_larger_than_the_window_is_clipped() -> None:
    slanted = [(-20, 5), (100, 30), (100, 40), (-20, 20)]
    mask = coverage(slanted, 32, 32)
    fine = 8
    ticks = (np.arange(32 * fine) + 0.5) / fine - 0.5
    x, y = np.meshgrid(ticks, ticks)
    sampled = ((y > 5 + (x + 20) * 25 / 120) & (y < 20 + (x + 20) * 20 / 120)).astype(float)
    expected = sampled.reshape(32, fine, 32, fine).mean(axis=(1, 3))
    assert np.abs(mask - expected).max() < 0.05
    whole = coverage([(-9, -9), (50, -9), (50, 50), (-9, 50)], 8, 8)
    assert (whole == 1).all()
    assert not coverage([(50, 1), (60, 1), (60, 9)], 8, 8).any()


def test_a_window_shows_its_part_of_the_picture() -> None:
    shape = [(4.3, 5.1), (25.2, 9.9), (11.7, 27.4)]
    whole = coverage(shape, 32, 32)
    part = coverage(shape, 12, 9, left=8, top=10)
    np.testing.assert_allclose(part, whole[10:19, 8:20], atol=1e-5)


def test_bounds_stay_inside_the_picture() -> None:
    assert bounds([(5.5, 6.5), (8.2, 9.1)], 20, 20, pad=1) == (4, 5, 11, 12)
    assert bounds([(-50, -50), (500, 500)], 20, 10) == (0, 0, 20, 10)
