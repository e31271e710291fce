"""Random states meant to break an event-driven engine, and what must hold for every shot."""

from __future__ import annotations

import math

import numpy as np

from billiards_trainer.physics.engine import kinetic_energy
from billiards_trainer.physics.state import BallsState, Motion
from billiards_trainer.physics.trajectory import EventKind, Trajectory
from billiards_trainer.table import Table


def random_places(rng: np.random.Generator, table: Table, count: int, crowd: float) -> np.ndarray:
    """Centres of balls on a table; a share ``crowd`` of them is frozen to another or to a cushion.

    Frozen means: touching, or apart or overlapping by at most a micrometre.
    """
    radius = table.balls.radius
    low, high = (
        np.array([radius, radius]),
        np.array([table.width - radius, table.length - radius]),
    )
    places: list[np.ndarray] = []
    while len(places) < count:
        at = rng.uniform(low, high)
        if rng.random() < crowd:
            slip = rng.choice([0.0, 0.0, 1e-5, 1e-9, -1e-9, rng.uniform(-5e-7, 1e-6)])
            if places and rng.random() < 0.8:
                angle = rng.choice([rng.uniform(0, 2 * math.pi), math.pi / 3, 0.0, math.pi / 2])
                way = np.array([math.cos(angle), math.sin(angle)])
                at = places[rng.integers(len(places))] + (2 * radius + slip) * way
            else:
                # Against the middle third of a rail: no pocket's mouth there on pool tables' ends.
                side = rng.integers(2)
                at = np.array([rng.uniform(0.35, 0.65) * table.width, at[1]])
                at[1] = (radius + slip) if side else (table.length - radius - slip)
        if (at < low - 1e-6).any() or (at > high + 1e-6).any():
            continue
        if any(math.dist(at, p) < 2 * radius - 9e-7 for p in places):
            continue
        places.append(at)
    return np.array(places)


def random_state(rng: np.random.Generator, table: Table, most: int = 16) -> BallsState:
    """Balls at random, crowded, at rest or moving at up to 15 m/s and 300 rad/s."""
    count = int(rng.integers(1, most + 1))
    places = random_places(rng, table, count, rng.choice([0.0, 0.5, 0.9]))
    moving = rng.random(count) < rng.choice([0.1, 0.5, 1.0])
    moving[rng.integers(count)] = True
    speed = rng.uniform(0, 15, count) ** rng.choice([1.0, 0.0, -3.0]) * moving
    speed = np.minimum(speed, 15.0)
    angle = (
        rng.choice([0.0, math.pi / 2, math.pi, 1.0], count)
        if rng.random() < 0.3
        else (rng.uniform(0, 2 * math.pi, count))
    )
    velocity = speed[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    spin = rng.uniform(-300, 300, (count, 3)) * (rng.random((count, 3)) < 0.5)
    spin *= (rng.random(count) < 0.6)[:, None]
    return BallsState.moving(places, velocity, spin, table.balls.radius)


def troubles(table: Table, shot: Trajectory, sunk: float = 5e-6) -> list[str]:
    """What is wrong with a shot: empty for a sound one.

    Looked at at every event and between any two: numbers, energy, overlaps, the table's edge.
    """
    found: list[str] = []
    p = shot.parameters
    times = np.unique(shot.times)
    if len(times) > 1:
        times = np.sort(np.concatenate([times, 0.5 * (times[1:] + times[:-1])]))
    if not len(times):
        times = np.zeros(1)
    balls = range(len(shot.initial))
    paths = np.array([shot.path(b, times)[:, :2] for b in balls])
    motion = np.array([shot.motion(b, times) for b in balls])
    pairs = shot.records[shot.kinds[:, 0] == EventKind.BALL_BALL, 1]
    if not (
        np.isfinite(paths).all()
        and np.isfinite(shot.records[:, 0]).all()
        and np.isfinite(pairs).all()
    ):
        return ["a number is not finite"]
    live = motion != Motion.POCKETED
    for i in balls:
        for j in range(i):
            both = live[i] & live[j]
            if both.any():
                gap = np.hypot(*(paths[i] - paths[j])[both].T).min() - 2 * p.radius
                if gap < -sunk:
                    found.append(f"balls {j} and {i} overlap by {-gap:.3g} m")
    # A ball's centre never passes a nose: only in a mouth can it be beyond the nose rectangle.
    for i in balls:
        x, y = paths[i][live[i]].T
        out = (x < 0) | (x > table.width) | (y < 0) | (y > table.length)
        for px, py in zip(x[out], y[out], strict=True):
            near = table.nearest_pocket(px, py)
            if near is None or near[1] > 0.2:
                found.append(f"ball {i} is off the table at {px:.4f}, {py:.4f}")
                break
    before = shot.records[:, :, 0]
    after = shot.records[:, :, 1]
    for k in range(len(shot.times)):
        if shot.kinds[k, 0] == 0:
            continue
        two = 2 if shot.kinds[k, 0] == 1 else 1
        lost = sum(
            _energy(before[k, n], p.radius) - _energy(after[k, n], p.radius) for n in range(two)
        )
        if lost < -1e-9 * max(1.0, _energy(before[k, 0], p.radius)):
            found.append(f"event {k} gains {-lost:.3g} (J/kg)")
    if shot.complete:
        still = (shot.final.motion == Motion.RESTING) | (shot.final.motion == Motion.POCKETED)
        if not still.all() or kinetic_energy(shot.final, p) != 0.0:
            found.append("a ball still moves at the end")
    return found


def _energy(record: np.ndarray, radius: float) -> float:
    v2 = record[2] ** 2 + record[3] ** 2
    w2 = record[4] ** 2 + record[5] ** 2 + record[6] ** 2
    return float(0.5 * v2 + 0.2 * radius**2 * w2)
