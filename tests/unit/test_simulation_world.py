"""The player clears racks, and everything that happens is physics."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer import table as tables
from billiards_trainer.physics.parameters import for_table
from billiards_trainer.physics.state import BallsState, Motion
from billiards_trainer.physics.strike import Strike
from billiards_trainer.physics.trajectory import EventKind
from billiards_trainer.simulation.acts import Place, RackUp, Shot
from billiards_trainer.simulation.games import COLOURS
from billiards_trainer.simulation.observation import TrueEvent
from billiards_trainer.simulation.paths import BallPath
from billiards_trainer.simulation.racks import Rack, default_rack, free_spot, racked
from billiards_trainer.simulation.randomise import random_parameters
from billiards_trainer.simulation.setup import Setup
from billiards_trainer.simulation.shooter import (
    Situation,
    Skill,
    break_stroke,
    choose_stroke,
    first_met,
    pot_ideas,
)
from billiards_trainer.simulation.stroke import Stroke, Tempo
from billiards_trainer.simulation.world import CAROM_POINTS, MOST_SHOTS, Play, World

POOL = tables.preset("pool-9ft")
QUICK = Play(tempo=Tempo().hurried(4))


def assert_physical(shot: Shot) -> None:
    """No ball leaves the table, meets another without touching it, or gains energy."""
    trajectory, table = shot.trajectory, shot.table
    assert trajectory.complete
    radius = table.balls.radius
    times = shot.contact + np.linspace(0, trajectory.duration, 60)
    balls = [shot.ball(i, times) for i in range(len(shot.labels))]
    for ball in balls:
        x, y = ball.position[ball.on_table, 0], ball.position[ball.on_table, 1]
        margin = 0.09  # a ball may reach into a pocket's jaws
        assert ((x > -margin) & (x < table.width + margin)).all()
        assert ((y > -margin) & (y < table.length + margin)).all()
    for i, a in enumerate(balls):
        for b in balls[i + 1 :]:
            both = a.on_table & b.on_table
            gap = np.linalg.norm(a.position[both, :2] - b.position[both, :2], axis=1)
            assert (gap > 2 * radius - 1e-5).all()
    inertia = 0.4 * radius**2
    energy = sum(
        0.5 * (b.velocity[:, :2] ** 2).sum(axis=1) * b.on_table
        + 0.5 * inertia * (b.spin**2).sum(axis=1) * b.on_table
        for b in balls
    )
    moving = np.asarray(energy)[1:]
    assert (np.diff(moving) <= 1e-6 + 1e-6 * moving[0]).all()


def play_rack(world: World, limit: int = 400) -> list[Shot]:
    """Play until the rack is over; returns its shots."""
    rack = world.rack
    shots: list[Shot] = []
    for _ in range(limit):
        if isinstance(world.act, Shot) and (not shots or world.act is not shots[-1]):
            shots.append(world.act)
        world.advance(world.act.ends)
        if world.rack != rack:
            return shots
    pytest.fail("the rack never ends")


def racks(
    name: str, rack: Rack | None = None, seeds: tuple[int, ...] = (7,)
) -> list[tuple[World, list[Shot]]]:
    """The first racks of some worlds, played to their ends."""
    play = Play(rack=rack, tempo=Tempo().hurried(4))
    worlds = [World(tables.preset(name), seed=seed, play=play) for seed in seeds]
    return [(world, play_rack(world)) for world in worlds]


@pytest.fixture(scope="module")
def eight_ball() -> list[list[Shot]]:
    return [shots for _, shots in racks("pool-9ft", "8-ball", (3, 7))]


@pytest.fixture(scope="module")
def nine_ball() -> list[list[Shot]]:
    return [shots for _, shots in racks("pool-7ft", "9-ball", (7, 8))]


@pytest.fixture(scope="module")
def snooker() -> list[list[Shot]]:
    return [shots for _, shots in racks("snooker-12ft", None, (4, 7))]


@pytest.fixture(scope="module")
def carom() -> list[list[Shot]]:
    return [shots for _, shots in racks("carom-10ft", None, (7,))]


@pytest.fixture(scope="module")
def every_rack(
    eight_ball: list[list[Shot]],
    nine_ball: list[list[Shot]],
    snooker: list[list[Shot]],
    carom: list[list[Shot]],
) -> list[list[Shot]]:
    return [*eight_ball, *nine_ball, *snooker, *carom]


def lying(shot: Shot) -> set[int]:
    """Balls on the table before a shot."""
    return {int(i) for i in np.flatnonzero(shot.trajectory.initial.motion != Motion.POCKETED)}


def dropped(shot: Shot) -> set[int]:
    """Balls that fall in a shot."""
    return {int(i) for i in np.flatnonzero(shot.trajectory.pocket_of >= 0)} & lying(shot)


def named(shot: Shot, balls: set[int]) -> set[str]:
    return {shot.labels[i] for i in balls}


def test_every_shot_is_physics(every_rack: list[list[Shot]]) -> None:
    for shots in every_rack:
        assert len(shots) < MOST_SHOTS, "the rack was given up"
        for shot in shots:
            assert_physical(shot)


def test_between_shots_balls_lie_where_they_stopped_or_are_spotted(
    every_rack: list[list[Shot]],
) -> None:
    for shots in every_rack:
        for before, after in pairwise(shots):
            assert lying(before) - dropped(before) <= lying(after), "nobody takes balls away"
            for i in lying(before) - dropped(before):
                stopped = before.trajectory.final.position[i, :2]
                begins = after.trajectory.initial.position[i, :2]
                np.testing.assert_allclose(stopped, begins, atol=1e-9)


def test_after_the_rack_comes_the_next() -> None:
    ((world, _),) = racks("pool-7ft", "9-ball", (9,))
    assert world.rack == 2
    assert isinstance(world.act, RackUp)
    while not isinstance(world.act, Shot):
        world.advance(world.act.ends)
    assert lying(world.act) == set(range(10))
    assert world.shot == 1


def test_the_eight_drops_last(eight_ball: list[list[Shot]]) -> None:
    foot = np.array(POOL.spots["foot"])
    for shots in eight_ball:
        eight = shots[0].labels.index("8")
        fallen = [named(shot, dropped(shot)) - {"cue"} for shot in shots]
        assert set().union(*fallen) == {str(n) for n in range(1, 16)}
        assert "8" in fallen[-1]
        assert not (lying(shots[-1]) - dropped(shots[-1]) - {shots[-1].labels.index("cue")})
        # Whenever it falls before, it is back for the next shot, near the foot spot.
        for before, after in pairwise(shots):
            assert eight in lying(after)
            if eight in dropped(before):
                place = after.trajectory.initial.position[eight, :2]
                assert np.linalg.norm(place - foot) < 0.3


def test_the_nine_ends_its_rack(nine_ball: list[list[Shot]]) -> None:
    for shots in nine_ball:
        last = shots[-1]
        assert "9" in named(last, dropped(last))
        # By a clean shot: the lowest ball first, the cue ball still there.
        first = first_met(last.trajectory, 0)
        assert first is not None
        assert int(last.labels[first]) == min(int(n) for n in named(last, lying(last) - {0}))
        assert 0 not in dropped(last)
        for shot in shots:
            assert "9" in named(shot, lying(shot)), "a nine that falls by a foul comes back"


def test_the_lowest_ball_is_played_at(nine_ball: list[list[Shot]]) -> None:
    met = lowest = 0
    for shots in nine_ball:
        for shot in shots:
            first = first_met(shot.trajectory, 0)
            numbers = [int(name) for name in named(shot, lying(shot)) if name != "cue"]
            met += first is not None
            lowest += first is not None and int(shot.labels[first]) == min(numbers)
    assert lowest > 0.7 * met


def test_colours_are_spotted_while_reds_are_left(snooker: list[list[Shot]]) -> None:
    table = tables.preset("snooker-12ft")
    spots = list(table.spots.values())
    spotted = 0
    for shots in snooker:
        for before, after in pairwise(shots):
            reds = [i for i in lying(after) if after.labels[i] == "red"]
            for i in dropped(before):
                name = before.labels[i]
                if name == "red":
                    assert i not in lying(after), "a red never comes back"
                elif reds and name != "cue":
                    spotted += 1
                    assert i in lying(after)
                    place = after.trajectory.initial.position[i, :2]
                    # On its own spot, on another that is free, or in line with its own.
                    near = min(math.dist(place, spot) for spot in spots)
                    assert near < 1e-6 or abs(place[0] - table.spots[name][0]) < 1e-6
    assert spotted > 0


def test_at_the_end_the_colours_are_cleared_in_their_order(snooker: list[list[Shot]]) -> None:
    for shots in snooker:
        order = []
        after: list[set[int]] = [*(lying(shot) for shot in shots[1:]), set()]
        for shot, left in zip(shots, after, strict=True):
            for i in dropped(shot) - left:
                if shot.labels[i] not in ("red", "cue"):
                    reds = [k for k in lying(shot) if shot.labels[k] == "red"]
                    assert not reds, "no colour stays down while a red lies"
                    order.append(shot.labels[i])
        assert order == list(COLOURS)


def test_a_carom_rack_ends_by_points(carom: list[list[Shot]]) -> None:
    for shots in carom:
        points = []
        for shot in shots:
            assert not dropped(shot)
            assert lying(shot) == {0, 1, 2}
            pairs = [
                set(e.balls)
                for e in shot.trajectory.events
                if e.kind == EventKind.BALL_BALL and 0 in e.balls
            ]
            points.append(set().union(*pairs) == {0, 1, 2})
        assert sum(points) == CAROM_POINTS
        assert points[-1], "the last point ends it"


def cue_axis(stroke: Stroke, strike: Strike | None = None) -> NDArray[np.float64]:
    """Points along the middle of the cue at contact, (N, 3) from the tip on."""
    laid = replace(stroke, strike=strike or stroke.strike)
    return laid.contact - laid.direction * np.linspace(0.0, 1.25, 600)[:, None]


def room_under_cue(shot: Shot, axis: NDArray[np.float64]) -> float:
    """How far the cue's middle is above what it has to clear, metres; negative: in its way.

    It has to clear the noses by half its thickness, the rails and balls by a finger more.
    """
    table, r = shot.table, shot.table.balls.radius
    out = np.maximum.reduce(
        [-axis[:, 0], axis[:, 0] - table.width, -axis[:, 1], axis[:, 1] - table.length]
    )
    beyond = axis[out > 0]
    rooms = [beyond[:1, 2] - (table.cushion_height + 0.009)]
    # The rail's top begins 5 cm behind the nose, along the cue.
    rooms.append(beyond[np.linalg.norm(beyond[:, :2] - beyond[:1, :2], axis=1) > 0.05, 2] - 0.058)
    for i in lying(shot) - {shot.stroke.strike.ball}:
        centre = np.array([*shot.trajectory.initial.position[i, :2], r])
        rooms.append(np.linalg.norm(axis - centre, axis=1) - (r + 0.014))
    return float(min(room.min() for room in rooms if len(room)))


def test_ordinary_shots_are_2_to_8_degrees_steep_and_others_have_to_be_steeper(
    every_rack: list[list[Shot]],
) -> None:
    steep = total = 0
    for shots in every_rack:
        for shot in shots:
            total += 1
            elevation = math.degrees(shot.stroke.strike.elevation)
            assert elevation >= 2.0
            if elevation <= 8.0:
                continue
            # Even struck as high as a tip holds, a cue of 8° would lie in the rail or a ball.
            steep += 1
            ordinary = replace(shot.stroke.strike, elevation=math.radians(8.0), height=0.45)
            assert room_under_cue(shot, cue_axis(shot.stroke, ordinary)) < 0.001
    assert 0 < steep < 0.25 * total


def test_the_cue_touches_neither_rail_nor_other_balls(every_rack: list[list[Shot]]) -> None:
    for shots in every_rack:
        for shot in shots:
            assert room_under_cue(shot, cue_axis(shot.stroke)) > -0.003


@pytest.mark.parametrize(
    ("off_the_rail", "behind", "low", "high"),
    [
        (0.20, None, 2.0, 8.0),
        (0.00, None, 8.0, 13.0),
        (0.60, 0.12, 2.0, 15.0),
        (0.60, 0.00, 20.0, 28.5),
    ],
)
def test_the_cue_is_jacked_up_only_over_what_is_close_behind(
    off_the_rail: float, behind: float | None, low: float, high: float
) -> None:
    r = POOL.balls.radius
    cue = (r + off_the_rail, 1.3)
    places = [cue, (1.1, 1.3)]
    if behind is not None:
        places.append((cue[0] - 2 * r - 1e-6 - behind, cue[1]))
    state = BallsState.at_rest(places, r)
    plan = break_stroke(Situation(POOL, state, 0, (1,)), 1, 2.0, Tempo(), np.random.default_rng(1))
    assert low <= math.degrees(plan.strike.elevation) <= high


def test_the_same_seed_plays_the_same_game() -> None:
    def story(seed: int) -> list[TrueEvent]:
        world = World(POOL, seed=seed, play=QUICK)
        return [event for k in range(1, 500) for event in world.advance(k / 15)]

    first = story(5)
    assert first == story(5)
    assert first != story(6)
    assert [e.time_s for e in first] == sorted(e.time_s for e in first)
    kinds = [e.kind for e in first]
    assert kinds[0] == m.EventKind.SHOT_START
    assert {m.EventKind.BALL_COLLISION, m.EventKind.CUSHION_COLLISION, m.EventKind.SHOT_END} <= {
        *kinds
    }


def test_time_only_moves_on() -> None:
    world = World(POOL, seed=1)
    world.advance(1.0)
    with pytest.raises(ValueError, match="moves on"):
        world.advance(0.9)


def test_balls_really_roll() -> None:
    world = World(POOL, seed=2, play=QUICK)
    while not isinstance(world.act, Shot):
        world.advance(world.act.ends)
    shot = world.act
    cue = shot.labels.index("cue")
    world.advance(shot.contact)
    before = world.turns[cue].copy()
    rolled = 0.0
    now = shot.contact
    while now < shot.contact + 0.15:
        world.advance(now + 1 / 120)
        middle = shot.ball(cue, np.array([now + 1 / 240]))
        rolled += float(np.linalg.norm(middle.spin[0])) / 120
        now += 1 / 120
    relative = world.turns[cue] @ before.T
    angle = math.acos(np.clip((np.trace(relative) - 1) / 2, -1, 1))
    assert rolled > 1.0
    # An almost straight roll: the turn is the integral of the spin, folded into 0…π.
    folded = abs((rolled + math.pi) % (2 * math.pi) - math.pi)
    assert angle == pytest.approx(folded, abs=0.25)


def test_a_balls_path_is_the_trajectorys() -> None:
    world = World(POOL, seed=2, play=QUICK)
    while not isinstance(world.act, Shot):
        world.advance(world.act.ends)
    trajectory = world.act.trajectory
    times = np.sort(np.random.default_rng(1).uniform(0, trajectory.duration * 1.05, 300))
    for ball in range(len(world.labels)):
        position, velocity, spin = BallPath(trajectory, ball).at(times)
        np.testing.assert_allclose(position, trajectory.path(ball, times), atol=1e-9)
        np.testing.assert_allclose(velocity, trajectory.velocity(ball, times), atol=1e-7)
        np.testing.assert_allclose(spin, trajectory.spin(ball, times), atol=1e-5)


def test_a_dropping_ball_falls_out_of_sight_inside_its_pocket() -> None:
    world = World(POOL, seed=3, play=QUICK)
    shot = next(s for s in play_rack(world) if (s.trajectory.pocket_of >= 0).any())
    event = next(e for e in shot.events() if e.kind == m.EventKind.POCKETED)
    index = int(np.flatnonzero(shot.trajectory.pocket_of >= 0)[0])
    event = next(e for e in shot.events() if e.labels == (shot.labels[index],) and e.pocket)
    pocket = next(p for p in POOL.pockets if p.name == event.pocket)
    times = event.time_s + np.array([-0.01, 0.02, 0.1, 0.2, 1.0])
    ball = shot.ball(index, times)
    assert ball.on_table.tolist() == [True, False, False, False, False]
    assert ball.shown.tolist() == [True, True, True, True, False]
    assert (np.diff(ball.position[1:4, 2]) < 0).all()
    for x, y, _ in ball.position[2:4]:
        assert math.dist((x, y), pocket.centre) < pocket.radius


def stroke(**changes: float) -> Stroke:
    strike = Strike(0, 2.5, 0.7, math.radians(5), side=0.2, height=-0.1)
    return Stroke(strike, (0.5, 0.8, 0.0286), 0.0286, Tempo(), **changes)


def test_the_tip_meets_the_ball_at_contact_with_the_strikes_speed() -> None:
    shot = stroke()
    t = shot.contact_s
    np.testing.assert_allclose(shot.cue(t).tip, shot.contact, atol=1e-9)
    assert np.linalg.norm(shot.contact - np.array(shot.cue_ball)) == pytest.approx(shot.radius)
    assert (shot.behind(t - 1e-4) - shot.behind(t)) / 1e-4 == pytest.approx(2.5, rel=1e-3)
    # The tip is never inside the resting ball, and nothing jumps.
    times = np.arange(0, shot.gone_s, 1e-3)
    gaps = np.array([shot.behind(float(u)) for u in times])
    assert (gaps[times < t] > 0).all()
    tips = np.array([shot.cue(float(u)).tip for u in times])
    assert np.linalg.norm(np.diff(tips, axis=0), axis=1).max() < 6e-3


def test_the_aim_settles_on_the_strikes_line() -> None:
    shot = stroke()
    settled = shot.tempo.approach_s + shot.tempo.settle_s
    assert abs(shot.cue(0.4).angle - 0.7) > 0.005
    for t in np.linspace(settled, shot.contact_s, 30):
        pose = shot.cue(float(t))
        assert pose.angle == pytest.approx(0.7, abs=1e-9)
        off = np.array(pose.tip) - shot.contact
        assert np.linalg.norm(np.cross(off, pose.direction)) < 1e-9
    phases = [shot.phase(float(t)) for t in np.linspace(0, shot.gone_s, 200)]
    order = list(dict.fromkeys(phases))
    assert order == ["approach", "aim", "stroke", "rolling"]


def test_the_cue_clears_the_rail_and_other_balls() -> None:
    r = POOL.balls.radius
    places = [(0.06, 1.3), (0.6, 1.9), (0.045 + 0.2, 1.3 + 0.02)]
    state = BallsState.at_rest(places, r)
    situation = Situation(POOL, state, 0, (1,))
    for seed in range(4):
        plan = choose_stroke(situation, Tempo(), Skill(), np.random.default_rng(seed))
        for behind in np.linspace(0.0, 1.2, 60):
            x, y, z = plan.contact - plan.direction * behind
            low = z - (0.0064 + 0.0055 * behind)
            if not POOL.contains(x, y):
                assert low > POOL.cushion_height - 0.004


def test_a_straight_pot_is_seen_and_a_blocked_one_is_not() -> None:
    r = POOL.balls.radius
    corner = np.array(POOL.pockets[0].mouth_centre)
    way = np.array([-0.6, 0.8])
    target, cue = corner + 0.4 * way, corner + 0.9 * way
    free = Situation(POOL, BallsState.at_rest([cue, target], r), 0, (1,))
    best = pot_ideas(free)[0]
    assert best.direction == pytest.approx(math.atan2(-way[1], -way[0]), abs=1e-3)
    wall = corner + 0.65 * way
    blocked = Situation(POOL, BallsState.at_rest([cue, target, wall], r), 0, (1,))
    assert all(abs(idea.direction - best.direction) > 1e-3 for idea in pot_ideas(blocked))


def test_with_no_way_out_the_player_still_shoots() -> None:
    r = POOL.balls.radius
    cue = np.array([0.635, 1.27])
    ring = [
        cue + (2 * r + 2e-4) * np.array([math.cos(a), math.sin(a)])
        for a in np.arange(6) * math.pi / 3
    ]
    state = BallsState.at_rest([cue, *ring], r)
    plan = choose_stroke(
        Situation(POOL, state, 0, (1, 2, 3)), Tempo(), Skill(), np.random.default_rng(1)
    )
    assert plan.strike.speed > 0


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_racks_fit_their_tables(name: str) -> None:
    table = tables.preset(name)
    kinds = ("8-ball", "9-ball") if table.game == "pool" else (default_rack(table),)
    for kind in kinds:
        placed = racked(table, kind, np.random.default_rng(1))  # type: ignore[arg-type]
        centres = np.array([at for _, at in placed])
        gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2)
        np.fill_diagonal(gaps, 1)
        assert gaps.min() >= table.balls.diameter
        assert all(table.contains(*at, table.balls.radius) for _, at in placed)
        labels = [label for label, _ in placed]
        if kind == "8-ball":
            assert labels[5] == "8"
            assert len(set(labels)) == 16
        if kind == "9-ball":
            assert (labels[1], labels[5]) == ("1", "9")
        if kind == "snooker":
            assert labels.count("red") == 15
    with pytest.raises(ValueError, match="has no"):
        racked(table, "snooker" if table.game == "pool" else "9-ball", np.random.default_rng(1))


def test_an_occupied_spot_makes_way() -> None:
    foot = POOL.spots["foot"]
    at = free_spot(POOL, [foot], [foot])
    assert math.dist(at, foot) == pytest.approx(POOL.balls.diameter, abs=2e-3)
    assert free_spot(POOL, [foot, (0.3, 0.3)], [foot]) == (0.3, 0.3)


def test_hands_bring_the_balls() -> None:
    world = World(tables.preset("snooker-12ft"), seed=1)
    setup = Setup.default(world.table)
    assert isinstance(world.act, RackUp)
    start = world.act.ball(1, np.array([0.0]))
    assert start.position[0, 1] > world.state.position[1, 1] + 0.05
    above = world.act.above(0.5, setup, 400.0)
    assert above.limbs
    assert above.cue is None
    assert world.act.phase(0.5) == "setup"
    assert world.act.events() == ()
    world.advance(world.act.ends)
    act = world.act
    assert isinstance(act, Place)
    carry = act.carries[0]
    grip = act.starts + carry.wait_s + 0.5 * carry.take_s
    middle = act.ball(carry.ball, np.array([grip]))
    assert not middle.on_table[0]
    assert middle.shown[0]
    assert middle.position[0, 2] > world.table.balls.radius
    assert act.above(grip, setup, 400.0).limbs
    assert act.motion(carry.ball, grip) == "held"
    assert act.motion(carry.ball, act.ends) == "resting"
    put = act.ball(carry.ball, np.array([act.ends - 0.01]))
    np.testing.assert_allclose(put.position[0, :2], carry.end, atol=1e-9)
    assert put.on_table[0]


def test_physics_can_differ_from_the_standard() -> None:
    standard, other = for_table(POOL), random_parameters(POOL, 3)
    assert other != standard
    assert other == random_parameters(POOL, 3)
    assert other.radius == standard.radius
    world = World(POOL, seed=1, play=Play(parameters=other, tempo=Tempo().hurried(4)))
    while not isinstance(world.act, Shot):
        world.advance(world.act.ends)
    assert world.act.trajectory.parameters == other
