"""Outlines in metres, rectangles in pixels, flips in nanoseconds: geometry and decisions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.projector import rects, strokes
from billiards_trainer.projector.pacing import Pacer

coordinate = st.floats(-1, 1)
polylines = st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=12).map(
    lambda points: strokes.without_repeats(points, 1e-3)
)
boxes = st.tuples(
    st.integers(0, 400), st.integers(0, 300), st.integers(1, 400), st.integers(1, 300)
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


def area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2


@given(polylines)
def test_runs_cover_the_polyline_and_never_turn_round(points: np.ndarray) -> None:
    pieces = strokes.runs(points)
    assert np.vstack([pieces[0], *(p[1:] for p in pieces[1:])]) == pytest.approx(points)
    for piece in pieces:
        heading = np.unwrap(np.arctan2(*np.diff(piece, axis=0).T[::-1]))
        assert np.abs(np.diff(heading)).sum() <= math.radians(151)


@given(polylines, st.floats(0.02, 0.3), st.floats(0.02, 0.3))
def test_dashes_are_as_long_as_asked_for(points: np.ndarray, on: float, off: float) -> None:
    if len(points) < 2:
        return
    length = np.hypot(*np.diff(points, axis=0).T).sum()
    pieces = strokes.dashes(points, on, off)
    drawn = np.hypot(*(pieces[:, 1] - pieces[:, 0]).T).sum()
    whole, rest = divmod(length, on + off)
    assert drawn == pytest.approx(whole * on + min(rest, on), abs=1e-4)


@given(polylines, st.floats(0.05, 0.5))
def test_densified_lines_run_the_same_way_in_small_steps(points: np.ndarray, step: float) -> None:
    if len(points) < 2:
        return
    dense = strokes.densified(points, step)
    steps = np.hypot(*np.diff(dense, axis=0).T)
    assert steps.max() <= step + 1e-9
    assert steps.sum() == pytest.approx(np.hypot(*np.diff(points, axis=0).T).sum())


@given(coordinate, coordinate, st.floats(0.05, 1), st.floats(-3, 3), st.floats(0.001, 0.02))
def test_bands_and_bars_have_the_surface_of_their_stroke(
    x: float, y: float, length: float, angle: float, half: float
) -> None:
    start = np.array([x, y])
    end = start + [length * math.cos(angle), length * math.sin(angle)]
    square = strokes.bars(start[None], end[None], np.full((1, 2), half), round_ends=False)[0]
    assert area(square) == pytest.approx(2 * half * length, rel=1e-6)
    round_ = strokes.bars(start[None], end[None], np.full((1, 2), half), round_ends=True)[0]
    assert area(round_) == pytest.approx(2 * half * length + math.pi * half**2, rel=0.02)
    bent = np.stack([start, (start + end) / 2, end])
    (band,) = strokes.bands(bent, np.full((1, 3), half))
    assert area(band) == pytest.approx(2 * half * length, rel=1e-6)


def test_a_polygon_moves_in_by_the_same_on_every_side_if_it_has_room() -> None:
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    for polygon in (square, square[::-1]):
        inner, same = strokes.insets(polygon, (0.5, 3.0))
        assert sorted(inner.min(axis=0)) == pytest.approx([0.5, 0.5])
        assert sorted(inner.max(axis=0)) == pytest.approx([3.5, 3.5])
        assert (same == polygon).all()
    doubled = np.vstack([square, square[-1:]])
    assert all((inner == doubled).all() for inner in strokes.insets(doubled, (0.5,)))


@given(st.lists(boxes, max_size=14))
def test_merged_rectangles_are_few_disjoint_and_cover_the_same(given_: list[rects.Rect]) -> None:
    merged = rects.merged(given_)
    covered = np.zeros((700, 900), bool)
    counts = np.zeros((700, 900), int)
    for left, top, right, bottom in given_:
        covered[top:bottom, left:right] = True
    for left, top, right, bottom in merged:
        counts[top:bottom, left:right] += 1
    assert len(merged) <= 8
    assert counts.max(initial=0) <= 1
    assert (counts[covered] == 1).all()


@given(
    st.lists(st.tuples(st.floats(-300, 1200), st.floats(-300, 900)), min_size=2, max_size=8),
    st.floats(0, 40),
)
def test_tiles_are_disjoint_and_hold_the_whole_outline(
    points: list[tuple[float, float]], shift: float
) -> None:
    outline = np.array(points)
    low, high = outline.min(axis=0), outline.max(axis=0)
    rect = rects.around((*low, *high), 900, 600)
    if rect is None:
        return
    tiles = rects.tiled([outline, outline + shift], rect)
    counts = np.zeros((600, 900), int)
    for left, top, right, bottom in tiles:
        counts[top:bottom, left:right] += 1
    assert counts.max() <= 1
    left, top, right, bottom = rect
    for x, y in strokes.densified(np.vstack([outline, outline[:1]]), 1.0):
        column, row = math.floor(x), math.floor(y)
        if left <= column < right and top <= row < bottom:
            assert counts[row, column] == 1


@given(st.floats(1, 120), st.integers(0, 10**12), st.integers(0, 10**12))
def test_flips_are_evenly_spaced_and_in_the_future(rate: float, start: int, now: int) -> None:
    pacer = Pacer(rate, start)
    flip = pacer.next_after(now)
    assert 0 < flip - now <= pacer.period_ns
    assert (flip - start) % pacer.period_ns == 0
    assert pacer.next_after(flip) == flip + pacer.period_ns


def test_slow_drawing_is_learnt_quickly_and_forgotten_slowly() -> None:
    pacer = Pacer(50, 0)
    assert pacer.expected_flip(0) == 20_000_000
    assert pacer.has_time(0, 20_000_000)
    for _ in range(8):
        pacer.drew(30_000_000)
    assert pacer.expected_flip(0) == 40_000_000
    assert not pacer.has_time(0, 20_000_000)
    pacer.drew(1_000_000)
    assert not pacer.has_time(0, 20_000_000)
    for _ in range(60):
        pacer.drew(1_000_000)
    assert pacer.has_time(0, 20_000_000)
