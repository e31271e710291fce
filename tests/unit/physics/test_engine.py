"""Whole shots: the cases that hang or break other engines, and the bounds."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from billiards_trainer.physics.engine import kinetic_energy, simulate
from billiards_trainer.physics.geometry import Circle, Segment, build, for_table, pieces
from billiards_trainer.physics.parameters import BallBallModel, CushionModel, Models
from billiards_trainer.physics.sampling import rack
from billiards_trainer.physics.state import BallsState, Motion, StateError
from billiards_trainer.physics.strike import Strike, StrikeError
from billiards_trainer.physics.trajectory import EventKind
from billiards_trainer.table import TABLE_NAMES, preset

from .crowds import random_state, troubles
from .shots import CAROM, ELASTIC, POOL, P, R, cloth, first, kinds, play, rolling


@pytest.mark.parametrize("direction", [0.0, math.pi / 2, math.pi, -math.pi / 2, 0.7])
@pytest.mark.parametrize("models", [Models(), ELASTIC])
def test_a_straight_stun_shot_ends(direction: float, models: Models) -> None:
    way = np.array([math.cos(direction), math.sin(direction)])
    middle = np.array([0.635, 1.27])
    shot = play(
        [middle, middle + 0.2 * way],
        strike=Strike(0, 2.0, direction, height=-0.06),
        models=models,
    )
    assert shot.complete
    hit = first(shot, EventKind.BALL_BALL)
    e = 1.0 if models.ball_ball == BallBallModel.ELASTIC else P.e_ball
    closing = np.hypot(*hit.before.velocity[0, :2])
    assert np.hypot(*hit.after.velocity[0, :2]) == pytest.approx((1 - e) / 2 * closing, abs=1e-9)
    assert not troubles(POOL, shot)


def test_an_elastic_stun_shot_without_spin_stops_the_cue_ball_dead() -> None:
    shot = play([[0.4, 0.6], [0.4, 0.7]], [[0.0, 3.0], [0.0, 0.0]], [[0, 0, 0]] * 2, models=ELASTIC)
    hit = first(shot, EventKind.BALL_BALL)
    assert hit.after.velocity[0, 1] == pytest.approx(0.0, abs=1e-12)
    # What little it had begun to roll carries it on.
    assert hit.after.spin[0, 0] < 0.0


def test_a_chain_of_balls_ten_micrometres_apart_hands_the_blow_on() -> None:
    chain = [[0.635, 0.8 + k * (2 * R + 1e-5)] for k in range(6)]
    shot = play(
        [[0.635, 0.5], *chain],
        [[0.0, 2.0], *[[0.0, 0.0]] * 6],
        models=Models(BallBallModel.ELASTIC),
        parameters=cloth(e_ball=1.0),
    )
    assert shot.complete
    hits = [e.balls for e in shot.events if e.kind == EventKind.BALL_BALL][:6]
    assert hits == [(k, k + 1) for k in range(6)]
    after = shot.at(first(shot, EventKind.BALL_BALL).time + 1e-4)
    # The last takes it all, as in Newton's cradle.
    assert after.velocity[6, 1] > 1.5
    assert np.abs(after.velocity[1:6]).max() < 0.05
    assert not troubles(POOL, shot)


@pytest.mark.parametrize("gap", [0.0, 1e-9, -5e-7, 1e-4])
def test_a_break_ends_whatever_the_gaps(gap: float) -> None:
    places = np.vstack([[0.6, 0.5], rack(POOL, "eight", gap)])
    shot = simulate(
        POOL, BallsState.at_rest(places, R), Strike(0, 9.0, math.pi / 2 - 0.03, height=0.1)
    )
    assert shot.complete
    assert (shot.final.motion != Motion.RESTING).sum() == (shot.pocket_of >= 0).sum()
    moved = np.hypot(*(shot.final.position - shot.initial.position)[:, :2].T)
    assert (moved > 0.05).sum() > 8
    assert not troubles(POOL, shot)


def test_a_symmetric_break_on_the_long_axis_ends() -> None:
    places = np.vstack([[0.635, 0.5], rack(POOL, "nine")])
    shot = simulate(POOL, BallsState.at_rest(places, R), Strike(0, 8.0, math.pi / 2))
    assert shot.complete
    assert not troubles(POOL, shot)


def test_a_spinning_ball_pressed_against_a_frozen_one_pushes_it_away() -> None:
    shot = play(
        [[0.635, 1.0], [0.635, 1.0 + 2 * R]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[-200.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    )
    assert shot.complete
    assert len(shot.events) < 3000
    assert shot.final.position[1, 1] > 1.0 + 2 * R + 0.05
    assert not troubles(POOL, shot)


def test_a_spinning_ball_pressed_against_a_cushion_runs_along_it() -> None:
    shot = play([[CAROM.balls.radius, 1.0]], [[0.0, 0.3]], [[0.0, -150.0, 0.0]], table=CAROM)
    assert shot.complete
    assert len(shot.events) < 3000
    assert shot.final.position[0, 0] < 2 * R + 0.3
    assert not troubles(CAROM, shot)


def test_a_ball_frozen_to_a_cushion_can_roll_along_it() -> None:
    shot = play([[CAROM.balls.radius, 0.5]], [[0.0, 0.4]], table=CAROM)
    assert kinds(shot) == [EventKind.ROLLING, EventKind.RESTING]
    assert shot.final.position[0, 0] == CAROM.balls.radius


@pytest.mark.parametrize(("vx", "vy"), [(2.0, 0.0), (0.0, 2.0), (-2.0, 0.0), (0.0, -2.0)])
def test_axis_aligned_shots_stay_on_their_axis(vx: float, vy: float) -> None:
    shot = play([[0.5, 1.0]], [[vx, vy]], table=CAROM)
    assert shot.complete
    assert EventKind.CUSHION in kinds(shot)
    other = 1 if vy == 0.0 else 0
    assert shot.final.position[0, other] == [0.5, 1.0][other]


@pytest.mark.parametrize(
    ("name", "place", "spin"),
    [
        ("snooker-12ft", [1.76037308, 0.04926541], [-248.45, 180.725, -95.32]),
        ("pool-7ft", [0.08000405201200532, 1.9530820147578314], [-62.10187872, 237.26369, 222.883]),
    ],
)
def test_a_ball_pressed_along_a_jaw_does_not_leave_through_the_nose(
    name: str, place: list[float], spin: list[float]
) -> None:
    table = preset(name)
    shot = play([place], [[0.0, 0.0]], [spin], table=table)
    assert shot.complete
    assert not troubles(table, shot)


@pytest.mark.compiled
def test_two_balls_wedged_into_the_jaws_come_to_rest() -> None:
    """Spin presses them on for a second; each impulse frees one contact at another's cost."""
    corner = POOL.pockets[-1]
    middle, out = np.array(corner.mouth_centre), np.array(corner.centre)
    way = (middle - out) / np.hypot(*(middle - out))
    across = np.array([-way[1], way[0]])
    places = [middle + 0.05 * way + side * (R + 1e-6) * across for side in (-1, 1)]
    # Rolling resistance aside, they go on until the facings hold them.
    spin = 300.0 * np.array([way[1], -way[0], 0.0])
    shot = play(places, [-3.0 * way] * 2, [spin] * 2)
    assert shot.complete
    assert not troubles(POOL, shot)


def test_two_balls_that_meet_head_on_and_a_third_at_the_same_instant() -> None:
    shot = play(
        [[0.4, 1.0], [0.8, 1.0], [0.6, 1.2]],
        [[1.0, 0.0], [-1.0, 0.0], [0.0, -1.0]],
        [[0, 0, 0]] * 3,
    )
    assert shot.complete
    assert not troubles(POOL, shot)


def test_a_ball_squeezed_between_two_cushions_of_a_corner_gets_out() -> None:
    radius = CAROM.balls.radius
    shot = play([[radius, radius]], [[-3.0, -2.0]], [[50.0, 80.0, 20.0]], table=CAROM)
    assert shot.complete
    assert not troubles(CAROM, shot)


def test_momentum_is_kept_and_energy_never_grows_along_a_shot() -> None:
    shot = play([[0.5, 0.6], [0.55, 1.1], [0.7, 1.6]], [[0.1, 4.0], [0, 0], [0, 0]])
    times = np.linspace(0.0, shot.duration, 500)
    energies = [kinetic_energy(shot.at(t), shot.parameters) for t in times]
    assert (np.diff(energies) <= 1e-12).all()
    assert energies[-1] == 0.0
    for event in shot.events:
        if event.kind == EventKind.BALL_BALL:
            assert event.after.velocity.sum(axis=0) == pytest.approx(
                event.before.velocity.sum(axis=0), abs=1e-12
            )


def test_time_runs_backwards_without_friction_and_loss() -> None:
    """On an almost frictionless cloth the way back is the way."""
    slippery = replace(
        P, radius=CAROM.balls.radius, mu_slide=1e-6, mu_roll=1e-6, mu_spin=1e-6, e_cushion=1.0
    )
    there = play(
        [[0.5, 0.6], [0.55, 1.1], [0.75, 1.5]],
        [[0.3, 2.0], [0, 0], [0, 0]],
        table=CAROM,
        parameters=slippery,
        models=ELASTIC,
        max_time=1.5,
    )
    assert there.stopped_by == "time"
    hits = [e.balls for e in there.events]
    assert len(hits) >= 3
    end = there.final
    back = simulate(
        CAROM,
        BallsState(end.position, -end.velocity, -end.spin, end.motion),
        parameters=slippery,
        models=ELASTIC,
        max_time=1.5,
    )
    assert [e.balls for e in back.events] == hits[::-1]
    assert np.abs(back.final.position - there.initial.position).max() < 1e-3


def test_bounds_are_kept_and_reported() -> None:
    places = np.vstack([[0.6, 0.5], rack(POOL, "eight", 1e-5)])
    state = BallsState.at_rest(places, R)
    strike = Strike(0, 9.0, math.pi / 2 - 0.03)
    whole = simulate(POOL, state, strike)
    assert whole.complete
    assert whole.stopped_by == ""
    few = simulate(POOL, state, strike, max_events=20)
    assert (few.complete, few.stopped_by, len(few.events)) == (False, "events", 20)
    assert few.times == pytest.approx(whole.times[:20], abs=1e-15)
    short = simulate(POOL, state, strike, max_time=0.5)
    assert (short.complete, short.stopped_by) == (False, "time")
    assert short.duration == 0.5
    assert short.final.position == pytest.approx(whole.at(0.5).position, abs=1e-12)
    assert short.at(0.5).position == pytest.approx(short.final.position)
    assert short.path(0, [9.0])[0] == pytest.approx(short.final.position[0], abs=1e-12)
    late = simulate(POOL, state, strike, deadline_ns=time.monotonic_ns() - 1)
    assert (late.complete, late.stopped_by) == (False, "deadline")
    calm = simulate(POOL, state, strike, deadline_ns=time.monotonic_ns() + 60_000_000_000)
    assert calm.complete
    assert np.array_equal(calm.times, whole.times)


def test_the_same_shot_twice_is_the_same_to_the_last_bit() -> None:
    a = play([[0.5, 0.6], [0.55, 1.1]], [[0.1, 4.0], [0, 0]])
    b = play([[0.5, 0.6], [0.55, 1.1]], [[0.1, 4.0], [0, 0]])
    assert np.array_equal(a.final.position, b.final.position)


def test_balls_that_overlap_a_little_are_moved_apart_and_others_are_refused() -> None:
    near = [[0.5, 1.0], [0.5 + 2 * R - 5e-7, 1.0]]
    shot = play(near, [[0, 0], [0.5, 0.0]])
    gap = np.hypot(*(shot.initial.position[0] - shot.initial.position[1])[:2]) - 2 * R
    assert gap == pytest.approx(0.0, abs=1e-12)
    seen = [[0.5, 1.0], [0.5 + 2 * R - 1e-3, 1.0], [R - 5e-4, 0.5]]
    with pytest.raises(StateError, match=r"balls 0 and 1 overlap by 1\.000 mm"):
        play(seen)
    mended = play(seen, tolerance=2e-3).initial.position
    assert np.hypot(*(mended[0] - mended[1])[:2]) >= 2 * R - 1e-9
    assert mended[2, 0] >= R - 1e-12
    # The caller's array is left alone.
    alone = BallsState.at_rest([[R - 1e-7, 0.5]], R)
    simulate(POOL, alone)
    assert alone.position[0, 0] == R - 1e-7


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ([-0.5, 1.0], "outside the table"),
        ([0.6, -0.001], "outside the table"),
        ([0.6, 0.01], "inside a cushion"),
        ([3.0, 1.0], "outside the table"),
        (POOL.pockets[1].centre, "in the hole of a pocket"),
        ([-0.05, 0.03], "outside the table"),
    ],
)
def test_balls_that_lie_where_none_can_are_refused(place: list[float], words: str) -> None:
    with pytest.raises(StateError, match=words):
        play([place])


def test_too_many_balls_in_too_little_room_are_refused() -> None:
    # A box that just holds two balls, and three that overlap a lot.
    walls = [((0, 0), (0.1, 0)), ((0.1, 0), (0.1, 0.1)), ((0.1, 0.1), (0, 0.1)), ((0, 0.1), (0, 0))]
    shape = build([Segment(a, b, 0.036, False) for a, b in walls], [], [], R)
    crowd = BallsState.at_rest([[0.03, 0.03], [0.07, 0.03], [0.05, 0.07]], R)
    with pytest.raises(StateError, match="too tight"):
        simulate(shape, crowd, parameters=P, tolerance=0.05)


def test_strikes_at_no_ball_are_refused() -> None:
    with pytest.raises(StrikeError, match="there are 1 balls"):
        play([[0.5, 1.0]], strike=Strike(3, 1.0, 0.0))
    state = BallsState.moving([[0.5, 1.0]], [[0, 0]], [[0, 0, 0]], R, pocketed=[0])
    with pytest.raises(StrikeError, match="lies in a pocket"):
        simulate(POOL, state, Strike(0, 1.0, 0.0))
    with pytest.raises(TypeError, match="parameters"):
        simulate(for_table(POOL, R), BallsState.at_rest([[0.5, 1.0]], R))


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_the_free_box_changes_nothing(name: str) -> None:
    table = preset(name)
    radius = table.balls.radius
    rng = np.random.default_rng(11)
    with_box = for_table(table, radius)
    assert with_box.box[0] < with_box.box[1]
    segments, jaws, pockets = pieces(table)
    # Edges with two sides cannot bound a free box.
    plain = build([replace(s, both_sides=True) for s in segments], jaws, pockets, radius)
    assert plain.box[0] > plain.box[1]
    for _ in range(6):
        state = random_state(rng, table, most=3)
        p = replace(P, radius=radius)
        a = simulate(with_box, state, parameters=p, tolerance=1e-4)
        b = simulate(plain, state, parameters=p, tolerance=1e-4)
        # A ball frozen to the rail may graze a jaw by a rounding error; it goes on as before.
        for t in np.linspace(0.0, min(a.times[:25][-1], b.times[:25][-1]), 50):
            assert a.at(t).position == pytest.approx(b.at(t).position, abs=1e-5)


def test_every_pocket_swallows_a_ball_sent_into_it() -> None:
    for name in ("pool-7ft", "pool-9ft", "snooker-12ft"):
        table = preset(name)
        for k, pocket in enumerate(table.pockets):
            along = 0.5 if pocket.kind == "side" else 0.4
            start = np.array([table.width / 2, table.length * along])
            way = np.array(pocket.mouth_centre) - start
            way /= np.hypot(*way)
            shot = play([start], [2.5 * way], table=table)
            assert shot.pocket_of[0] == k
            last = shot.events[-1]
            assert (last.kind, last.index) == (EventKind.POCKET, k)
            assert shot.final.motion[0] == Motion.POCKETED
            assert shot.final.position[0, :2] == pytest.approx(pocket.centre)
            assert shot.final.position[0, 2] < 0.0


def test_a_ball_along_the_rail_meets_the_jaws_and_contact_points_lie_on_them() -> None:
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(60):
        y = rng.uniform(R, 0.12)
        shot = play([[0.635, y]], [[-rng.uniform(1.0, 4.0), rng.uniform(-0.3, 0.1)]])
        for event in shot.events:
            at = np.array(event.position)
            centre = event.before.position[0, :2]
            if event.kind == EventKind.JAW and event.index >= 0:
                jaw = POOL.jaws[event.index]
                assert math.dist(at, jaw.centre) == pytest.approx(jaw.radius)
                assert math.dist(at, centre) == pytest.approx(R, abs=2e-6)
            elif event.kind == EventKind.CUSHION:
                assert math.dist(at, centre) == pytest.approx(R, abs=2e-6)
                seen.add(POOL.segments[event.index].kind)
            seen.add(event.kind)
    assert {EventKind.JAW, EventKind.POCKET, "nose", "facing"} <= seen


def test_free_ends_of_cushions_stop_balls() -> None:
    # A single wall in the middle of nowhere, hit at its end.
    shape = build([Segment((0.0, 0.0), (1.0, 0.0), 0.036)], [], [], R)
    assert shape.jaw_count == 0
    assert len(shape.jaws) == 2
    state = BallsState.moving([[1.0 + 0.5 * R, 0.0 + 0.3]], [[0.0, -2.0]], [[0, 0, 0]], R)
    # Outside every cushion's reach nothing may lie; here that is everywhere but the wall itself.
    with pytest.raises(StateError, match="outside"):
        simulate(shape, state, parameters=P)
    frame = [((-1, -1), (2, -1)), ((2, -1), (2, 1)), ((2, 1), (-1, 1)), ((-1, 1), (-1, -1))]
    shape = build(
        [Segment((0.0, 0.0), (1.0, 0.0), 0.036), *(Segment(a, b, 0.036) for a, b in frame)],
        [Circle((1.5, 0.5), 0.05, 0.036)],
        [],
        R,
    )
    shot = simulate(shape, state, parameters=P, models=Models(cushion=CushionModel.HAN_2005))
    hit = shot.events[1] if shot.events[0].kind == EventKind.ROLLING else shot.events[0]
    assert (hit.kind, hit.index) == (EventKind.JAW, -1)
    assert hit.after.velocity[0, 0] > 0.0
    with pytest.raises(ValueError, match="no length"):
        build([Segment((0.0, 0.0), (0.0, 0.0), 0.036)], [], [], R)


def test_inner_corners_of_noses_need_no_point() -> None:
    shape = for_table(CAROM, CAROM.balls.radius)
    assert len(shape.jaws) == 0


def test_rolling_balls_in_a_row_do_not_meet() -> None:
    shot = play(
        [[0.6, 0.5], [0.6, 0.5 + 2 * R]],
        [[0.0, 0.4], [0.0, 0.4]],
        [rolling(0, 0.4), rolling(0, 0.4)],
    )
    assert EventKind.BALL_BALL not in kinds(shot)


def test_a_pocketed_ball_takes_no_part() -> None:
    state = BallsState.moving(
        [[0.6, 0.5], [0.6, 1.0]], [[0.0, 1.0], [0, 0]], [[0, 0, 0]] * 2, R, pocketed=[1]
    )
    shot = simulate(POOL, state)
    assert EventKind.BALL_BALL not in kinds(shot)
    assert shot.final.motion[1] == Motion.POCKETED
    everything = BallsState.moving([[0.6, 0.5]], [[0, 0]], [[0, 0, 0]], R, pocketed=[0])
    assert simulate(POOL, everything).events == []
