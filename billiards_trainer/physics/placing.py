"""Check and mend where balls lie before a shot.

Balls may overlap each other or a cushion by a given tolerance; they are moved apart.  Anything more
is refused: no simulation could say what comes of it.
"""

from __future__ import annotations

import math

import numpy as np

from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.geometry import Geometry
from billiards_trainer.physics.layout import (
    CRADIUS,
    CX,
    CY,
    SBOTH,
    SLENGTH,
    SNX,
    SNY,
    STX,
    STY,
    SX,
    SY,
)
from billiards_trainer.physics.state import BallsState, Floats, Motion, StateError

# Overlaps below this are rounding and stay, m.
_ROUNDING = 1e-12
# Overlaps that may remain where balls lie too tight to be parted altogether, m.
_REMAINDER = 1e-7
_ROUNDS = 500

_FINE, _OVERLAP, _IN_CUSHION, _OUTSIDE, _TOO_TIGHT = range(5)


def placed(state: BallsState, shape: Geometry, radius: float, tolerance: float) -> BallsState:
    """The state with small overlaps resolved.

    Raises:
        StateError: balls that overlap each other or a cushion by more than ``tolerance`` metres, or
            lie where no ball can.
    """
    live = np.ascontiguousarray(state.motion != Motion.POCKETED)
    plane = state.position[:, :2].copy()
    fault, i, j, depth, moved = place(
        plane, live, shape.segments, shape.jaws, shape.box, radius, tolerance
    )
    if fault == _OVERLAP:
        raise StateError(f"balls {i} and {j} overlap by {depth * 1e3:.3f} mm")
    if fault == _IN_CUSHION:
        raise StateError(f"ball {i} lies {depth * 1e3:.3f} mm inside a cushion")
    if fault == _OUTSIDE:
        x, y = state.position[i, :2]
        raise StateError(f"ball {i} at ({x:.4f}, {y:.4f}) m lies outside the table")
    if fault == _TOO_TIGHT:
        raise StateError("the balls lie too tight to be moved apart")
    if not moved:
        return state
    position = state.position.copy()
    position[:, :2] = plane
    return BallsState(position, state.velocity, state.spin, state.motion)


@kernel
def place(
    plane: Floats,
    live: np.ndarray,
    segments: Floats,
    jaws: Floats,
    box: Floats,
    radius: float,
    tolerance: float,
) -> tuple[int, int, int, float, bool]:
    """Check the centres ``plane`` (N, 2) and move those apart that overlap a little.

    Returns:
        What is wrong (0 for nothing), the balls concerned, how deep, and whether any ball moved.
    """
    n = plane.shape[0]
    for i in range(n):
        if not live[i]:
            continue
        for j in range(i + 1, n):
            if live[j]:
                depth = 2.0 * radius - _distance(plane, i, j)
                if depth > tolerance:
                    return _OVERLAP, i, j, depth, False
        if _is_outside(plane[i, 0], plane[i, 1], segments):
            return _OUTSIDE, i, -1, 0.0, False
        depth = _part_from_rubber(plane[i], segments, jaws, box, radius, False)
        if depth > tolerance:
            return _IN_CUSHION, i, -1, depth, False
    moved = False
    worst = 0.0
    for _ in range(_ROUNDS):
        worst = 0.0
        for i in range(n):
            if not live[i]:
                continue
            worst = max(worst, _part_from_rubber(plane[i], segments, jaws, box, radius, True))
            for j in range(i + 1, n):
                if live[j]:
                    distance = _distance(plane, i, j)
                    depth = 2.0 * radius - distance
                    if depth > _ROUNDING and distance > 0.0:
                        nx = (plane[j, 0] - plane[i, 0]) / distance
                        ny = (plane[j, 1] - plane[i, 1]) / distance
                        plane[i, 0] -= 0.5 * depth * nx
                        plane[i, 1] -= 0.5 * depth * ny
                        plane[j, 0] += 0.5 * depth * nx
                        plane[j, 1] += 0.5 * depth * ny
                        worst = max(worst, depth)
        if worst <= _ROUNDING:
            return _FINE, -1, -1, 0.0, moved
        moved = True
    if worst > _REMAINDER:
        return _TOO_TIGHT, -1, -1, worst, moved
    return _FINE, -1, -1, 0.0, moved


@kernel
def _distance(plane: Floats, i: int, j: int) -> float:
    dx = plane[j, 0] - plane[i, 0]
    dy = plane[j, 1] - plane[i, 1]
    return math.sqrt(dx * dx + dy * dy)


@kernel
def _is_outside(x: float, y: float, segments: Floats) -> bool:
    """Whether a point lies behind a nose, or farther out than all rubber."""
    if segments.shape[0] == 0:
        return False
    x0 = y0 = math.inf
    x1 = y1 = -math.inf
    for k in range(segments.shape[0]):
        sx, sy, length = segments[k, SX], segments[k, SY], segments[k, SLENGTH]
        ex, ey = sx + length * segments[k, STX], sy + length * segments[k, STY]
        x0, x1 = min(x0, sx, ex), max(x1, sx, ex)
        y0, y1 = min(y0, sy, ey), max(y1, sy, ey)
        if segments[k, SBOTH] == 0.0:
            px, py = x - sx, y - sy
            along = px * segments[k, STX] + py * segments[k, STY]
            if 0.0 <= along <= length and px * segments[k, SNX] + py * segments[k, SNY] < 0.0:
                return True
    return not (x0 <= x <= x1 and y0 <= y <= y1)


@kernel
def _part_from_rubber(
    at: Floats, segments: Floats, jaws: Floats, box: Floats, radius: float, move: bool
) -> float:
    """How deep a ball sits in the rubber it is deepest in; moved out of each if asked to."""
    worst = 0.0
    if box[0] <= at[0] <= box[1] and box[2] <= at[1] <= box[3]:
        return worst
    for k in range(segments.shape[0]):
        px, py = at[0] - segments[k, SX], at[1] - segments[k, SY]
        along = px * segments[k, STX] + py * segments[k, STY]
        if not 0.0 <= along <= segments[k, SLENGTH]:
            continue
        nx, ny = segments[k, SNX], segments[k, SNY]
        away = px * nx + py * ny
        if segments[k, SBOTH] != 0.0 and away < 0.0:
            nx, ny, away = -nx, -ny, -away
        depth = radius - away
        if _ROUNDING < depth < 3.0 * radius:
            worst = max(worst, depth)
            if move:
                at[0] += depth * nx
                at[1] += depth * ny
    for k in range(jaws.shape[0]):
        px, py = at[0] - jaws[k, CX], at[1] - jaws[k, CY]
        distance = math.sqrt(px * px + py * py)
        depth = jaws[k, CRADIUS] + radius - distance
        if depth > _ROUNDING and distance > 0.0:
            worst = max(worst, depth)
            if move:
                at[0] += depth * px / distance
                at[1] += depth * py / distance
    return worst
