"""Check and mend where balls lie before a shot, or before thousands of them.

Balls may overlap each other, a cushion or a hole by a given tolerance; from each other and from
cushions they are moved apart.  Anything more is refused: no simulation could say what comes of it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

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
from billiards_trainer.physics.state import Floats, StateError

# Overlaps below this are rounding and stay, m.
_ROUNDING = 1e-12
# Overlaps that may remain where balls lie too tight to be parted altogether, m.
_REMAINDER = 1e-7
_ROUNDS = 500
# Pieces whose distances differ by less are equally near, m.
_SAME = 1e-9

_FINE, _OVERLAP, _IN_CUSHION, _OUTSIDE, _IN_HOLE, _TOO_TIGHT = range(6)


def placed(
    planes: Floats, live: npt.NDArray[np.bool_], shape: Geometry, radius: float, tolerance: float
) -> None:
    """Check the centres (M, N, 2) of M states and move balls apart where they overlap a little.

    Args:
        planes: C-contiguous; changed in place.
        live: (M, N), which balls are on the table.
        shape: of the table.
        radius: m.
        tolerance: greatest overlap, m.

    Raises:
        StateError: balls that overlap each other or a cushion by more, or lie where no ball can.
    """
    fault, state, i, j, depth = place(
        planes,
        live,
        shape.segments,
        shape.jaws,
        shape.pockets,
        shape.box,
        shape.outline,
        radius,
        tolerance,
    )
    if fault == _FINE:
        return
    x, y = planes[state, i]
    where = f" in state {state}" if len(planes) > 1 else ""
    raise StateError(
        {
            _OVERLAP: f"balls {i} and {j} overlap by {depth * 1e3:.3f} mm",
            _IN_CUSHION: f"ball {i} lies {depth * 1e3:.3f} mm inside a cushion",
            _OUTSIDE: f"ball {i} at ({x:.4f}, {y:.4f}) m lies outside the table",
            _IN_HOLE: f"ball {i} at ({x:.4f}, {y:.4f}) m lies in the hole of a pocket",
            _TOO_TIGHT: "the balls lie too tight to be moved apart",
        }[fault]
        + where
    )


@kernel
def place(
    planes: Floats,
    live: npt.NDArray[np.bool_],
    segments: Floats,
    jaws: Floats,
    pockets: Floats,
    box: Floats,
    outline: Floats,
    radius: float,
    tolerance: float,
) -> tuple[int, int, int, int, float]:
    """Check and mend states one by one; see ``placed``.

    Returns:
        What is wrong (0 for nothing) with which state, the balls concerned, and how deep.
    """
    for state in range(planes.shape[0]):
        fault, i, j, depth = _place_one(
            planes[state],
            live[state],
            segments,
            jaws,
            pockets,
            box,
            outline,
            radius,
            tolerance,
        )
        if fault != _FINE:
            return fault, state, i, j, depth
    return _FINE, -1, -1, -1, 0.0


@kernel
def _place_one(
    plane: Floats,
    live: npt.NDArray[np.bool_],
    segments: Floats,
    jaws: Floats,
    pockets: Floats,
    box: Floats,
    outline: Floats,
    radius: float,
    tolerance: float,
) -> tuple[int, int, int, float]:
    n = plane.shape[0]
    touched = False
    for i in range(n):
        if not live[i]:
            continue
        for j in range(i + 1, n):
            if live[j]:
                depth = 2.0 * radius - _distance(plane, i, j)
                touched = touched or depth > _ROUNDING
                if depth > tolerance:
                    return _OVERLAP, i, j, depth
        x, y = plane[i, 0], plane[i, 1]
        if box[0] <= x <= box[1] and box[2] <= y <= box[3]:
            continue
        for k in range(pockets.shape[0]):
            dx, dy = x - pockets[k, CX], y - pockets[k, CY]
            if math.sqrt(dx * dx + dy * dy) < pockets[k, CRADIUS] - tolerance:
                return _IN_HOLE, i, -1, 0.0
        if _is_outside(x, y, segments, jaws, outline):
            return _OUTSIDE, i, -1, 0.0
        depth = _part_from_rubber(plane[i], segments, jaws, box, radius, False)
        touched = touched or depth > _ROUNDING
        if depth > tolerance:
            return _IN_CUSHION, i, -1, depth
    if not touched:
        return _FINE, -1, -1, 0.0
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
            return _FINE, -1, -1, 0.0
    if worst > _REMAINDER:
        return _TOO_TIGHT, -1, -1, worst
    return _FINE, -1, -1, 0.0


@kernel
def _distance(plane: Floats, i: int, j: int) -> float:
    dx = plane[j, 0] - plane[i, 0]
    dy = plane[j, 1] - plane[i, 1]
    return math.sqrt(dx * dx + dy * dy)


@kernel
def _is_outside(x: float, y: float, segments: Floats, jaws: Floats, outline: Floats) -> bool:
    """Whether a point is beyond the outline (or farther out than all rubber) or behind a nose."""
    if segments.shape[0] == 0:
        return False
    if outline.shape[0] > 0:
        if _windings(x, y, outline) == 0:
            return True
    else:
        x0 = y0 = math.inf
        x1 = y1 = -math.inf
        for k in range(segments.shape[0]):
            sx, sy, length = segments[k, SX], segments[k, SY], segments[k, SLENGTH]
            ex, ey = sx + length * segments[k, STX], sy + length * segments[k, STY]
            x0, x1 = min(x0, sx, ex), max(x1, sx, ex)
            y0, y1 = min(y0, sy, ey), max(y1, sy, ey)
        if not (x0 <= x <= x1 and y0 <= y <= y1):
            return True
    return _is_behind(x, y, segments, jaws)


@kernel
def _windings(x: float, y: float, outline: Floats) -> int:
    """How often the outline winds around a point."""
    count = 0
    for k in range(outline.shape[0]):
        x0, y0, x1, y1 = outline[k, 0], outline[k, 1], outline[k, 2], outline[k, 3]
        side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
        if y0 <= y < y1 and side > 0.0:
            count += 1
        elif y1 <= y < y0 and side < 0.0:
            count -= 1
    return count


@kernel
def _is_behind(x: float, y: float, segments: Floats, jaws: Floats) -> bool:
    """Whether the rubber that is nearest to a point shows it the back of a nose.

    Where two noses meet at the nearest point, the sum of their normals decides.
    """
    least = math.inf
    away = 0.0
    noses = 0
    for k in range(segments.shape[0]):
        px, py = x - segments[k, SX], y - segments[k, SY]
        along = px * segments[k, STX] + py * segments[k, STY]
        across = px * segments[k, SNX] + py * segments[k, SNY]
        beyond = max(-along, along - segments[k, SLENGTH], 0.0)
        distance = math.sqrt(across * across + beyond * beyond)
        if distance > least + _SAME:
            continue
        if distance < least - _SAME:
            away = 0.0
            noses = 0
        least = min(least, distance)
        if segments[k, SBOTH] == 0.0:
            away += across
            # A single nose says nothing of what lies beyond its end.
            noses += 2 if beyond == 0.0 else 1
        else:
            noses -= 100
    for k in range(jaws.shape[0]):
        px, py = x - jaws[k, CX], y - jaws[k, CY]
        # A free end, which is such a jaw, is no nearer than the nose that ends there.
        if math.sqrt(px * px + py * py) - jaws[k, CRADIUS] < least - _SAME:
            return False
    return noses >= 2 and away < 0.0


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
        if _ROUNDING < depth < 1.5 * radius:
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
