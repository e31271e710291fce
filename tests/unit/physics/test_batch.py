"""Many shots at once come out as one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from billiards_trainer.physics.batch import simulate_batch
from billiards_trainer.physics.engine import simulate
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
    with pytest.raises(StateError, match="overlap in state 0"):
        simulate_batch(POOL, near)
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
