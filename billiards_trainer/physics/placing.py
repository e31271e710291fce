"""Check and mend where balls lie before a shot.

Balls may overlap each other or a cushion by a given tolerance; they are moved apart.  Anything more
is refused: no simulation could say what comes of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from billiards_trainer.physics import layout
from billiards_trainer.physics.geometry import Geometry
from billiards_trainer.physics.state import BallsState, Floats, Motion, StateError

# Overlaps below this are rounding and stay.
_ROUNDING = 1e-12
_ROUNDS = 200


def placed(state: BallsState, shape: Geometry, radius: float, tolerance: float) -> BallsState:
    """The state with small overlaps resolved.

    Raises:
        StateError: balls that overlap each other or a cushion by more than ``tolerance`` metres, or
            lie where no ball can.
    """
    live = np.flatnonzero(state.motion != Motion.POCKETED)
    if not len(live):
        return state
    plane = state.position[live, :2]
    _refuse(plane, live, shape, radius, tolerance)
    moved = plane.copy()
    for _ in range(_ROUNDS):
        worst = max(_part_balls(moved, radius), _part_cushions(moved, shape, radius))
        if worst <= _ROUNDING:
            break
    else:
        if worst > 1e-7:
            raise StateError("the balls lie too tight to be moved apart")
    if np.array_equal(moved, plane):
        return state
    position = state.position.copy()
    position[live, :2] = moved
    return BallsState(position, state.velocity, state.spin, state.motion)


def _refuse(
    plane: Floats, live: npt.NDArray[np.intp], shape: Geometry, radius: float, tolerance: float
) -> None:
    gap = _gaps(plane, radius)
    if gap.size and gap.min() < -tolerance:
        i, j = np.unravel_index(int(gap.argmin()), gap.shape)
        raise StateError(f"balls {live[i]} and {live[j]} overlap by {-gap[i, j] * 1e3:.3f} mm")
    for k, (x, y) in enumerate(plane):
        depth = max((d for d, _, _ in _into_cushions(x, y, shape, radius)), default=0.0)
        if depth > tolerance:
            raise StateError(f"ball {live[k]} lies {depth * 1e3:.3f} mm inside a cushion")
        if _beyond(x, y, shape):
            raise StateError(f"ball {live[k]} at ({x:.4f}, {y:.4f}) m lies outside the table")


def _gaps(plane: Floats, radius: float) -> Floats:
    delta = plane[:, None, :] - plane[None, :, :]
    gap = np.hypot(delta[..., 0], delta[..., 1]) - 2.0 * radius
    gap[np.tril_indices(len(plane))] = np.inf
    return gap


def _part_balls(plane: Floats, radius: float) -> float:
    """Move overlapping balls apart, half each; the largest overlap found."""
    gap = _gaps(plane, radius)
    worst = 0.0
    for i, j in np.argwhere(gap < -_ROUNDING):
        way = plane[j] - plane[i]
        distance = float(np.hypot(*way))
        overlap = 2.0 * radius - distance
        if overlap <= 0.0:
            continue
        unit = way / distance if distance > 0.0 else np.array([1.0, 0.0])
        plane[i] -= 0.5 * overlap * unit
        plane[j] += 0.5 * overlap * unit
        worst = max(worst, overlap)
    return worst


def _part_cushions(plane: Floats, shape: Geometry, radius: float) -> float:
    worst = 0.0
    for k in range(len(plane)):
        for depth, nx, ny in _into_cushions(plane[k, 0], plane[k, 1], shape, radius):
            if depth > _ROUNDING:
                plane[k] += depth * np.array([nx, ny])
                worst = max(worst, depth)
    return worst


def _into_cushions(
    x: float, y: float, shape: Geometry, radius: float
) -> list[tuple[float, float, float]]:
    """How deep a ball at (x, y) sits in each cushion it touches, and the way out."""
    box = shape.box
    if box[0] <= x <= box[1] and box[2] <= y <= box[3]:
        return []
    found: list[tuple[float, float, float]] = []
    for row in shape.segments:
        px, py = x - row[layout.SX], y - row[layout.SY]
        along = px * row[layout.STX] + py * row[layout.STY]
        if not 0.0 <= along <= row[layout.SLENGTH]:
            continue
        nx, ny = row[layout.SNX], row[layout.SNY]
        away = px * nx + py * ny
        if row[layout.SBOTH] != 0.0 and away < 0.0:
            nx, ny, away = -nx, -ny, -away
        if -2.0 * radius < away < radius:
            found.append((radius - away, nx, ny))
    for cx, cy, r, _ in shape.jaws:
        distance = float(np.hypot(x - cx, y - cy))
        if distance < r + radius:
            scale = 1.0 / distance if distance > 0.0 else 0.0
            found.append((r + radius - distance, (x - cx) * scale, (y - cy) * scale))
    return found


def _beyond(x: float, y: float, shape: Geometry) -> bool:
    """Whether a point lies farther out than every cushion and pocket."""
    segments = shape.segments
    if not len(segments):
        return False
    ends = np.column_stack(
        [
            segments[:, layout.SX] + segments[:, layout.SLENGTH] * segments[:, layout.STX],
            segments[:, layout.SY] + segments[:, layout.SLENGTH] * segments[:, layout.STY],
        ]
    )
    corners = np.vstack([segments[:, [layout.SX, layout.SY]], ends])
    noses = segments[segments[:, layout.SBOTH] == 0.0]
    if len(noses):
        # Behind the line of a nose only a pocket's mouth can hold a ball.
        behind = (x - noses[:, layout.SX]) * noses[:, layout.SNX] + (
            y - noses[:, layout.SY]
        ) * noses[:, layout.SNY] < 0.0
        along = (x - noses[:, layout.SX]) * noses[:, layout.STX] + (
            y - noses[:, layout.SY]
        ) * noses[:, layout.STY]
        if bool((behind & (along >= 0.0) & (along <= noses[:, layout.SLENGTH])).any()):
            return True
    low, high = corners.min(axis=0), corners.max(axis=0)
    return bool(x < low[0] or x > high[0] or y < low[1] or y > high[1])
