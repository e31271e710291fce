"""Many shots at once come out as one by one."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from billiards_trainer.physics.batch import simulate_batch
from billiards_trainer.physics.engine import simulate, strike_row
from billiards_trainer.physics.geometry import for_table
from billiards_trainer.physics.parameters import Models
from billiards_trainer.physics.sampling import breaks, rack, random_shots
from billiards_trainer.physics.state import BallsState, Motion, StateError
from billiards_trainer.physics.strike import Strike, StrikeError
from billiards_trainer.physics.trajectory import EventKind

from .shots import POOL, P, R


def test_a_batch_gives_what_single_shots_give() -> None:
    positions, strikes = random_shots(np.random.default_rng(3), POOL, 3, 8)
    done = simulate_batch(POOL, positions, strikes)
    for k in range(8):
        one = simulate(
            POOL,
            BallsState.at_rest(positions[k], R),
            Strike(0, *(float(v) for v in strikes[k, 1:])),
        )
        assert done.position[k] == pytest.approx(one.final.position[:, :2], abs=1e-12)
        assert np.array_equal(done.motion[k], one.final.motion)
        assert np.array_equal(done.pocket_of[k], one.pocket_of)
        assert done.duration[k] == pytest.approx(one.duration)
        assert done.events[k] == len(one.times)
        assert done.complete[k]
        hits = [e.balls for e in one.events if e.kind == EventKind.BALL_BALL and 0 in e.balls]
        assert done.first_hit[k, 0] == (hits[0][1] if hits else -1)
        for ball in range(3):
            met = sum(
                e.kind in (EventKind.CUSHION, EventKind.JAW) and e.balls == (ball,)
                for e in one.events
            )
            assert done.cushions[k, ball] == met


def test_one_state_for_many_strikes_and_one_strike_for_many_states() -> None:
    state = BallsState.at_rest([[0.4, 0.5], [0.5, 1.2]], R)
    strikes = [Strike(0, 2.0, a) for a in (0.3, 1.2, 2.0)]
    fan = simulate_batch(POOL, state, strikes)
    assert fan.position.shape == (3, 2, 2)
    assert not np.allclose(fan.position[0], fan.position[1])
    same = simulate_batch(POOL, [state, state], strikes[1])
    assert np.array_equal(same.position[0], same.position[1])
    assert np.array_equal(same.position[0], fan.position[1])


def test_balls_in_motion_need_no_strike_and_missing_balls_are_nan() -> None:
    moving = BallsState.moving([[0.4, 0.5]], [[0.0, 0.5]], [[0, 0, 0]], R)
    assert simulate_batch(POOL, moving).position[0, 0, 1] > 0.5
    rows = np.full((2, 3, 2), np.nan)
    rows[:, 0] = [0.4, 0.5]
    rows[1, 2] = [0.4, 1.0]
    done = simulate_batch(POOL, rows, Strike(0, 1.0, math.pi / 2))
    assert done.motion[0].tolist() == [Motion.RESTING, Motion.POCKETED, Motion.POCKETED]
    assert done.first_hit[:, 0].tolist() == [-1, 2]


def test_rows_of_states_models_bounds_and_geometries_are_taken() -> None:
    state = BallsState.moving([[0.4, 0.5]], [[0.0, 3.0]], [[0, 0, 0]], R)
    rows = np.zeros((1, 1, 8))
    rows[0, 0, :4] = [0.4, 0.5, 0.0, 3.0]
    rows[0, 0, 7] = Motion.SLIDING
    a = simulate_batch(POOL, state, models=Models.named(cushion="mirror"))
    b = simulate_batch(
        for_table(POOL, R), rows, parameters=P, models=Models.named(cushion="mirror")
    )
    assert np.array_equal(a.position, b.position)
    cut = simulate_batch(POOL, state, max_events=1)
    assert (cut.complete[0], cut.events[0]) == (False, 1)
    with pytest.raises(TypeError, match="parameters"):
        simulate_batch(for_table(POOL, R), state)


def test_bad_batches_are_refused() -> None:
    state = BallsState.at_rest([[0.4, 0.5], [0.5, 1.2]], R)
    near = np.array([[[0.4, 0.5], [0.41, 0.5]]])
    with pytest.raises(StateError, match="balls 0 and 1 overlap by 47"):
        simulate_batch(POOL, near)
    with pytest.raises(StateError, match=r"overlap by 47.* in state 1"):
        simulate_batch(POOL, np.concatenate([[[[0.4, 0.5], [0.4, 1.5]]], near]))
    with pytest.raises(StateError, match="shape"):
        simulate_batch(POOL, np.zeros((2, 2)))
    with pytest.raises(StateError, match="finite"):
        simulate_batch(POOL, np.full((1, 1, 8), np.inf))
    with pytest.raises(StateError, match="do not go with"):
        simulate_batch(POOL, [state, state], [Strike(0, 1.0, a) for a in (0.0, 1.0, 2.0)])
    with pytest.raises(StrikeError, match="there are 2 balls"):
        simulate_batch(POOL, state, Strike(2, 1.0, 0.0))
    with pytest.raises(StrikeError, match="shape"):
        simulate_batch(POOL, state, np.zeros((1, 7)))
    with pytest.raises(StrikeError, match="finite"):
        simulate_batch(POOL, state, np.full((1, 8), np.nan))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ([-3.0, 1.0], "outside the table in state 2"),
        ([0.4, 0.01], "18.575 mm inside a cushion in state 2"),
        (POOL.pockets[0].centre, "in the hole of a pocket in state 2"),
    ],
)
def test_places_where_no_ball_can_lie_are_refused(place: list[float], words: str) -> None:
    rows = np.array([[[0.4, 0.5], [0.5, 1.2]]] * 3)
    rows[2, 1] = place
    with pytest.raises(StateError, match=words):
        simulate_batch(POOL, rows, Strike(0, 1.0, 0.0))


def test_balls_that_overlap_a_little_are_moved_apart_as_in_a_single_shot() -> None:
    near = [[0.5, 1.0], [0.5 + 2 * R - 5e-7, 1.0]]
    done = simulate_batch(POOL, np.array([near]), Strike(0, 1.0, 2.0))
    one = simulate(POOL, BallsState.at_rest(near, R), Strike(0, 1.0, 2.0))
    assert done.position[0] == pytest.approx(one.final.position[:, :2], abs=1e-12)
    wide = [[0.5, 1.0], [0.5 + 2 * R - 1e-3, 1.0]]
    with pytest.raises(StateError, match="overlap"):
        simulate_batch(POOL, np.array([wide]))
    assert simulate_batch(POOL, np.array([wide]), tolerance=2e-3).complete.all()


def test_impossible_strikes_and_motions_are_refused() -> None:
    places = np.full((2, 2, 2), np.nan)
    places[:, 0] = [0.4, 1.0]
    places[0, 1] = [0.4, 0.5]
    with pytest.raises(StrikeError, match=r"strike\.ball is 1, which lies in a pocket"):
        simulate_batch(POOL, places, Strike(1, 2.0, 0.5))
    good = np.array([[0, 2.0, 0.5, 0.0, 0.0, 0.0, 0.54, 0.00567]] * 3)
    assert simulate_batch(POOL, places[:1], good).complete.all()
    for column, value, words in (
        (0, -5.0, "ball is negative in strike 1"),
        (0, 0.5, "ball is not a whole number in strike 1"),
        (0, 7.0, "there are 2 balls"),
        (1, -5.0, "speed must lie between"),
        (1, 31.0, "speed must lie between"),
        (3, 7.0, "elevation must lie between"),
        (4, 3.0, "beside the ball"),
        (6, -1.0, "must be positive"),
        (7, 0.0, "must be positive"),
        (2, np.inf, "direction is not a finite number in strike 1"),
    ):
        bad = good.copy()
        bad[1, column] = value
        with pytest.raises(StrikeError, match=words):
            simulate_batch(POOL, places[:1], bad)
    # -1 is no strike.
    bad[1] = strike_row(None)
    assert simulate_batch(POOL, places[:1], bad).events[1] == 0
    for column, value, words in (
        (7, 9.0, "a motion is none of"),
        (7, 1.5, "a motion is none of"),
        (2, 101.0, "velocity of ball 0 is more than 100 m/s"),
        (6, -5001.0, "spin of ball 0 is more than 5000 rad/s"),
    ):
        rows = np.zeros((1, 1, 8))
        rows[0, 0, :2] = [0.4, 1.0]
        rows[0, 0, column] = value
        with pytest.raises(StateError, match=words):
            simulate_batch(POOL, rows)


def test_what_stopped_each_shot_is_said() -> None:
    positions, strikes = random_shots(np.random.default_rng(4), POOL, 3, 100)
    strikes[0, 1] = 0.0
    done = simulate_batch(POOL, positions, strikes, max_events=4, max_time=1.0)
    assert set(done.stopped_by) == {"", "events", "time"}
    assert np.array_equal(done.complete, done.stopped_by == "")
    assert (done.events[done.stopped_by == "events"] == 4).all()
    assert (done.duration[done.stopped_by == "time"] == 1.0).all()
    late = simulate_batch(POOL, positions, strikes, deadline_ns=time.monotonic_ns() - 1)
    assert set(late.stopped_by) == {"deadline"}
    assert np.array_equal(late.position, positions)
    assert (late.events == 0).all()
    assert (late.pocket_of == -1).all()
    for threads in (1, 2):
        calm = simulate_batch(
            POOL,
            positions,
            strikes,
            threads=threads,
            deadline_ns=time.monotonic_ns() + 60_000_000_000,
        )
        assert calm.complete.all()


@pytest.mark.compiled
def test_threads_change_nothing() -> None:
    positions, strikes = random_shots(np.random.default_rng(4), POOL, 3, 400)
    one = simulate_batch(POOL, positions, strikes, threads=1)
    four = simulate_batch(POOL, positions, strikes, threads=4)
    assert np.array_equal(one.position, four.position)
    assert np.array_equal(one.events, four.events)


def test_racks_and_breaks() -> None:
    for kind, count in (("eight", 15), ("nine", 9)):
        tight = rack(POOL, kind)  # type: ignore[arg-type]
        gaps = np.hypot(*(tight[:, None] - tight[None]).transpose(2, 0, 1))
        assert tight.shape == (count, 2)
        assert gaps[np.triu_indices(count, 1)].min() == pytest.approx(2 * R)
        assert tight[0] == pytest.approx(POOL.spots["foot"])
    positions, strikes = breaks(np.random.default_rng(1), POOL, "nine", 2)
    done = simulate_batch(POOL, positions, strikes)
    assert done.complete.all()
    assert (done.first_hit[:, 0] == 1).all()
