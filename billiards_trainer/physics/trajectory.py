"""One simulated shot: its events, and where every ball is at any time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from billiards_trainer.physics import layout
from billiards_trainer.physics.geometry import Geometry
from billiards_trainer.physics.parameters import PhysicsParameters
from billiards_trainer.physics.pieces import Pieces
from billiards_trainer.physics.state import BallsState, Floats, Motion

_POCKETED = int(Motion.POCKETED)


class EventKind(IntEnum):
    """What happened."""

    STRIKE = layout.STRIKE
    BALL_BALL = layout.BALL_BALL
    CUSHION = layout.CUSHION
    JAW = layout.JAW
    POCKET = layout.POCKET
    ROLLING = layout.TO_ROLLING
    SPINNING = layout.TO_SPINNING
    RESTING = layout.TO_RESTING


@dataclass(frozen=True, slots=True)
class Event:
    """One instant at which a motion changes.

    Attributes:
        time: s since the start.
        kind: what happened.
        balls: indices of the balls concerned, one or two.
        index: of the segment (CUSHION), jaw (JAW) or pocket (POCKET) in the table; -1 for the free
            end of a segment and for events without either.
        position: (x, y) of the contact, m: between the balls, on the cushion, else the ball's own.
        before, after: the balls concerned, in the order of ``balls``.
    """

    time: float
    kind: EventKind
    balls: tuple[int, ...]
    index: int
    position: tuple[float, float]
    before: BallsState
    after: BallsState


@dataclass(frozen=True)
class Trajectory:
    """A shot from its first instant until all balls rest, or until a bound was reached.

    Attributes:
        complete: whether everything came to rest.
        stopped_by: ``""``, ``"events"``, ``"time"`` or ``"deadline"``: the bound that was reached.
        duration: s, time of the last event, or the bound on time that stopped the run.
        initial: the balls before the strike.
        final: the balls at ``duration``.
        pocket_of: (N,) index of the pocket each ball fell into, -1 for none.
        times, kinds, records: the events as arrays; see ``events``.
        geometry: what the balls met.
    """

    complete: bool
    stopped_by: str
    duration: float
    initial: BallsState
    final: BallsState
    pocket_of: npt.NDArray[np.int64]
    parameters: PhysicsParameters
    times: Floats
    kinds: npt.NDArray[np.int64]
    records: Floats
    geometry: Geometry

    @cached_property
    def events(self) -> list[Event]:
        """All events in order of time."""
        return [self._event(k) for k in range(len(self.times))]

    def _event(self, k: int) -> Event:
        kind, ball, other = (int(v) for v in self.kinds[k])
        pair = kind == EventKind.BALL_BALL
        balls = (ball, other) if pair else (ball,)
        index = -1 if pair else other
        if kind == EventKind.JAW and other >= self.geometry.jaw_count:
            index = -1
        n = len(balls)
        before = self._records_state(self.records[k, :n, 0])
        after = self._records_state(self.records[k, :n, 1])
        x, y = before.position[0, :2]
        if pair:
            x, y = 0.5 * (x + before.position[1, 0]), 0.5 * (y + before.position[1, 1])
        if kind in (EventKind.CUSHION, EventKind.JAW):
            x, y = self._touched(kind, other, float(x), float(y))
        return Event(
            float(self.times[k]), EventKind(kind), balls, index, (float(x), float(y)), before, after
        )

    def _touched(self, kind: int, k: int, x: float, y: float) -> tuple[float, float]:
        """The point of cushion or jaw ``k`` that a ball at (x, y) touches."""
        if kind == EventKind.CUSHION:
            row = self.geometry.segments[k]
            along = (x - row[layout.SX]) * row[layout.STX] + (y - row[layout.SY]) * row[layout.STY]
            return (
                float(row[layout.SX] + along * row[layout.STX]),
                float(row[layout.SY] + along * row[layout.STY]),
            )
        cx, cy, r, _ = (float(v) for v in self.geometry.jaws[k])
        scale = r / math.hypot(x - cx, y - cy)
        return cx + scale * (x - cx), cy + scale * (y - cy)

    def _records_state(self, rows: Floats) -> BallsState:
        n = len(rows)
        radius = self.parameters.radius
        position, velocity = np.empty((n, 3)), np.zeros((n, 3))
        position[:, :2] = rows[:, 0:2]
        motion = rows[:, 7].astype(np.int8)
        position[:, 2] = height_of(motion, radius)
        velocity[:, :2] = rows[:, 2:4]
        return BallsState.trusted(position, velocity, rows[:, 4:7], motion)

    def pieces(self, ball: int) -> Pieces:
        """The closed forms that make up one ball's way."""
        return self._pieces[ball]

    @cached_property
    def _pieces(self) -> list[Pieces]:
        start = np.column_stack(
            [
                self.initial.position[:, :2],
                self.initial.velocity[:, :2],
                self.initial.spin,
                self.initial.motion,
            ]
        )
        result: list[Pieces] = []
        is_pair = self.kinds[:, 0] == EventKind.BALL_BALL
        for ball in range(len(self.initial)):
            first = self.kinds[:, 1] == ball
            second = is_pair & (self.kinds[:, 2] == ball)
            mine = np.flatnonzero(first | second)
            rows = np.where(first[mine, None], self.records[mine, 0, 1], self.records[mine, 1, 1])
            times = np.concatenate([[0.0], self.times[mine]])
            rows = np.vstack([start[ball], rows])
            result.append(Pieces.from_states(times, rows, self.parameters))
        return result

    def _states(
        self, ball: int, times: npt.ArrayLike
    ) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int8]]:
        """Position (T, 2), velocity (T, 2), spin (T, 3), motion (T,) of one ball."""
        # Nothing is known beyond the end of a shot that was cut short.
        last = np.inf if self.complete else self.duration
        return self._pieces[ball].at(np.minimum(np.atleast_1d(np.asarray(times, float)), last))

    def at(self, time: float) -> BallsState:
        """All balls at ``time`` seconds; the end state for every later time."""
        if time >= self.duration:
            return self.final
        n = len(self.initial)
        position, velocity, spin = np.empty((n, 3)), np.zeros((n, 3)), np.empty((n, 3))
        motion = np.empty(n, dtype=np.int8)
        for ball in range(n):
            p, v, w, m = self._states(ball, max(time, 0.0))
            position[ball, :2], velocity[ball, :2], spin[ball] = p[0], v[0], w[0]
            motion[ball] = m[0]
        position[:, 2] = height_of(motion, self.parameters.radius)
        return BallsState.trusted(position, velocity, spin, motion)

    def path(self, ball: int, times: npt.ArrayLike) -> Floats:
        """Centre of one ball at ``times`` (T,), as (T, 3) in metres."""
        position, _, _, motion = self._states(ball, times)
        return np.column_stack([position, height_of(motion, self.parameters.radius)])

    def velocity(self, ball: int, times: npt.ArrayLike) -> Floats:
        """Velocity of one ball at ``times`` (T,), as (T, 3) in m/s."""
        velocity = self._states(ball, times)[1]
        return np.column_stack([velocity, np.zeros(len(velocity))])

    def spin(self, ball: int, times: npt.ArrayLike) -> Floats:
        """Angular velocity of one ball at ``times`` (T,), as (T, 3) in rad/s."""
        return self._states(ball, times)[2]

    def motion(self, ball: int, times: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """``Motion`` of one ball at ``times`` (T,)."""
        return self._states(ball, times)[3]


def height_of(motion: npt.NDArray[np.generic], radius: float) -> Floats:
    """Heights of the centres, m: R on the cloth, a ball's diameter below it in a pocket."""
    return np.where(motion == _POCKETED, -2.0 * radius, radius)
