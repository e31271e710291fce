"""Thousands of shots at once: outcomes only, on all cores."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from billiards_trainer.physics import cue_ball, geometry, layout
from billiards_trainer.physics.batch_loop import run_batch
from billiards_trainer.physics.engine import (
    DEFAULT_MODELS,
    MAX_EVENTS,
    MAX_TIME,
    choice_of,
    numbers_of,
    strike_row,
)
from billiards_trainer.physics.geometry import Geometry, Ints
from billiards_trainer.physics.parameters import Models, PhysicsParameters, for_table
from billiards_trainer.physics.placing import placed
from billiards_trainer.physics.state import BallsState, Floats, Motion, StateError, check_motion
from billiards_trainer.physics.strike import Strike, StrikeError, check_rows
from billiards_trainer.table import Table


@dataclass(frozen=True, slots=True)
class BatchOutcomes:
    """What came of M shots with N balls each.

    Attributes:
        position: (M, N, 2) final centres, m; the pocket's centre for a pocketed ball.
        motion: (M, N) int8, ``Motion`` at the end; RESTING or POCKETED where the shot is complete.
        pocket_of: (M, N) index of the pocket a ball fell into, -1 for none.
        cushions: (M, N) how often a ball met a cushion or a jaw.
        first_hit: (M, N) the first ball that each ball met, -1 for none.
        duration: (M,) s.
        events: (M,) number of events.
        complete: (M,) whether everything came to rest within the bounds.
        stopped_by: (M,) ``""``, ``"events"``, ``"time"`` or ``"deadline"``: the bound that was
            reached.  A shot that the deadline kept from beginning has no events.
    """

    position: Floats
    motion: npt.NDArray[np.int8]
    pocket_of: Ints
    cushions: Ints
    first_hit: Ints
    duration: Floats
    events: Ints
    complete: npt.NDArray[np.bool_]
    stopped_by: npt.NDArray[np.str_]


def strike_rows(strikes: Strike | Sequence[Strike] | Floats) -> Floats:
    """Strikes as an array (M, 8): ball, speed, direction, elevation, side, height, both masses."""
    if isinstance(strikes, Strike):
        return strike_row(strikes)[None]
    if isinstance(strikes, np.ndarray):
        rows = np.array(strikes, dtype=np.float64, order="C")
        if rows.ndim != 2 or rows.shape[1] != cue_ball.STRIKE_COLUMNS:
            raise StrikeError(f"strikes have shape {rows.shape}, not (M, 8)")
        return rows
    return np.array([strike_row(s) for s in strikes]).reshape(-1, cue_ball.STRIKE_COLUMNS)


def state_rows(states: BallsState | Sequence[BallsState] | Floats) -> Floats:
    """States as an array (M, N, 8): x, y, velocity, spin, motion.

    An array (M, N, 2) of positions stands for balls at rest; a position that is NaN for a ball that
    is not on the table.
    """
    if isinstance(states, BallsState):
        states = [states]
    if isinstance(states, np.ndarray):
        if states.ndim != 3 or states.shape[2] not in (2, layout.RECORD_COLUMNS):
            raise StateError(f"states have shape {states.shape}, not (M, N, 2) or (M, N, 8)")
        if states.shape[2] == layout.RECORD_COLUMNS:
            rows = np.array(states, dtype=np.float64, order="C")
        else:
            rows = np.zeros((*states.shape[:2], layout.RECORD_COLUMNS))
            rows[..., :2] = states
            gone = np.isnan(states).any(axis=2)
            rows[gone, :2] = 0.0
            rows[gone, 7] = Motion.POCKETED
    else:
        rows = np.array(
            [
                np.column_stack([s.position[:, :2], s.velocity[:, :2], s.spin, s.motion])
                for s in states
            ]
        )
    if not np.isfinite(rows).all():
        raise StateError("states hold a number that is not finite")
    check_motion(rows[..., 2:4], rows[..., 4:7], rows[..., 7])
    return rows


def simulate_batch(
    table: Table | Geometry,
    states: BallsState | Sequence[BallsState] | Floats,
    strikes: Strike | Sequence[Strike] | Floats | None = None,
    *,
    parameters: PhysicsParameters | None = None,
    models: Models | None = None,
    max_events: int = MAX_EVENTS,
    max_time: float = MAX_TIME,
    threads: int | None = None,
    deadline_ns: int | None = None,
    tolerance: float = 1e-6,
) -> BatchOutcomes:
    """Play M shots.

    Args:
        table: a table, or a geometry of your own (then ``parameters`` are needed).
        states: M states, or one for all shots; see ``state_rows`` for arrays.
        strikes: M strikes, or one for all shots, or ``None`` where the balls move already; see
            ``strike_rows`` for arrays.
        parameters: as for ``engine.simulate``.
        models: as for ``engine.simulate``.
        max_events: bound for each shot.
        max_time: bound for each shot, s.
        threads: how many at most; all cores when ``None``.
        deadline_ns: as for ``engine.simulate``; looked at every few dozen shots.
        tolerance: as for ``engine.simulate``.

    Raises:
        StateError, StrikeError: as for ``engine.simulate``; the sentence names the first bad state
            or strike.
    """
    if parameters is None:
        if not isinstance(table, Table):
            raise TypeError("a geometry without a table needs parameters")
        parameters = for_table(table)
    radius = parameters.radius
    shape = geometry.for_table(table, radius) if isinstance(table, Table) else table
    rows = state_rows(states)
    blows = strike_row(None)[None] if strikes is None else strike_rows(strikes)
    shots = max(len(rows), len(blows))
    if len(rows) not in (1, shots) or len(blows) not in (1, shots):
        raise StateError(f"{len(rows)} states do not go with {len(blows)} strikes")
    n = rows.shape[1]
    live = rows[..., 7] != Motion.POCKETED
    check_rows(blows, live)
    planes = np.ascontiguousarray(rows[..., :2])
    placed(planes, live, shape, radius, float(tolerance))
    rows[..., :2] = planes
    position = np.empty((shots, n, 2))
    motion = np.empty((shots, n), dtype=np.int8)
    tallies = np.empty((shots, n, 3), dtype=np.int64)
    duration = np.empty(shots)
    events = np.empty(shots, dtype=np.int64)
    status = np.empty(shots, dtype=np.int64)
    numbers, choice = numbers_of(parameters), choice_of(models or DEFAULT_MODELS)

    def part(low: int, high: int) -> None:
        run_batch(
            low,
            high,
            rows,
            blows,
            shape.segments,
            shape.jaws,
            shape.pockets,
            shape.box,
            shape.sides,
            numbers,
            choice,
            int(max_events),
            float(max_time),
            position,
            motion,
            tallies,
            duration,
            events,
            status,
        )

    def part_in_time(low: int, high: int) -> None:
        if deadline_ns is None or time.monotonic_ns() < deadline_ns:
            part(low, high)
            return
        start = rows[low:high] if len(rows) > 1 else rows[[0]]
        position[low:high], motion[low:high] = start[..., :2], start[..., 7]
        tallies[low:high] = (-1, 0, -1)
        duration[low:high], events[low:high], status[low:high] = 0.0, 0, _DEADLINE

    workers = threads or len(os.sched_getaffinity(0))
    if deadline_ns is not None:
        size = 32
    elif workers == 1 or shots < 64:
        size = shots
    else:
        # Small parts, because shots differ in length.
        size = max(32, min(1024, shots // (4 * workers)))
    parts = [(low, min(low + size, shots)) for low in range(0, shots, size)] if shots else []
    if workers == 1 or len(parts) == 1:
        for low, high in parts:
            part_in_time(low, high)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda bounds: part_in_time(*bounds), parts))
    return BatchOutcomes(
        position,
        motion,
        tallies[..., 0],
        tallies[..., 1],
        tallies[..., 2],
        duration,
        events,
        status == layout.DONE,
        _STOPPED_BY[status],
    )


_DEADLINE = 4
_STOPPED_BY = np.array(["", "", "events", "time", "deadline"])
