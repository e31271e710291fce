"""Ways of balls and their meetings, read from the engine's events."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from billiards_trainer.physics import layout
from billiards_trainer.physics.trajectory import Trajectory
from billiards_trainer.table import Point

_CURVE_POINTS = 5

Row = tuple[float, int, list[float], list[float]]
"""Time and kind of an event, and one ball's state before and after it."""


def first_contact(shot: Trajectory, striker: int) -> tuple[int, int] | None:
    """Index of the event in which the struck ball first meets another, and which ball that is."""
    for k, (kind, ball, other) in enumerate(shot.kinds.tolist()):
        if kind == layout.BALL_BALL and striker in (ball, other):
            return k, other if ball == striker else ball
    return None


def place(shot: Trajectory, k: int, which: int) -> Point:
    """Centre of a ball at an event; the struck ball's where it takes part in it."""
    if shot.kinds[k, 0] == layout.BALL_BALL and shot.kinds[k, 2] == shot.kinds[0, 1]:
        which = 1 - which
    x, y = shot.records[k, which, 0, :2]
    return float(x), float(y)


def cut_angle(shot: Trajectory, k: int) -> float:
    """Angle between the struck ball's way and the line of centres at their meeting, rad."""
    rows = shot.records[k, :, 0]
    mine, other = (0, 1) if shot.kinds[k, 1] == shot.kinds[0, 1] else (1, 0)
    vx, vy = rows[mine, 2:4]
    nx, ny = rows[other, :2] - rows[mine, :2]
    return float(abs(math.atan2(vx * ny - vy * nx, vx * nx + vy * ny)))


def by_ball(shot: Trajectory) -> dict[int, list[Row]]:
    """For each ball its events: time, kind, state before, state after."""
    found: dict[int, list[Row]] = {}
    times = shot.times.tolist()
    records = shot.records.tolist()
    for k, (kind, ball, other) in enumerate(shot.kinds.tolist()):
        for which, who in ((0, ball), (1, other)):
            if which == 1 and kind != layout.BALL_BALL:
                continue
            found.setdefault(who, []).append((times[k], kind, *records[k][which]))
    return found


def polyline(rows: Sequence[Row]) -> list[Point]:
    """A ball's way through its events.

    Between two events the acceleration is constant, so place and velocity at the first and place
    at the second give every point between; straight pieces need none.
    """
    points: list[Point] = [(rows[0][2][0], rows[0][2][1])]
    for (t0, _, _, a), (t1, _, b, _) in itertools.pairwise(rows):
        dt = t1 - t0
        if dt <= 0.0:
            continue
        ax = 2 * (b[0] - a[0] - a[2] * dt) / (dt * dt)
        ay = 2 * (b[1] - a[1] - a[3] * dt) / (dt * dt)
        bend = abs(a[2] * ay - a[3] * ax) * dt * dt / 8
        if bend > 0.0005 * max(1e-6, math.hypot(a[2], a[3])):
            for k in range(1, _CURVE_POINTS + 1):
                s = dt * k / (_CURVE_POINTS + 1)
                points.append((a[0] + a[2] * s + ax * s * s / 2, a[1] + a[3] * s + ay * s * s / 2))
        if math.dist(points[-1], (b[0], b[1])) > 1e-6:
            points.append((b[0], b[1]))
    return points
