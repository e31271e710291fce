"""Rectangles of pixels: (left, top, right, bottom), right and bottom excluded."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from billiards_trainer.projector.projection import Array

Rect = tuple[int, int, int, int]

_TILE = 64
_EDGE = 4


def overlap(a: Rect, b: Rect) -> bool:
    """Whether two rectangles have a pixel in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def union(a: Rect, b: Rect) -> Rect:
    """The smallest rectangle that holds both."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def merged(rects: Sequence[Rect], most: int = 8) -> list[Rect]:
    """Disjoint rectangles that cover the same; a single one instead of more than ``most``."""
    out: list[Rect] = []
    for rect in rects:
        joined = rect
        while (i := next((k for k, r in enumerate(out) if overlap(r, joined)), -1)) >= 0:
            joined = union(out.pop(i), joined)
        out.append(joined)
    return [functools.reduce(union, out)] if len(out) > most else out


def around(box: tuple[float, float, float, float], width: int, height: int) -> Rect | None:
    """What holds a box and its smooth edge inside a picture; ``None`` when that is nothing."""
    left, top = max(0, math.floor(box[0]) - 2), max(0, math.floor(box[1]) - 2)
    right, bottom = min(width, math.ceil(box[2]) + 3), min(height, math.ceil(box[3]) + 3)
    return (left, top, right, bottom) if left < right and top < bottom else None


def tiled(outlines: Sequence[Array], rect: Rect) -> list[Rect]:
    """Disjoint rectangles that together hold closed outlines, one for each strip of rows.

    For a slanting stroke they are far smaller than the rectangle around it.
    """
    left, top, right, bottom = rect
    if (right - left) * (bottom - top) <= 4 * _TILE * _TILE:
        return [rect]
    closed = np.concatenate([part for o in outlines for part in (o, o[:1])])
    a, b = closed[:-1], closed[1:]
    first, last = top // _TILE, (bottom - 1) // _TILE
    low = np.full(last - first + 1, np.inf)
    high = -low
    strips = np.clip(a[:, 1] // _TILE, first, last).astype(int) - first
    np.minimum.at(low, strips, a[:, 0])
    np.maximum.at(high, strips, a[:, 0])
    # Where a side passes from one strip into the next it belongs to both.
    border = np.arange(first + 1, last + 1) * float(_TILE)
    rise = b[:, 1] - a[:, 1]
    t = (border - a[:, 1:]) / np.where(rise == 0, np.inf, rise)[:, None]
    x = a[:, :1] + t * (b[:, :1] - a[:, :1])
    passes = (t > 0) & (t < 1)
    nearest = np.where(passes, x, np.inf).min(axis=0)
    furthest = np.where(passes, x, -np.inf).max(axis=0)
    for side in (slice(None, -1), slice(1, None)):
        low[side] = np.minimum(low[side], nearest)
        high[side] = np.maximum(high[side], furthest)
    tiles = []
    for strip in np.flatnonzero(low <= high).tolist():
        x0 = max(left, math.floor(low[strip]) - _EDGE)
        x1 = min(right, math.ceil(high[strip]) + _EDGE + 1)
        y0, y1 = max(top, (first + strip) * _TILE), min(bottom, (first + strip + 1) * _TILE)
        if x0 < x1:
            tiles.append((x0, y0, x1, y1))
    return tiles
