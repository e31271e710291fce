"""The parts of tracking, each by itself."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.table import preset
from billiards_trainer.vision.tracking import hypotheses as h
from billiards_trainer.vision.tracking.assignment import assign
from billiards_trainer.vision.tracking.labels import (
    LabelBelief,
    LabelSet,
    constrain,
    name_all,
)
from billiards_trainer.vision.tracking.motion import Motion
from billiards_trainer.vision.tracking.rest import WINDOW, Rest
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.track import Track

POOL = preset("pool-9ft")
SNOOKER = preset("snooker-12ft")
SETTINGS = TrackerSettings()
R = POOL.balls.radius


def moving(x: float, y: float, vx: float, vy: float, number: int = 1) -> Track:
    return Track(
        number,
        LabelBelief(LabelSet(POOL.balls)),
        0,
        0,
        motion=Motion.started(x, y, vx, vy, 0.0005, 0.01),
        life="real",
        moving=True,
    )


def resting(x: float, y: float, number: int = 2) -> Track:
    return Track(
        number, LabelBelief(LabelSet(POOL.balls)), 0, 0, rest=Rest(x, y, 20.0), life="real"
    )


# --- who is who -----------------------------------------------------------------------------------


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.floats(-20, 20)))
def test_no_pairing_is_cheaper(costs: dict[tuple[int, int], float]) -> None:
    pairs = assign(costs, 6.0)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    every = (
        sum(min(0.0, costs.get((r, c), 6.0) - 6.0) for r, c in enumerate(columns))
        for columns in itertools.permutations(range(4))
    )
    assert sum(costs[p] - 6.0 for p in pairs) == pytest.approx(min(every), abs=1e-6)


# --- motion ---------------------------------------------------------------------------------------


def test_friction_slows_a_ball_and_never_turns_it_round() -> None:
    start = Motion.started(0.0, 0.0, 0.3, 0.4, 0.001, 0.01)
    later = start.advanced(1.0, 0.1, 0.0)
    assert later.speed == pytest.approx(0.4)
    assert math.hypot(later.x, later.y) == pytest.approx(0.45)
    at_rest = start.advanced(60.0, 0.1, 0.0)
    assert at_rest.speed == 0.0
    assert math.hypot(at_rest.x, at_rest.y) == pytest.approx(0.5**2 / 2 / 0.1)


def test_a_filter_knows_how_well_it_knows() -> None:
    """Errors of place agree with the stated covariance, over many noisy tracks."""
    rng = np.random.default_rng(3)
    squared = []
    for _ in range(300):
        motion = Motion.started(rng.normal(0, 0.001), rng.normal(0, 0.001), 1.0, 0.0, 0.001, 0.1)
        for k in range(1, 10):
            motion = motion.advanced(1 / 30, 0.1, 0.6)
            truth = k / 30 - 0.05 * (k / 30) ** 2
            motion.measure(truth + rng.normal(0, 5e-4), rng.normal(0, 5e-4), 2.5e-7, 2.5e-7)
        squared.append((motion.x - truth) ** 2 / motion.along_x.pp)
    # The truth has none of the random accelerations that are allowed for.
    assert 0.4 < float(np.mean(squared)) < 1.2


# --- at rest --------------------------------------------------------------------------------------


def test_a_resting_ball_is_averaged_and_a_finger_does_not_pull_it() -> None:
    rng = np.random.default_rng(1)
    rest = Rest(0.5, 1.0)
    for k in range(200):
        away = (0.004, 0.0) if k % 40 == 39 else (0.0, 0.0)
        x, y = np.array([0.5, 1.0]) + away + rng.normal(0, 3e-4, 2)
        rest.measure(x, y, 9e-8, 150)
        assert not rest.has_moved()
    assert math.dist((rest.x, rest.y), (0.5, 1.0)) < 1e-4


def test_a_ball_pushed_by_a_millimetre_has_moved() -> None:
    rng = np.random.default_rng(2)
    rest = Rest(0.5, 1.0)
    for _ in range(100):
        rest.measure(*(np.array([0.5, 1.0]) + rng.normal(0, 2e-4, 2)), 4e-8, 150)
    for _ in range(WINDOW):
        rest.measure(*(np.array([0.501, 1.0]) + rng.normal(0, 2e-4, 2)), 4e-8, 150)
    assert rest.has_moved()


def test_still_balls_hardly_ever_seem_to_move() -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(20):
        rest = Rest(0.0, 0.0)
        for _ in range(300):
            rest.measure(*rng.normal(0, 4e-4, 2), 1.6e-7, 150)
            alarms += rest.has_moved()
    assert alarms == 0


# --- labels ---------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.floats(0.001, 1.0), min_size=4, max_size=4), min_size=1, max_size=4))
def test_constrained_probabilities_stay_probabilities(rows: list[list[float]]) -> None:
    p = np.array(rows)
    p /= p.sum(axis=1, keepdims=True)
    out = constrain(p, np.ones(4), rounds=200)
    assert np.allclose(out.sum(axis=1), 1.0)
    assert (out >= 0).all()
    assert (out.sum(axis=0) < 1.1).all()


def test_no_balls_have_no_labels() -> None:
    assert constrain(np.zeros((0, 4)), np.ones(4)).shape == (0, 4)
    name_all([], LabelSet(POOL.balls))


def believe(labels: LabelSet, *views: dict[str, float]) -> LabelBelief:
    belief = LabelBelief(labels)
    for view in views:
        for _ in range(30):
            belief.learn(labels.vector(view), moving=False)
    return belief


def test_a_stripe_seen_from_its_white_cap_is_no_second_cue_ball() -> None:
    labels = LabelSet(POOL.balls)
    cue = believe(labels, {"cue": 0.9, "14": 0.05})
    stripe = believe(labels, {"cue": 0.6, "14": 0.35})
    name_all([stripe, cue], labels)
    assert (cue.shown, stripe.shown) == ("cue", "14")


def test_a_rolling_ball_shows_what_it_is_and_keeps_it_at_rest() -> None:
    labels = LabelSet(POOL.balls)
    belief = believe(labels, {"cue": 0.6, "14": 0.3})
    for _ in range(20):
        belief.learn(labels.vector({"14": 0.8, "6": 0.1}), moving=True)
    for _ in range(100):
        belief.learn(labels.vector({"cue": 0.6, "14": 0.3}), moving=False)
    name_all([belief], labels)
    assert belief.shown == "14"


def test_many_reds_are_all_red() -> None:
    labels = LabelSet(SNOOKER.balls)
    reds = [believe(labels, {"red": 0.7, "brown": 0.25}) for _ in range(15)]
    name_all(reds, labels)
    assert [b.shown for b in reds] == ["red"] * 15


def test_only_the_group_is_named_when_only_that_is_sure() -> None:
    labels = LabelSet(POOL.balls)
    stripe = believe(labels, {"stripe": 0.97})
    nothing = believe(labels, {})
    name_all([stripe, nothing], labels)
    assert stripe.shown == "stripe"
    assert nothing.shown == "unknown"
    assert stripe.shown_probability > 0.75


def test_a_label_shown_is_held_against_a_little_evidence() -> None:
    labels = LabelSet(POOL.balls)
    belief = believe(labels, {"3": 0.55, "7": 0.45})
    name_all([belief], labels)
    assert belief.shown == "3"
    for _ in range(40):
        belief.learn(labels.vector({"3": 0.49, "7": 0.51}), moving=False)
    name_all([belief], labels)
    assert belief.shown == "3"


# --- what may have happened ----------------------------------------------------------------------


def test_a_fast_ball_comes_back_from_the_cushion() -> None:
    track = moving(0.1, 1.0, -5.0, 0.3)
    ways = h.hypotheses(track, 40_000_000, POOL, SETTINGS)
    cushion = next(w for w in ways if w.kind == "cushion")
    assert cushion.x == pytest.approx(R + 0.8 * (R - (0.1 - 0.2)), abs=0.01)
    assert cushion.motion is not None
    assert cushion.motion.vx == pytest.approx(4.0, abs=0.05)


def test_there_is_no_cushion_in_a_pocket_mouth() -> None:
    track = moving(0.08, POOL.length / 2, -5.0, 0.0)
    ways = h.hypotheses(track, 33_000_000, POOL, SETTINGS)
    assert all(w.kind != "cushion" for w in ways)


def test_two_balls_exchange_their_motion() -> None:
    a, b = moving(0.5, 1.0, 3.0, 0.0), resting(0.6, 1.0)
    found = h.collisions([a, b], 33_000_000, POOL, SETTINGS)
    assert set(found) == {0, 1}
    assert found[1][0].vx == pytest.approx(2.925, abs=0.01)
    assert found[0][0].vx == pytest.approx(0.075, abs=0.01)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.1, 0.4))
def test_collisions_keep_momentum(vx: float, vy: float, apart: float) -> None:
    a, b = moving(0.5, 1.0, 2.0, 0.1), moving(0.5 + apart, 1.0, vx, vy, number=2)
    found = h.collisions([a, b], 100_000_000, POOL, SETTINGS)
    if found:
        total = found[0][0].vx + found[1][0].vx, found[0][0].vy + found[1][0].vy
        assert total == pytest.approx((2.0 + vx, 0.1 + vy), abs=1e-9)


def test_balls_that_part_do_not_meet() -> None:
    a, b = moving(0.5, 1.0, -3.0, 0.0), resting(0.6, 1.0)
    assert h.collisions([a, b], 33_000_000, POOL, SETTINGS) == {}
    aside = resting(0.6, 1.2)
    assert h.collisions([moving(0.5, 1.0, 3.0, 0.0), aside], 33_000_000, POOL, SETTINGS) == {}


def test_touching_balls_meet_at_once() -> None:
    a, b = moving(0.5, 1.0, 1.0, 0.0), resting(0.5 + 2 * R, 1.0)
    found = h.collisions([a, b], 33_000_000, POOL, SETTINGS)
    assert found[1][0].vx == pytest.approx(0.975, abs=0.01)


def test_drift_needs_two_measurements_at_different_times() -> None:
    track = moving(0.5, 1.0, 0.1, 0.0)
    assert track.drift() is None
    track.recent.extend([(0, 0.5, 1.0), (0, 0.5, 1.0)])
    assert track.drift() is None
    track.recent.append((1_000_000_000, 0.6, 1.0))
    drift = track.drift()
    assert drift is not None
    assert drift[2] == pytest.approx(0.1)
