"""Short ways to set up shots for the tests of the engine."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.parameters import Models, PhysicsParameters
from billiards_trainer.physics.state import BallsState
from billiards_trainer.physics.strike import Strike
from billiards_trainer.physics.trajectory import Event, EventKind, Trajectory
from billiards_trainer.table import Table, preset

POOL = preset("pool-9ft")
CAROM = preset("carom-10ft")
R = POOL.balls.radius
P = PhysicsParameters(radius=R)
ELASTIC = Models.named(ball_ball="elastic", cushion="mirror")


def play(
    positions: object,
    velocities: object = None,
    spins: object = None,
    *,
    table: Table = POOL,
    strike: Strike | None = None,
    parameters: PhysicsParameters | None = None,
    models: Models | None = None,
    **bounds: float,
) -> Trajectory:
    """Play a shot from plain lists."""
    places = np.asarray(positions, dtype=float).reshape(-1, 2)
    n = len(places)
    state = BallsState.moving(
        places,
        np.zeros((n, 2)) if velocities is None else np.asarray(velocities, dtype=float),
        np.zeros((n, 3)) if spins is None else np.asarray(spins, dtype=float),
        table.balls.radius,
    )
    return simulate(table, state, strike, parameters=parameters, models=models, **bounds)  # type: ignore[arg-type]


def rolling(vx: float, vy: float, radius: float = R) -> list[float]:
    """Spin of a ball that rolls with that velocity."""
    return [-vy / radius, vx / radius, 0.0]


def first(shot: Trajectory, kind: EventKind) -> Event:
    """The first event of a kind."""
    return next(e for e in shot.events if e.kind == kind)


def kinds(shot: Trajectory) -> list[EventKind]:
    """The kinds of all events."""
    return [e.kind for e in shot.events]


def cloth(**changes: float) -> PhysicsParameters:
    """Pool parameters with changes."""
    return replace(P, **changes)


def angle_between(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two plane vectors, rad."""
    cross = a[0] * b[1] - a[1] * b[0]
    return abs(math.atan2(cross, a[0] * b[0] + a[1] * b[1]))
