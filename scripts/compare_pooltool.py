"""Play the same shots in pooltool and in this project's engine, and say how far they differ.

pooltool (Apache-2.0) is a check, never a dependency: run this from a throw-away environment that
has it, with this repository on the path:

    PYTHONPATH=. /tmp/pooltool/bin/python scripts/compare_pooltool.py [--shots N] [--seed S]

Prints one line for each shot: how many events agree, the largest difference in time and position up
to there, and what differed first.  A shot's own sensitivity is measured beside it: the same shot by
our engine with every ball displaced by a micrometre, which is what pooltool does at each contact.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.geometry import Circle, Geometry, Segment, build
from billiards_trainer.physics.parameters import Models, PhysicsParameters
from billiards_trainer.physics.state import BallsState
from billiards_trainer.physics.strike import Strike
from billiards_trainer.physics.trajectory import EventKind, Trajectory

try:
    import pooltool as pt
    import pooltool.constants
    from pooltool.physics.engine import PhysicsEngine
    from pooltool.physics.resolve import Resolver
    from pooltool.physics.resolve.ball_ball.frictional_inelastic import FrictionalInelastic
    from pooltool.physics.resolve.ball_ball.frictionless_elastic import FrictionlessElastic
    from pooltool.physics.resolve.ball_cushion.han_2005 import Han2005Circular, Han2005Linear
    from pooltool.physics.resolve.ball_cushion.mathavan_2010 import (
        Mathavan2010Circular,
        Mathavan2010Linear,
    )
    from pooltool.physics.resolve.ball_cushion.stronge_compliant import (
        StrongeCompliantCircular,
        StrongeCompliantLinear,
    )
    from pooltool.physics.resolve.ball_cushion.unrealistic import (
        UnrealisticCircular,
        UnrealisticLinear,
    )
except ImportError:
    sys.exit("pooltool is not installed here; see the head of this script")


@dataclass(frozen=True)
class Shot:
    """One shot in pooltool's terms (degrees, a = left is positive, b = top is positive)."""

    name: str
    cue: tuple[float, float]
    others: tuple[tuple[float, float], ...]
    speed: float
    phi: float
    a: float = 0.0
    b: float = 0.0
    theta: float = 0.0
    ball_ball: str = "alciatore"
    cushion: str = "stronge"
    max_events: int = 0


MOVES = {
    "stick_ball": EventKind.STRIKE,
    "ball_ball": EventKind.BALL_BALL,
    "ball_linear_cushion": EventKind.CUSHION,
    "ball_circular_cushion": EventKind.JAW,
    "ball_pocket": EventKind.POCKET,
    "sliding_rolling": EventKind.ROLLING,
    "rolling_spinning": EventKind.SPINNING,
    "rolling_stationary": EventKind.RESTING,
    "spinning_stationary": EventKind.RESTING,
}


def engine_for(shot: Shot) -> PhysicsEngine:
    """An engine of pooltool with the shot's models."""
    resolver = Resolver.default()
    if shot.ball_ball == "elastic":
        resolver.ball_ball = FrictionlessElastic()
    else:
        resolver.ball_ball = FrictionalInelastic()
    if shot.cushion == "mirror":
        resolver.ball_linear_cushion = UnrealisticLinear(restitution=True)
        resolver.ball_circular_cushion = UnrealisticCircular(restitution=True)
    elif shot.cushion == "mathavan_2010":
        resolver.ball_linear_cushion = Mathavan2010Linear()
        resolver.ball_circular_cushion = Mathavan2010Circular()
    elif shot.cushion == "han_2005":
        resolver.ball_linear_cushion = Han2005Linear()
        resolver.ball_circular_cushion = Han2005Circular()
    else:
        resolver.ball_linear_cushion = StrongeCompliantLinear(omega_ratio=1.8)
        resolver.ball_circular_cushion = StrongeCompliantCircular(omega_ratio=1.8)
    return PhysicsEngine(resolver)


def geometry_of(table: Any, radius: float) -> tuple[Geometry, dict[str, int]]:
    """A pooltool table for our engine, and the index of each of its parts by pooltool's names."""
    names: dict[str, int] = {}
    middle = np.array([table.w / 2, table.l / 2])
    segments = []
    for k, (name, s) in enumerate(table.cushion_segments.linear.items()):
        start, end = s.p1[:2], s.p2[:2]
        # Axis-aligned noses have the cloth on one side; turn them so that it lies to the left.
        straight = bool(np.isclose(start, end).any())
        way = end - start
        if straight and way[0] * (middle - start)[1] - way[1] * (middle - start)[0] < 0:
            start, end = end, start
        segments.append(Segment(tuple(start), tuple(end), float(s.p1[2]), not straight))
        names[f"linear {name}"] = k
    jaws = []
    for k, (name, c) in enumerate(table.cushion_segments.circular.items()):
        jaws.append(Circle(tuple(c.center[:2]), float(c.radius), float(c.center[2])))
        names[f"circular {name}"] = k
    pockets = []
    for k, (name, p) in enumerate(table.pockets.items()):
        pockets.append(Circle(tuple(p.center[:2]), float(p.radius)))
        names[f"pocket {name}"] = k
    return build(segments, jaws, pockets, radius), names


def parameters_of(ball: Any) -> PhysicsParameters:
    """A pooltool ball's numbers in ours."""
    p = ball.params
    return PhysicsParameters(
        mass=p.m,
        radius=p.R,
        mu_slide=p.u_s,
        mu_roll=p.u_r,
        mu_spin=p.u_sp,
        e_ball=p.e_b,
        mu_ball=p.u_b,
        e_cushion=p.e_c,
        mu_cushion=p.f_c,
        gravity=p.g,
    )


def play_pooltool(shot: Shot, table: Any) -> tuple[list[tuple[Any, ...]], Any]:
    """The shot's events as (time, kind, balls, part, positions after)."""
    balls = {"0": pt.Ball.create("0", xy=shot.cue)}
    for k, xy in enumerate(shot.others, start=1):
        balls[str(k)] = pt.Ball.create(str(k), xy=xy)
    system = pt.System(cue=pt.Cue(cue_ball_id="0"), table=table, balls=balls)
    system.cue.set_state(V0=shot.speed, phi=shot.phi, a=shot.a, b=shot.b, theta=shot.theta)
    pt.simulate(system, engine=engine_for(shot), inplace=True, max_events=shot.max_events)
    events = []
    for event in system.events:
        kind = MOVES.get(str(event.event_type))
        if kind is None:
            continue
        who = [a for a in event.agents if a.agent_type == "ball"]
        part = [a for a in event.agents if a.agent_type != "ball" and a.agent_type != "cue"]
        places = {int(a.id): a.final.state.rvw.copy() for a in who}
        events.append((event.time, kind, tuple(sorted(places)), part, places))
    return events, system


def play_ours(shot: Shot, table: Any, shape: Geometry, nudge: float = 0.0) -> Trajectory:
    """The same shot in our engine; ``nudge`` displaces every ball by so many metres."""
    ball = pt.Ball.create("0")
    parameters = parameters_of(ball)
    places = np.array([shot.cue, *shot.others])
    if nudge:
        angle = np.arange(len(places)) * 2.4
        places = places + nudge * np.column_stack([np.cos(angle), np.sin(angle)])
    cue = pt.Cue()
    strike = Strike(
        0,
        shot.speed,
        math.radians(shot.phi),
        math.radians(shot.theta),
        side=-shot.a,
        height=shot.b,
        cue_mass=cue.specs.M,
        end_mass=cue.specs.end_mass,
    )
    return simulate(
        shape,
        BallsState.at_rest(places, parameters.radius),
        strike,
        parameters=parameters,
        models=Models.named(shot.ball_ball, shot.cushion),
        max_events=shot.max_events or 20_000,
    )


def significant(events: list[Any], kind_of: Any) -> list[Any]:
    """Without the transitions that last no time (pooltool reports some, we do not)."""
    return [e for e in events if kind_of(e) is not None]


def compare(shot: Shot, table: Any, shape: Geometry, names: dict[str, int]) -> dict[str, Any]:
    """Play in both; how far they agree."""
    theirs, _ = play_pooltool(shot, table)
    ours = play_ours(shot, table, shape)
    near = play_ours(shot, table, shape, nudge=1e-6)
    # Contacts decide; transitions are compared where both have them at the same place.
    contacts = (EventKind.BALL_BALL, EventKind.CUSHION, EventKind.JAW, EventKind.POCKET)
    a = [e for e in theirs if e[1] in contacts]
    b = [e for e in ours.events if e.kind in contacts]
    c = [e for e in near.events if e.kind in contacts]
    agree = 0
    worst_t = worst_x = spread = 0.0
    reason = ""
    for k in range(max(len(a), len(b))):
        if k >= len(a) or k >= len(b):
            if shot.max_events:
                break  # cut short at events of which only some are contacts
            reason = f"lengths {len(a)} and {len(b)}"
            break
        time, kind, who, part, places = a[k]
        event = b[k]
        index = -1
        if kind in (EventKind.CUSHION, EventKind.JAW, EventKind.POCKET):
            what = {"CUSHION": "linear", "JAW": "circular", "POCKET": "pocket"}[kind.name]
            index = names[f"{what} {part[0].id}"]
        if (kind, who, index) != (event.kind, tuple(sorted(event.balls)), event.index):
            reason = (
                f"{kind.name} {who} {index} at {time:.6f} / "
                f"{event.kind.name} {event.balls} {event.index} at {event.time:.6f}"
            )
            break
        if k < len(c) and c[k].kind == event.kind and c[k].balls == event.balls:
            spread = max(spread, abs(c[k].time - event.time) / 1e-6)
        worst_t = max(worst_t, abs(time - event.time))
        if kind is not EventKind.POCKET:
            for n, ball in enumerate(event.balls):
                difference = places[ball][0][:2] - event.after.position[n, :2]
                worst_x = max(worst_x, float(np.hypot(*difference)))
        agree += 1
    rests = 0.0
    if not reason and not shot.max_events:
        ends = {ball: p for e in theirs for ball, p in e[4].items()}
        for ball, rvw in ends.items():
            if ours.pocket_of[ball] < 0:
                rests = max(rests, float(np.hypot(*(rvw[0][:2] - ours.final.position[ball, :2]))))
    return {
        "events": len(a),
        "agree": agree,
        "dt": worst_t,
        "dx": worst_x,
        "rest": rests,
        "sensitivity": spread,
        "reason": reason,
    }


def named_shots(table: Any) -> list[Shot]:
    """One shot for each thing that a model may get wrong."""
    w, length = table.w, table.l
    x, y = 0.5 * w, 0.25 * length
    target = (0.5 * w, 0.6 * length)
    shots = [
        Shot("slide", (x, y), (), 0.9, 93.0, b=-0.1),
        Shot("roll", (x, y), (), 0.7, 87.0, b=0.4),
        Shot("stop", (x, y), (target,), 2.0, 90.7, b=-0.2),
        Shot("follow", (x, y), (target,), 2.0, 91.0, b=0.4),
        Shot("draw", (x, y), (target,), 3.0, 91.0, b=-0.45),
        Shot("massé", (x, y), (), 1.5, 75.0, a=0.3, b=-0.2, theta=50.0),
        Shot("swerve", (x, y), (), 2.0, 80.0, a=-0.3, theta=15.0),
        Shot("left english, three cushions", (x, y), (), 4.0, 37.0, a=0.35),
        Shot("right english, three cushions", (x, y), (), 4.0, 37.0, a=-0.35),
        Shot("lag", (x, y), (), 3.0, 88.0),
        Shot("into the jaws", (x, y), ((0.08, 0.11),), 1.5, 217.0),
        Shot("side pocket's jaws", (x, y), (), 2.0, 47.0),
        Shot("corner", (x, y), (), 2.0, 225.3),
    ]
    for speed in (0.5, 1.0, 3.0, 6.0):
        shots.append(Shot(f"cut at {speed} m/s", (x, y), (target,), speed, 92.3))
        shots.append(Shot(f"spin throw at {speed} m/s", (x, y), (target,), speed, 90.4, a=0.4))
    for model in ("mirror", "han_2005", "stronge", "mathavan_2010"):
        for a in (-0.3, 0.0, 0.3):
            shots.append(Shot(f"{model}, a={a}", (x, y), (), 3.0, 28.0, a=a, cushion=model))
        jaws = Shot(f"{model}, jaws", (x, y), ((0.08, 0.11),), 1.5, 217.0, cushion=model)
        rails = Shot(f"{model}, three cushions", (x, y), (), 4.0, 37.0, a=-0.3, cushion=model)
        shots += [jaws, rails]
    return shots


def random_shots(table: Any, count: int, seed: int, balls: int) -> list[Shot]:
    """Random shots of so many balls, aimed at one of them."""
    rng = np.random.default_rng(seed)
    shots = []
    models = ("stronge", "han_2005", "mirror", "mathavan_2010")
    for k in range(count):
        while True:
            places = rng.uniform((0.05, 0.05), (table.w - 0.05, table.l - 0.05), (balls, 2))
            gaps = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
            if balls == 1 or gaps[np.triu_indices(balls, 1)].min() > 0.06:
                break
        way = places[min(1, balls - 1)] - places[0]
        phi = math.degrees(math.atan2(way[1], way[0])) + rng.normal(0.0, 2.0)
        if balls == 1:
            phi = rng.uniform(0, 360)
        a, b = rng.uniform(-0.4, 0.4, 2)
        shots.append(
            Shot(
                f"random {k} ({balls})",
                tuple(places[0]),
                tuple(map(tuple, places[1:])),
                rng.uniform(0.5, 5.0),
                phi % 360,
                a,
                b,
                theta=float(rng.choice([0.0, 5.0])),
                cushion=models[k % 4],
                ball_ball="elastic" if k % 7 == 6 else "alciatore",
            )
        )
    return shots


def break_shot(table: Any) -> Shot:
    """An eight-ball break, first 30 events."""
    rng = np.random.default_rng(7)
    radius = pt.Ball.create("0").params.R
    step = 2 * radius + 1e-4
    places = []
    for row in range(5):
        for k in range(row + 1):
            x = table.w / 2 + (k - row / 2) * step + rng.uniform(-2e-5, 2e-5)
            y = 0.75 * table.l + row * step * math.sqrt(3) / 2 + rng.uniform(-2e-5, 2e-5)
            places.append((x, y))
    return Shot("break", (0.45 * table.w, 0.25 * table.l), tuple(places), 8.0, 87.1, max_events=31)


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=30, help="random shots of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--spacer", type=float, default=pt.constants.MIN_DIST, help="pooltool's MIN_DIST, m"
    )
    args = parser.parse_args()
    # pooltool moves bodies this far apart at each contact, which also tilts the cushion's normal.
    pt.constants.MIN_DIST = args.spacer
    table = pt.Table.default()
    shape, names = geometry_of(table, pt.Ball.create("0").params.R)
    shots = named_shots(table)
    for balls in (1, 2, 3, 5):
        shots += random_shots(table, args.shots, args.seed + balls, balls)
    shots.append(break_shot(table))
    bad = 0

    def hangs(*_: object) -> None:
        raise TimeoutError("pooltool did not answer within 200 s")

    signal.signal(signal.SIGALRM, hangs)
    for shot in shots:
        signal.alarm(200)
        try:
            r = compare(shot, table, shape, names)
        except TimeoutError as error:
            print(f"{shot.name:32s} {error}")
            continue
        finally:
            signal.alarm(0)
        # A micrometre at each contact, times the shot's own sensitivity.
        allowed = max(1e-5, 10e-6 * r["sensitivity"])
        fine = not r["reason"] and r["dt"] <= allowed
        bad += not fine
        print(
            f"{shot.name:32s} {r['agree']:3d}/{r['events']:<3d} dt {r['dt']:.1e} dx {r['dx']:.1e} "
            f"rest {r['rest']:.1e} sensitivity {r['sensitivity']:.1e} {r['reason']}"
            f"{'' if fine else '   <--'}"
        )
    print(f"{len(shots) - bad} of {len(shots)} shots agree")
    return 0 if not bad else 1


if __name__ == "__main__":
    sys.exit(main())
