"""Outlines of strokes, in table metres.

A stroke is cut into *runs* that turn too little to cross themselves; each run becomes one closed
outline that can be filled.  Runs overlap by their round ends, which makes the joins round.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SHARP_TURN = math.radians(35)
"""A bend sharper than this ends a run."""
_RUN_TURN = math.radians(150)
_CAP_ANGLES = np.linspace(math.pi / 2, -math.pi / 2, 9)
_CAP = np.column_stack([np.cos(_CAP_ANGLES), np.sin(_CAP_ANGLES)])
"""A semicircle from the left of the outward direction to its right: (outwards, left)."""


def without_repeats(points: ArrayLike, closest: float = 1e-5) -> Array:
    """The polyline without points that lie on their predecessor, shape (M, 2), M ≥ 1."""
    p = np.asarray(points, dtype=np.float64)
    step = p[1:] - p[:-1]
    apart = np.hypot(step[:, 0], step[:, 1]) > closest
    return p if apart.all() else p[np.concatenate([[True], apart])]


def runs(points: Array) -> list[Array]:
    """Cut a polyline (without repeats) at sharp turns, and before it can close a loop."""
    if len(points) < 3:
        return [points]
    steps = points[1:] - points[:-1]
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    turn = np.abs((heading[1:] - heading[:-1] + math.pi) % (2 * math.pi) - math.pi)
    pieces, start, turned = [], 0, 0.0
    for i, angle in enumerate(turn.tolist(), start=1):
        turned += angle
        if angle > SHARP_TURN or turned > _RUN_TURN:
            pieces.append(points[start : i + 1])
            start, turned = i, 0.0
    pieces.append(points[start:])
    return pieces


def dashes(points: Array, on: float, off: float) -> Array:
    """Straight pieces that cover lengths of ``on`` metres with gaps of ``off`` metres.

    Args:
        points: polyline without repeats, shape (N, 2), N ≥ 2.
        on: length of a dash, > 0.
        off: length of a gap, > 0.

    Returns:
        Start and end of each piece, shape (M, 2, 2); a dash that goes round a corner is two pieces.
    """
    steps = points[1:] - points[:-1]
    length = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    starts = np.arange(0.0, length[-1], on + off)
    cuts = np.sort(np.concatenate([starts, np.minimum(starts + on, length[-1]), length[1:-1]]))
    middle = (cuts[:-1] + cuts[1:]) / 2
    drawn = (middle % (on + off) < on) & (cuts[1:] - cuts[:-1] > 1e-6)
    at = np.stack([cuts[:-1][drawn], cuts[1:][drawn]], axis=1)
    return np.stack([np.interp(at, length, points[:, 0]), np.interp(at, length, points[:, 1])], -1)


def densified(points: Array, step: float) -> Array:
    """The polyline with no stretch longer than ``step``, for projections that bend lines."""
    sides = points[1:] - points[:-1]
    counts = np.maximum(1, np.ceil(np.hypot(sides[:, 0], sides[:, 1]) / step).astype(int))
    if counts.max(initial=1) == 1:
        return points
    at = np.concatenate(
        [i + np.arange(n) / n for i, n in enumerate(counts.tolist())] + [[len(points) - 1.0]]
    )
    index = np.arange(len(points))
    return np.column_stack([np.interp(at, index, points[:, k]) for k in (0, 1)])


def arc(centre: tuple[float, float], radius: float, start: float, end: float, step: float) -> Array:
    """Points along a counter-clockwise arc, no further apart than about ``step`` metres."""
    sweep = (end - start) % (2 * math.pi) or (2 * math.pi if end != start else 0.0)
    count = max(2, min(256, math.ceil(radius * sweep / step)) + 1)
    angles = start + np.linspace(0.0, sweep, count)
    return np.column_stack(
        [centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)]
    )


def bands(points: Array, half_widths: ArrayLike) -> Array:
    """Closed outlines of a bending run at several widths, cut square at the ends.

    Args:
        points: (N, 2), N ≥ 2, without repeats.
        half_widths: (K, N) metres to either side.

    Returns:
        (K, 2N, 2): along the left side and back along the right side.
    """
    half = np.asarray(half_widths, dtype=np.float64)[..., None]
    steps = points[1:] - points[:-1]
    along = steps / np.hypot(steps[:, 0], steps[:, 1])[:, None]
    normal = np.column_stack([-along[:, 1], along[:, 0]])
    # At a bend both neighbours' sides are met by a mitre: their normals' sum over 1 + cos(turn).
    mitre = normal[:-1] + normal[1:]
    mitre /= np.maximum(1 + np.sum(normal[:-1] * normal[1:], axis=1), 0.5)[:, None]
    offset = half * np.concatenate([normal[:1], mitre, normal[-1:]])
    return np.concatenate([points + offset, (points - offset)[:, ::-1]], axis=1)


def bars(starts: Array, ends: Array, half_widths: Array, *, round_ends: bool) -> Array:
    """Closed outlines of many straight runs at once.

    Args:
        starts: (S, 2).
        ends: (S, 2), none on its start.
        half_widths: (S, 2) metres to either side at start and end.
        round_ends: with semicircles; otherwise cut square.

    Returns:
        (S, 18, 2), or (S, 4, 2) when cut square.
    """
    step = ends - starts
    along = step / np.hypot(step[:, 0], step[:, 1])[:, None]
    left = np.column_stack([-along[:, 1], along[:, 0]])
    cap = _CAP if round_ends else _CAP[[0, -1]] * [0.0, 1.0]
    reach = along[:, None, :] * cap[:, :1] + left[:, None, :] * cap[:, 1:]
    at_end = ends[:, None, :] + half_widths[:, 1, None, None] * reach
    at_start = starts[:, None, :] - half_widths[:, 0, None, None] * reach
    return np.concatenate([at_end, at_start], axis=1)


def insets(polygon: Array, distances: tuple[float, ...]) -> list[Array]:
    """The polygon with every side moved inwards by each distance; corners are mitred.

    Where the polygon is narrower than about twice a distance it is returned as it is.
    """
    x, y = polygon[:, 0], polygon[:, 1]
    area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
    sides = np.roll(polygon, -1, axis=0) - polygon
    length = np.hypot(sides[:, 0], sides[:, 1])
    if float(length.min()) < 1e-9:
        return [polygon for _ in distances]
    inwards = np.column_stack([-sides[:, 1], sides[:, 0]]) / length[:, None]
    inwards *= math.copysign(1.0, area)
    before = np.roll(inwards, 1, axis=0)
    mitre = before + inwards
    mitre /= np.maximum(1 + np.sum(before * inwards, axis=1), 0.3)[:, None]
    room = abs(area) / float(length.sum())
    return [polygon + d * mitre if d < room else polygon for d in distances]
