"""Motion between events against theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.state import BallsState, Motion, StateError
from billiards_trainer.physics.trajectory import EventKind

from .shots import POOL, P, R, cloth, first, kinds, play, rolling

G = P.gravity
MIDDLE = [0.635, 0.6]


@pytest.mark.parametrize("speed", [0.2, 0.5, 0.6])
def test_a_rolling_ball_runs_v_squared_over_two_mu_g(speed: float) -> None:
    shot = play([MIDDLE], [[0.0, speed]], [rolling(0.0, speed)])
    assert kinds(shot) == [EventKind.RESTING]
    run = shot.final.position[0, 1] - MIDDLE[1]
    assert run == pytest.approx(speed**2 / (2 * P.mu_roll * G), rel=1e-12)
    assert shot.duration == pytest.approx(speed / (P.mu_roll * G), rel=1e-12)


@pytest.mark.parametrize("speed", [0.5, 1.5])
def test_a_ball_without_spin_rolls_at_five_sevenths_of_its_speed(speed: float) -> None:
    event = first(play([MIDDLE], [[0.0, speed]]), EventKind.ROLLING)
    assert event.after.velocity[0] == pytest.approx([0.0, 5 / 7 * speed, 0.0], abs=1e-12)
    assert event.time == pytest.approx(2 * speed / (7 * P.mu_slide * G), rel=1e-12)
    run = event.after.position[0, 1] - MIDDLE[1]
    assert run == pytest.approx(12 * speed**2 / (49 * P.mu_slide * G), rel=1e-12)
    # Rolling: the point on the cloth stands still.
    assert event.after.spin[0, 0] == pytest.approx(-5 / 7 * speed / R, rel=1e-12)


def test_pure_top_spin_gives_two_sevenths_of_its_surface_speed() -> None:
    spin = 40.0
    event = first(play([MIDDLE], [[0.0, 0.0]], [[-spin, 0.0, 0.0]]), EventKind.ROLLING)
    assert event.after.velocity[0, 1] == pytest.approx(2 / 7 * R * spin, rel=1e-12)


def test_side_spin_decays_on_its_own_and_the_ball_spins_on_the_spot() -> None:
    shot = play([MIDDLE], [[0.0, 0.1]], [[-0.1 / R, 0.0, 30.0]])
    rate = 2.5 * P.mu_spin * G / R
    assert kinds(shot) == [EventKind.SPINNING, EventKind.RESTING]
    assert shot.duration == pytest.approx(30.0 / rate, rel=1e-12)
    assert shot.spin(0, [1.0])[0, 2] == pytest.approx(30.0 - rate)
    resting = shot.events[-1]
    assert resting.before.motion[0] == Motion.SPINNING
    assert resting.after.motion[0] == Motion.RESTING


def test_side_spin_that_ends_while_rolling_makes_no_event() -> None:
    shot = play([MIDDLE], [[0.0, 0.5]], [[-0.5 / R, 0.0, -5.0]])
    assert kinds(shot) == [EventKind.RESTING]
    assert shot.spin(0, [0.1])[0, 2] < 0.0
    assert shot.spin(0, [shot.duration * 0.9])[0, 2] == 0.0


def test_a_ball_struck_across_its_way_runs_on_a_parabola() -> None:
    # Spin about the direction of travel: friction pushes it aside with constant force.
    shot = play([MIDDLE], [[0.0, 1.0]], [[-1.0 / R, 50.0, 0.0]])
    rolls = first(shot, EventKind.ROLLING)
    t = np.linspace(0.0, rolls.time, 7)
    path = shot.path(0, t)
    assert path[:, 0] == pytest.approx(MIDDLE[0] + 0.5 * P.mu_slide * G * t**2, abs=1e-12)
    assert path[:, 1] == pytest.approx(MIDDLE[1] + 1.0 * t, abs=1e-12)
    assert path[:, 2] == pytest.approx(R)
    # 5/7 of the velocity and 2/7 of what the spin wanted.
    assert rolls.after.velocity[0, :2] == pytest.approx([2 / 7 * R * 50.0, 1.0])


def test_positions_velocities_and_spins_fit_together_at_any_time() -> None:
    shot = play([MIDDLE], [[0.3, 1.5]], [[20.0, -15.0, 40.0]])
    t = np.linspace(0.001, shot.duration - 0.001, 400)
    h = 1e-6
    slope = (shot.path(0, t + h) - shot.path(0, t - h)) / (2 * h)
    clear = np.abs(t[:, None] - shot.times).min(axis=1) > 1e-5
    assert slope[clear] == pytest.approx(shot.velocity(0, t)[clear], abs=1e-6)
    for k in (3, 200, 390):
        state = shot.at(t[k])
        assert state.position[0] == pytest.approx(shot.path(0, t[k])[0], abs=1e-15)
        assert state.velocity[0] == pytest.approx(shot.velocity(0, t[k])[0], abs=1e-15)
        assert state.spin[0] == pytest.approx(shot.spin(0, t[k])[0], abs=1e-15)
        assert state.motion[0] == shot.motion(0, t[k])[0]


def test_events_join_the_pieces_without_a_gap() -> None:
    shot = play([MIDDLE, [0.7, 1.5]], [[0.2, 3.0], [0.0, 0.0]])
    for event in shot.events:
        if event.kind == EventKind.POCKET:
            continue  # it is put into the hole's middle
        for k, ball in enumerate(event.balls):
            before = shot.path(ball, [event.time - 1e-9])[0]
            assert before == pytest.approx(event.before.position[k], abs=1e-7)
            assert event.after.position[k] == pytest.approx(event.before.position[k], abs=1e-6)
            assert shot.velocity(ball, [event.time])[0] == pytest.approx(event.after.velocity[k])


def test_before_the_start_and_after_the_end_nothing_moves() -> None:
    shot = play([MIDDLE], [[0.0, 0.3]])
    assert shot.at(-1.0).position[0, :2] == pytest.approx(MIDDLE)
    assert shot.at(shot.duration + 100).position == pytest.approx(shot.final.position)
    assert shot.path(0, [shot.duration + 5])[0] == pytest.approx(shot.final.position[0])
    assert shot.velocity(0, [shot.duration + 5])[0] == pytest.approx(0.0)


def test_motion_follows_from_velocity_and_spin() -> None:
    state = BallsState.moving(
        [[0.2, 0.2], [0.4, 0.2], [0.6, 0.2], [0.8, 0.2], [1.0, 0.2]],
        [[0, 0], [0, 0], [1, 0], [1, 0], [0, 0]],
        [[0, 0, 0], [0, 0, 5], [0, 0, 0], [0, 1 / R, 3], [0, 0, 0]],
        R,
        pocketed=[4],
    )
    assert state.motion.tolist() == [
        Motion.RESTING,
        Motion.SPINNING,
        Motion.SLIDING,
        Motion.ROLLING,
        Motion.POCKETED,
    ]


def test_the_motion_a_caller_claims_does_not_count() -> None:
    honest = BallsState.moving([MIDDLE], [[0.0, 0.4]], [[0, 0, 0]], R)
    claim = BallsState(honest.position, honest.velocity, honest.spin, np.zeros(1, dtype=np.int8))
    shot = simulate(POOL, claim)
    assert shot.initial.motion[0] == Motion.SLIDING
    assert shot.path(0, [0.01])[0, 1] == pytest.approx(
        MIDDLE[1] + 0.4 * 0.01 - 0.5 * P.mu_slide * G * 0.01**2
    )


def test_a_cloth_without_much_friction_takes_longer() -> None:
    fast = play([MIDDLE], [[0.0, 0.4]], [rolling(0.0, 0.4)], parameters=cloth(mu_roll=0.02))
    slow = play([MIDDLE], [[0.0, 0.4]], [rolling(0.0, 0.4)], parameters=cloth(mu_roll=0.01))
    assert slow.duration == pytest.approx(2 * fast.duration)


def test_states_that_are_none_are_refused() -> None:
    with pytest.raises(StateError, match="not finite"):
        BallsState.at_rest([[math.nan, 0.0]], R)
    with pytest.raises(StateError, match="shape"):
        BallsState(np.zeros((2, 2)), np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2, np.int8))
