"""Shots as a camera would have tracked them: noise, outliers, missing pictures."""

from __future__ import annotations

import math

import numpy as np

from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.fitting.tracks import Track, TrackedShot
from billiards_trainer.physics.parameters import PhysicsParameters
from billiards_trainer.physics.state import BallsState, Motion
from billiards_trainer.physics.strike import Strike
from billiards_trainer.table import Table


def tracked_shots(
    table: Table,
    parameters: PhysicsParameters,
    count: int,
    *,
    seed: int = 1,
    fps: float = 60.0,
    noise: float = 0.001,
    outliers: float = 0.02,
    missing: float = 0.05,
) -> list[TrackedShot]:
    """Random shots of two balls by the engine, seen with all faults of a tracker."""
    rng = np.random.default_rng(seed)
    shots: list[TrackedShot] = []
    while len(shots) < count:
        places = rng.uniform((0.1, 0.1), (table.width - 0.1, table.length - 0.1), (2, 2))
        way = places[1] - places[0]
        if math.hypot(*way) < 0.3:
            continue
        strike = Strike(
            0,
            rng.uniform(1.0, 4.0),
            math.atan2(way[1], way[0]) + rng.normal(0.0, 0.05),
            side=rng.uniform(-0.3, 0.3),
            height=rng.uniform(-0.3, 0.4),
        )
        state = BallsState.at_rest(places, parameters.radius)
        shot = simulate(table, state, strike, parameters=parameters)
        times = np.arange(0.0, shot.duration + 0.3, 1.0 / fps)
        tracks = []
        for ball in range(2):
            seen = shot.path(ball, times)[:, :2] + rng.normal(0.0, noise, (len(times), 2))
            wild = rng.random(len(times)) < outliers
            seen[wild] += rng.normal(0.0, 0.05, (wild.sum(), 2))
            keep = (shot.motion(ball, times) != Motion.POCKETED) & (
                rng.random(len(times)) > missing
            )
            if rng.random() < 0.3:  # something stood in the way for a fifth of a second
                start = rng.integers(len(times))
                keep[start : start + round(0.2 * fps)] = False
            tracks.append(Track.from_samples(str(ball), times[keep], seen[keep]))
        shots.append(TrackedShot(f"shot {len(shots)}", tuple(tracks)))
    return shots


def rolling_down(
    start: tuple[float, float],
    velocity: tuple[float, float],
    friction: float,
    drift: tuple[float, float],
    times: np.ndarray,
) -> np.ndarray:
    """Places (T, 2) of a ball that rolls on a table out of level, by small steps."""
    place, going = np.array(start), np.array(velocity)
    found = [place.copy()]
    for step in np.diff(times):
        for _ in range(20):
            dt = step / 20
            speed = float(np.hypot(*going))
            if speed < 1e-3:
                break
            pull = np.array(drift) - friction * going / speed
            place = place + dt * (going + 0.5 * dt * pull)
            going = going + dt * pull
        found.append(place.copy())
    return np.array(found)
