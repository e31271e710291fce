"""Play the same shots in pooltool and in this project's engine, and say how far they differ.

pooltool (Apache-2.0) is a check, never a dependency: run this from a throw-away environment that
has it, with this repository on the path:

    PYTHONPATH=. /tmp/pooltool/bin/python scripts/compare_pooltool.py [--shots N] [--seed S]

Every event is compared, transitions too.  A shot agrees when both engines have the same events, at
times within 1e-5 s and at places within 1e-5 m times the shot's own sensitivity, which is measured
beside it: the same shot by our engine with every ball displaced by a micrometre.  Shots to which
pooltool gives no answer are counted apart.

``--write FILE`` stores what pooltool made of the shots that it answered, for the regression test in
tests/unit/physics.
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from billiards_trainer.physics.trajectory import EventKind
from tests.unit.physics.reference import Seen, Shot, Verdict, World, compare, to_json

try:
    import pooltool as pt
    import pooltool.constants
    from pooltool.physics.engine import PhysicsEngine
    from pooltool.physics.resolve import Resolver
    from pooltool.physics.resolve.ball_ball import frictional_mathavan
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

LIMIT_S = 100
KINDS = {
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
PARTS = {EventKind.CUSHION: "linear", EventKind.JAW: "circular", EventKind.POCKET: "pocket"}
CUSHIONS = ("stronge", "han_2005", "mirror", "mathavan_2010")


def engine_for(shot: Shot) -> PhysicsEngine:
    """An engine of pooltool with the shot's models."""
    resolver = Resolver.default()
    resolver.ball_ball = {
        "elastic": FrictionlessElastic,
        "alciatore": FrictionalInelastic,
        "mathavan_2014": frictional_mathavan.FrictionalMathavan,
    }[shot.ball_ball]()
    straight, round_ = {
        "mirror": (UnrealisticLinear(restitution=True), UnrealisticCircular(restitution=True)),
        "mathavan_2010": (Mathavan2010Linear(), Mathavan2010Circular()),
        "han_2005": (Han2005Linear(), Han2005Circular()),
        "stronge": (
            StrongeCompliantLinear(omega_ratio=1.8),
            StrongeCompliantCircular(omega_ratio=1.8),
        ),
    }[shot.cushion]
    resolver.ball_linear_cushion = straight
    resolver.ball_circular_cushion = round_
    return PhysicsEngine(resolver)


def mend_mathavan() -> None:
    """Turn the sign of the spin's part in the slip on the cloth, which pooltool has the other way.

    The velocity of a ball's lowest point is v - R ω × ẑ; with the other sign balls gain energy.
    """
    text = inspect.getsource(frictional_mathavan._collide_balls.py_func)
    for ball in "ij":
        text = text.replace(f"+ R * w_{ball}y", f"- R * w_{ball}y")
        text = text.replace(f"- R * w_{ball}x", f"+ R * w_{ball}x")
    text = text.replace("cache=const.use_numba_cache", "cache=False")
    exec(text, vars(frictional_mathavan))


def world_of(table: Any) -> tuple[World, dict[str, int]]:
    """Table, ball and cue of pooltool in our terms; the index of each part by pooltool's names."""
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
        segments.append((*start.tolist(), *end.tolist(), float(s.p1[2]), not straight))
        names[f"linear {name}"] = k
    jaws = []
    for k, (name, c) in enumerate(table.cushion_segments.circular.items()):
        jaws.append((*map(float, c.center[:2]), float(c.radius), float(c.center[2])))
        names[f"circular {name}"] = k
    pockets = []
    for k, (name, p) in enumerate(table.pockets.items()):
        pockets.append((*map(float, p.center[:2]), float(p.radius)))
        names[f"pocket {name}"] = k
    ball, cue = pt.Ball.create("0").params, pt.Cue().specs
    numbers = {
        "mass": ball.m,
        "radius": ball.R,
        "mu_slide": ball.u_s,
        "mu_roll": ball.u_r,
        "mu_spin": ball.u_sp,
        "e_ball": ball.e_b,
        "mu_ball": ball.u_b,
        "e_cushion": ball.e_c,
        "mu_cushion": ball.f_c,
        "gravity": ball.g,
    }
    world = World(tuple(segments), tuple(jaws), tuple(pockets), numbers, cue.M, cue.end_mass)
    return world, names


def play(shot: Shot, table: Any, names: dict[str, int]) -> list[Seen]:
    """What pooltool makes of a shot."""
    balls = {str(k): pt.Ball.create(str(k), xy=xy) for k, xy in enumerate(shot.places)}
    radius = balls["0"].params.R
    for k, (velocity, spin) in enumerate(zip(shot.velocities, shot.spins, strict=True)):
        state = balls[str(k)].state
        state.rvw[1, :2] = velocity
        state.rvw[2] = spin
        slip = math.hypot(velocity[0] - radius * spin[1], velocity[1] + radius * spin[0])
        if slip > 1e-9:
            state.s = pooltool.constants.sliding
        elif any(velocity):
            state.s = pooltool.constants.rolling
        elif spin[2]:
            state.s = pooltool.constants.spinning
    system = pt.System(cue=pt.Cue(cue_ball_id="0"), table=table, balls=balls)
    if not shot.velocities:
        system.cue.set_state(
            V0=shot.speed,
            phi=math.degrees(shot.direction) % 360,
            a=-shot.side,
            b=shot.height,
            theta=math.degrees(shot.elevation),
        )
    pt.simulate(system, engine=engine_for(shot), inplace=True, max_events=shot.most_events)
    found = []
    for event in system.events:
        kind = KINDS.get(str(event.event_type))
        if kind is None or kind is EventKind.STRIKE:
            continue
        who = sorted((a for a in event.agents if a.agent_type == "ball"), key=lambda a: int(a.id))
        places = tuple(tuple(map(float, a.final.state.rvw[0, :2])) for a in who)
        index = -1
        if kind in PARTS:
            part = next(a for a in event.agents if a.agent_type != "ball")
            index = names[f"{PARTS[kind]} {part.id}"]
        balls_of = tuple(int(a.id) for a in who)
        found.append(Seen(float(event.time), kind, balls_of, index, places))
    return found


def named_shots(w: float, length: float, radius: float) -> list[Shot]:
    """One shot for each thing that a model may get wrong."""
    start = (0.5 * w, 0.25 * length)
    both = (start, (0.5 * w, 0.6 * length))
    near_jaw = (start, (0.08, 0.11))

    def shot(name: str, places: Any, speed: float, degrees: float, **more: Any) -> Shot:
        return Shot(name, tuple(places), speed, math.radians(degrees), **more)

    shots = [
        shot("slide", [start], 0.9, 93.0, height=-0.1),
        shot("roll", [start], 0.7, 87.0, height=0.4),
        shot("stop", both, 2.0, 90.7, height=-0.2),
        shot("follow", both, 2.0, 91.0, height=0.4),
        shot("draw", both, 3.0, 91.0, height=-0.45),
        shot("massé", [start], 1.5, 75.0, side=-0.3, height=-0.2, elevation=math.radians(50)),
        shot("swerve", [start], 2.0, 80.0, side=0.3, elevation=math.radians(15)),
        shot("left english, three cushions", [start], 4.0, 37.0, side=-0.35),
        shot("right english, three cushions", [start], 4.0, 37.0, side=0.35),
        shot("lag", [start], 3.0, 88.0),
        shot("into the jaws", near_jaw, 1.5, 217.0),
        shot("side pocket's jaws", [start], 2.0, 47.0),
        shot("corner", [start], 2.0, 225.3),
    ]
    for speed in (0.5, 1.0, 3.0, 6.0):
        for model in ("alciatore", "mathavan_2014"):
            shots.append(shot(f"cut at {speed} m/s, {model}", both, speed, 92.3, ball_ball=model))
            shots.append(
                shot(
                    f"spin throw at {speed} m/s, {model}",
                    both,
                    speed,
                    90.4,
                    side=-0.4,
                    ball_ball=model,
                )
            )
    for model in CUSHIONS:
        for side in (-0.3, 0.0, 0.3):
            shots.append(
                shot(f"{model}, side {side}", [start], 3.0, 28.0, side=side, cushion=model)
            )
        shots.append(shot(f"{model}, jaws", near_jaw, 1.5, 217.0, cushion=model))
        shots.append(shot(f"{model}, three cushions", [start], 4.0, 37.0, side=0.3, cushion=model))
    moving: list[tuple[str, Any, Any]] = [
        ("a slide", (0.4, 1.1), (0.0, 0.0, 0.0)),
        ("a roll", (0.6, 0.9), (-0.9 / radius, 0.6 / radius, 5.0)),
        ("a roll with side", (0.3, -0.5), (0.5 / radius, 0.3 / radius, -40.0)),
        ("back spin", (0.0, 1.5), (80.0, 3.0, 20.0)),
        ("spin on the spot", (0.0, 0.0), (0.0, 0.0, 30.0)),
    ]
    for name, velocity, spin in moving:
        shots.append(Shot(f"begins as {name}", (start,), velocities=(velocity,), spins=(spin,)))
    shots.append(
        Shot(
            "two that move meet",
            both,
            velocities=((0.02, 1.0), (-0.03, -0.8)),
            spins=((0.0, 0.0, 10.0), (0.8 / radius, -0.03 / radius, -5.0)),
        )
    )
    return shots


def random_shots(
    w: float, length: float, count: int, seed: int, balls: int, models: tuple[str, ...]
) -> list[Shot]:
    """Random shots of so many balls, aimed at one of them; every third begins in motion."""
    rng = np.random.default_rng(seed)
    shots = []
    for k in range(count):
        while True:
            places = rng.uniform((0.05, 0.05), (w - 0.05, length - 0.05), (balls, 2))
            gaps = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
            if balls == 1 or gaps[np.triu_indices(balls, 1)].min() > 0.06:
                break
        way = places[min(1, balls - 1)] - places[0]
        direction = math.atan2(way[1], way[0]) + math.radians(rng.normal(0.0, 2.0))
        if balls == 1:
            direction = rng.uniform(0, 2 * math.pi)
        side, height = rng.uniform(-0.4, 0.4, 2)
        speed = rng.uniform(0.5, 5.0)
        common: dict[str, Any] = {
            "name": f"random {k} ({balls})",
            "places": tuple(map(tuple, places.tolist())),
            "cushion": CUSHIONS[k % 4],
            "ball_ball": models[k // 4 % len(models)],
        }
        if k % 3 == 2:
            velocities = np.zeros((balls, 2))
            velocities[0] = speed * np.array([math.cos(direction), math.sin(direction)])
            spins = np.zeros((balls, 3))
            spins[0] = rng.uniform(-60, 60, 3)
            common["velocities"] = tuple(map(tuple, velocities.tolist()))
            common["spins"] = tuple(map(tuple, spins.tolist()))
            shots.append(Shot(**common))
        else:
            elevation = math.radians(float(rng.choice([0.0, 5.0])))
            shots.append(
                Shot(
                    **common,
                    speed=speed,
                    direction=direction,
                    side=side,
                    height=height,
                    elevation=elevation,
                )
            )
    return shots


def break_shot(w: float, length: float, radius: float) -> Shot:
    """An eight-ball break, first 30 events."""
    rng = np.random.default_rng(7)
    step = 2 * radius + 1e-4
    places = [(0.45 * w, 0.25 * length)]
    for row in range(5):
        for k in range(row + 1):
            x = w / 2 + (k - row / 2) * step + rng.uniform(-2e-5, 2e-5)
            y = 0.75 * length + row * step * math.sqrt(3) / 2 + rng.uniform(-2e-5, 2e-5)
            places.append((x, y))
    return Shot("break", tuple(places), 8.0, math.radians(87.1), most_events=31)


def verdict_of(
    shot: Shot, table: Any, world: World, names: dict[str, int]
) -> tuple[list[Seen], Verdict] | None:
    """What pooltool made of it and how far we agree; ``None`` when it gave no answer in time."""
    signal.alarm(LIMIT_S)
    try:
        seen = play(shot, table, names)
    except TimeoutError:
        return None
    finally:
        signal.alarm(0)
    return seen, compare(shot, seen, world, world.geometry())


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=30, help="random shots of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--spacer", type=float, default=pt.constants.MIN_DIST, help="pooltool's MIN_DIST, m"
    )
    parser.add_argument("--write", type=Path, help="store pooltool's answers as JSON")
    parser.add_argument(
        "--as-it-comes", action="store_true", help="leave pooltool's mathavan_2014 unmended"
    )
    args = parser.parse_args()
    # pooltool moves bodies this far apart at each contact, which also tilts the cushion's normal.
    pt.constants.MIN_DIST = args.spacer
    if not args.as_it_comes:
        mend_mathavan()
    table = pt.Table.default()
    world, names = world_of(table)
    radius = world.parameters["radius"]
    shots = named_shots(table.w, table.l, radius)
    models = ("alciatore", "elastic", "mathavan_2014")
    for balls in (1, 2, 3, 5):
        shots += random_shots(table.w, table.l, args.shots, args.seed + balls, balls, models)
    shots.append(break_shot(table.w, table.l, radius))
    signal.signal(signal.SIGALRM, _give_up)
    answered: list[tuple[Shot, list[Seen]]] = []
    fine, silent, times = 0, 0, []
    for shot in shots:
        found = verdict_of(shot, table, world, names)
        if found is None:
            silent += 1
            print(f"{shot.name:32s} pooltool did not answer within {LIMIT_S} s")
            continue
        seen, v = found
        answered.append((shot, seen))
        fine += v.fine
        times.append(v.dt)
        print(
            f"{shot.name:32s} {v.agree:3d}/{v.events:<3d} dt {v.dt:.1e} s  dx {v.dx:.1e} m  "
            f"sensitivity {v.sensitivity:.1e}  excess {v.excess:.1e}  "
            f"{shot.ball_ball} {shot.cushion} {v.reason}{'' if v.fine else '   <--'}",
            flush=True,
        )
    print(
        f"{fine} of {len(answered)} shots agree, {silent} without an answer; "
        f"median of the largest time difference of a shot {np.median(times):.1e} s"
    )
    if args.write:
        made_by = f"pooltool {pt.__version__}, MIN_DIST {args.spacer:g} m"
        data = to_json(world, answered, made_by)
        args.write.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    return 0 if fine == len(answered) else 1


def _give_up(*_: object) -> None:
    raise TimeoutError


if __name__ == "__main__":
    sys.exit(main())
