"""Simulate one shot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from billiards_trainer.physics import cue_ball, geometry, layout, loop
from billiards_trainer.physics.geometry import Geometry, Ints
from billiards_trainer.physics.parameters import Models, PhysicsParameters, for_table
from billiards_trainer.physics.placing import placed
from billiards_trainer.physics.state import BallsState, Floats, Motion
from billiards_trainer.physics.strike import Strike, check_struck
from billiards_trainer.physics.trajectory import Trajectory, height_of
from billiards_trainer.table import Table

DEFAULT_MODELS = Models()
# A spinning ball that pushes a frozen rack makes some ten thousand.
MAX_EVENTS = 100_000
MAX_TIME = 300.0
# Events between two looks at the clock: about 0.1 ms.
_STRIDE = 64


@dataclass(slots=True)
class Workspace:
    """The arrays of one run, see ``layout``."""

    ball: Floats
    queue: Floats
    whom: Ints
    tallies: Ints
    progress: Floats

    @classmethod
    def empty(cls, n: int) -> Workspace:
        """Room for ``n`` balls."""
        return cls(
            np.zeros((n, layout.BALL_COLUMNS)),
            np.zeros((n, 2)),
            np.zeros((n, 5), dtype=np.int64),
            np.zeros((n, 3), dtype=np.int64),
            np.zeros(layout.PROGRESS_ENTRIES),
        )


@lru_cache(maxsize=64)
def numbers_of(parameters: PhysicsParameters) -> Floats:
    """Parameters in the kernels' order."""
    p = parameters
    values = {
        layout.N_RADIUS: p.radius,
        layout.N_GRAVITY: p.gravity,
        layout.N_SLIDE: p.mu_slide,
        layout.N_ROLL: p.mu_roll,
        layout.N_SPIN: p.mu_spin,
        layout.N_E_BALL: p.e_ball,
        layout.N_MU_BALL: p.mu_ball,
        layout.N_MU_A: p.mu_ball_a,
        layout.N_MU_B: p.mu_ball_b,
        layout.N_MU_C: p.mu_ball_c,
        layout.N_E_CUSHION: p.e_cushion,
        layout.N_MU_CUSHION: p.mu_cushion,
        layout.N_RATIO: p.cushion_ratio,
        layout.N_MASS: p.mass,
    }
    return np.array([values[k] for k in range(len(values))], dtype=np.float64)


@lru_cache(maxsize=64)
def choice_of(models: Models) -> Ints:
    """Models in the kernels' order."""
    return np.array([models.ball_ball, models.cushion, models.cue], dtype=np.int64)


def strike_row(strike: Strike | None) -> Floats:
    """A strike in the kernels' order; ball -1 for none."""
    if strike is None:
        row = np.zeros(cue_ball.STRIKE_COLUMNS)
        row[cue_ball.BALL] = -1.0
        return row
    s = strike
    return np.array(
        [
            s.ball,
            s.speed,
            s.direction,
            s.elevation,
            s.side,
            s.height,
            s.cue_mass,
            s.end_mass,
        ],
        dtype=np.float64,
    )


def load(ball: Floats, state: BallsState) -> None:
    """Write a state into the ball array at time 0."""
    ball[:] = 0.0
    ball[:, layout.X : layout.Y + 1] = state.position[:, :2]
    ball[:, layout.VX : layout.VY + 1] = state.velocity[:, :2]
    ball[:, layout.WX : layout.WZ + 1] = state.spin
    ball[:, layout.MOTION] = state.motion


def unload(ball: Floats, radius: float) -> BallsState:
    """The state in the ball array."""
    n = len(ball)
    motion = ball[:, layout.MOTION].astype(np.int8)
    velocity = np.zeros((n, 3))
    velocity[:, :2] = ball[:, layout.VX : layout.VY + 1]
    position = np.empty((n, 3))
    position[:, :2] = ball[:, layout.X : layout.Y + 1]
    position[:, 2] = height_of(motion, radius)
    return BallsState.trusted(position, velocity, ball[:, layout.WX : layout.WZ + 1].copy(), motion)


def simulate(
    table: Table | Geometry,
    state: BallsState,
    strike: Strike | None = None,
    *,
    parameters: PhysicsParameters | None = None,
    models: Models | None = None,
    max_events: int = MAX_EVENTS,
    max_time: float = MAX_TIME,
    deadline_ns: int | None = None,
    tolerance: float = 1e-6,
) -> Trajectory:
    """Play one shot until everything rests, or until a bound is reached.

    Args:
        table: a table, or a geometry of your own (then ``parameters`` are needed).
        state: where the balls are; they may move already.
        strike: what the cue does at time 0.
        parameters: of balls, cloth and cushions; the standard of the table's game when ``None``.
        models: which model treats which contact.
        max_events: bound on the number of events.
        max_time: bound on the simulated time, s.
        deadline_ns: bound on the machine's time, by ``time.monotonic_ns()``.
        tolerance: balls that overlap each other or a cushion by at most this, m, are moved apart
            before the start; give a millimetre or two for positions from a camera.

    Raises:
        StateError: balls that overlap by more, or lie outside the table or in a pocket's hole.
        StrikeError: the struck ball does not exist or lies in a pocket.
        GeometryError: the table's noses do not meet balls of that radius.
    """
    if parameters is None:
        if not isinstance(table, Table):
            raise TypeError("a geometry without a table needs parameters")
        parameters = for_table(table)
    radius = parameters.radius
    shape = geometry.for_table(table, radius) if isinstance(table, Table) else table
    live = state.motion != Motion.POCKETED
    if strike is not None:
        check_struck(strike.ball, live)
    plane = np.array(state.position[None, :, :2], order="C")
    placed(plane, live[None], shape, radius, float(tolerance))
    work = Workspace.empty(len(state))
    load(work.ball, state)
    work.ball[:, layout.X : layout.Y + 1] = plane[0]
    numbers, choice = numbers_of(parameters), choice_of(models or DEFAULT_MODELS)
    loop.classify(work.ball, numbers)
    initial = unload(work.ball, radius)
    room = 128
    times, kinds, records = _event_arrays(room)
    still = (shape.segments, shape.jaws, shape.pockets, shape.box, shape.sides, numbers, choice)
    loop.begin(
        work.ball,
        work.queue,
        work.whom,
        *still,
        strike_row(strike),
        times,
        kinds,
        records,
        work.progress,
        work.tallies,
    )
    # A number of another type would have the kernel compiled anew, for seconds.
    max_events, max_time = int(max_events), float(max_time)
    stopped_by = ""
    while True:
        bound = max_events
        if deadline_ns is not None:
            if time.monotonic_ns() >= deadline_ns:
                stopped_by = "deadline"
                break
            bound = min(max_events, int(work.progress[layout.P_EVENTS]) + _STRIDE)
        status = loop.proceed(
            work.ball,
            work.queue,
            work.whom,
            *still,
            times,
            kinds,
            records,
            work.progress,
            work.tallies,
            bound,
            max_time,
        )
        if status == layout.DONE:
            break
        if status == layout.TOO_LONG:
            stopped_by = "time"
            break
        if status == layout.TOO_MANY:
            if bound >= max_events:
                stopped_by = "events"
                break
        else:
            room *= 4
            times, kinds, records = _grown(room, times, kinds, records)
    count = int(work.progress[layout.P_EVENTS])
    end = float(work.progress[layout.P_TIME])
    loop.bring_to(work.ball, end)
    return Trajectory(
        complete=not stopped_by,
        stopped_by=stopped_by,
        duration=end,
        initial=initial,
        final=unload(work.ball, radius),
        pocket_of=work.tallies[:, 0].copy(),
        parameters=parameters,
        times=times[:count],
        kinds=kinds[:count],
        records=records[:count],
        geometry=shape,
    )


def _event_arrays(room: int) -> tuple[Floats, Ints, Floats]:
    return (
        np.empty(room),
        np.empty((room, 3), dtype=np.int64),
        np.empty((room, 2, 2, layout.RECORD_COLUMNS)),
    )


def _grown(room: int, times: Floats, kinds: Ints, records: Floats) -> tuple[Floats, Ints, Floats]:
    new = _event_arrays(room)
    for big, small in zip(new, (times, kinds, records), strict=True):
        big[: len(small)] = small
    return new


def kinetic_energy(state: BallsState, parameters: PhysicsParameters) -> float:
    """Energy of motion and spin of all balls, J."""
    v2 = float((state.velocity**2).sum())
    w2 = float((state.spin**2).sum())
    return 0.5 * parameters.mass * (v2 + 0.4 * parameters.radius**2 * w2)
