"""The first root is found, and nothing but a root."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billiards_trainer.physics.layout import SINK
from billiards_trainer.physics.roots import (
    circle_contact,
    falling_root,
    later_falling_root,
    line_contact,
    quartic_falling_root,
    segment_contact,
)

number = st.floats(-5, 5)


@given(c=st.floats(0.0, 3.0), v=number, a=number)
def test_the_falling_root_of_a_quadratic(c: float, v: float, a: float) -> None:
    assume(a == 0.0 or abs(a) > 1e-6)
    t = falling_root(c, v, a)
    real = [r.real for r in np.roots([0.5 * a, v, c]) if abs(r.imag) < 1e-12]
    falling = [r for r in real if v + a * r < -1e-6 and r >= 0.0]
    if falling:
        assert t == pytest.approx(min(falling), rel=1e-6, abs=1e-9)
    elif t < math.inf:
        assert t >= 0.0
        assert c + v * t + 0.5 * a * t * t == pytest.approx(0.0, abs=1e-6)


def test_a_body_that_leaves_and_falls_back_behind_the_line() -> None:
    assert later_falling_root(-1.0, 4.0, -2.0) == pytest.approx(2 + math.sqrt(3))
    assert later_falling_root(-1.0, -4.0, -2.0) == math.inf
    assert later_falling_root(-1.0, 1.0, -2.0) == math.inf


@given(
    roots=st.lists(st.floats(-2.0, 6.0), min_size=4, max_size=4),
    scale=st.floats(0.01, 10.0),
    guess=st.floats(0.0, 4.0),
)
def test_the_first_falling_root_of_a_quartic(
    roots: list[float], scale: float, guess: float
) -> None:
    a, b, c, d, e = scale * np.poly(roots)
    assume(abs(e) > 1e-3)
    a, b, c, d, e = np.array([a, b, c, d, e]) * np.sign(e)
    spread = np.diff(np.sort([0.0, 5.0, *roots]))
    assume(spread.min() > 1e-4)
    t = quartic_falling_root(e, d, c, b, a, 5.0, guess)
    inside = sorted(r for r in roots if 0.0 < r < 5.0)
    # The value is positive at 0, so the first root inside is a falling one.
    if inside:
        assert t == pytest.approx(inside[0], abs=1e-8)
    else:
        assert t == math.inf


def test_a_quartic_that_only_touches_zero_ends() -> None:
    # (t - 1)² (t² + 1): a grazing contact may be met or missed, but the search ends.
    b, c, d, e = np.poly([1.0, 1.0, 1j, -1j]).real[1:]
    t = quartic_falling_root(e, d, c, b, 1.0, 3.0, 0.0)
    assert t == math.inf or t == pytest.approx(1.0, abs=1e-3)


@given(
    p=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    v=st.tuples(number, number),
    a=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    horizon=st.floats(0.01, 4.0),
)
def test_two_circles_meet_when_a_dense_search_says_so(
    p: tuple[float, float],
    v: tuple[float, float],
    a: tuple[float, float],
    horizon: float,
) -> None:
    reach = 0.0571
    assume(math.hypot(*p) > reach + 1e-3)
    t = circle_contact(*p, *v, *a, reach, horizon)
    times = np.linspace(0.0, horizon, 4001)
    x = p[0] + times * (v[0] + 0.5 * times * a[0])
    y = p[1] + times * (v[1] + 0.5 * times * a[1])
    gap = np.hypot(x, y) - reach
    below = np.flatnonzero(gap < 0.0)
    if len(below):
        assert times[below[0] - 1] - 1e-9 <= t <= times[below[0]] + 1e-9
    elif t < math.inf:
        # Between two samples only a graze can hide.
        at = np.hypot(p[0] + t * (v[0] + 0.5 * t * a[0]), p[1] + t * (v[1] + 0.5 * t * a[1]))
        assert at == pytest.approx(reach, abs=1e-9)
        assert gap.min() < 0.05


def test_touching_bodies() -> None:
    d = 0.057
    # Approaching at speed: now.
    assert circle_contact(d, 0.0, -1.0, 0.0, 0.0, 0.0, d, 1.0) == 0.0
    # Parting: never, unless friction brings them back; then when they touch again.
    assert circle_contact(d, 0.0, 1.0, 0.0, 0.0, 0.0, d, 1.0) == math.inf
    assert circle_contact(d, 0.0, 1.0, 0.0, -4.0, 0.0, d, 1.0) == pytest.approx(0.5, abs=1e-6)
    # Pressed together from rest: when they have sunk in.
    assert circle_contact(d, 0.0, 0.0, 0.0, -2.0, 0.0, d, 1.0) == pytest.approx(
        math.sqrt(SINK), rel=1e-3
    )
    # Sunk in already: now if they approach, never if they rest.
    assert circle_contact(d - 2 * SINK, 0.0, -1e-4, 0.0, 0.0, 0.0, d, 1.0) == 0.0
    assert circle_contact(d - 2 * SINK, 0.0, 0.0, 0.0, 0.0, 0.0, d, 1.0) == math.inf
    # In the very same place there is no direction to part in.
    assert circle_contact(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, d, 1.0) == math.inf


def test_a_ball_at_a_straight_edge() -> None:
    assert line_contact(0.0, -1.0, 0.0) == 0.0
    assert line_contact(0.0, 1.0, 0.0) == math.inf
    assert line_contact(0.0, 1.0, -4.0) == pytest.approx(0.5, abs=1e-6)
    assert line_contact(0.0, 0.0, -2.0) == pytest.approx(math.sqrt(SINK))
    assert line_contact(-2 * SINK, -1e-4, 0.0) == 0.0
    assert line_contact(1.0, -1.0, 0.0) == 1.0


def test_an_edge_is_met_between_its_ends_only() -> None:
    def contact(x: float, y: float, vx: float, vy: float, ax: float, ay: float) -> float:
        # An edge along +x from the origin, 1 m long, cloth on the side of +y.
        return segment_contact(x, y, vx, vy, ax, ay, 0.0, 1.0, 1.0, 0.03, math.inf)

    assert contact(0.5, 0.13, 0.0, -1.0, 0.0, 0.0) == pytest.approx(0.1)
    assert contact(-0.2, 0.13, 0.0, -1.0, 0.0, 0.0) == math.inf
    # From behind the line's prolongation, over it, and back onto the edge.
    t = contact(-0.5, -0.1, 1.0, 2.0, 0.0, -4.0)
    assert -0.1 + 2 * t - 2 * t * t == pytest.approx(0.03)
    assert t > 0.9
    # Beside the end and level with it, then up, over and down.
    assert contact(-0.5, 0.01, 1.0, 2.0, 0.0, -4.0) == pytest.approx(0.99, abs=0.02)
    assert contact(-2.5, 0.01, 1.0, 2.0, 0.0, -4.0) == math.inf
    # The same, near enough to the edge's line to look as if it had sunk in.
    t = contact(-0.1, 0.025, 0.4, 1.0, 0.0, -4.0)
    assert 0.025 + t - 2 * t * t == pytest.approx(0.03)
    assert -0.1 + 0.4 * t > 0.0


def test_a_ball_pressed_past_an_end_meets_the_edge_where_it_becomes_level_with_it() -> None:
    def contact(along: float, gap: float, vx: float, vy: float, ay: float) -> float:
        return segment_contact(along, 0.03 + gap, vx, vy, 0.0, ay, 0.0, 1.0, 1.0, 0.03, 10.0)

    # From the jaw that the edge is tangent to, sunk a little, and pressed on.
    for gap in (-0.9 * SINK, -0.1 * SINK, 0.0, 5e-10):
        assert contact(-0.01, gap, 0.1, -0.2, 0.0) == pytest.approx(0.1)
        assert contact(1.01, gap, -0.1, -0.2, 0.0) == pytest.approx(0.1)
        # Slowly: when it has sunk in, beyond the end or not.
        t = contact(-0.01, gap, 0.1, 0.0, -1e-6)
        assert 0.1 <= t < 2.0
    # Sunk in fully on the way, it is met at the end itself.
    assert contact(-0.01, -0.9 * SINK, 0.1, -1e-5, 0.0) == pytest.approx(0.1)
    # It never comes level with it, or rises before.
    assert contact(-0.01, -0.9 * SINK, -0.1, -0.2, 0.0) == math.inf
    assert contact(-0.01, -0.9 * SINK, 0.1, 0.2, 0.0) == math.inf
    # Above the line first, past it short of the end by less than a jaw could stop.
    assert contact(-0.01, 2e-8, 0.1, -3e-7, 0.0) == pytest.approx(0.1 + 9.9e-7 / 3e-7, rel=0.1)
    # It leaves over the end and is pulled back.
    t = segment_contact(0.01, 0.03, -0.1, -1e-9, 0.5, 0.0, 0.0, 1.0, 1.0, 0.03, 10.0)
    assert t == math.inf or t > 0.1
