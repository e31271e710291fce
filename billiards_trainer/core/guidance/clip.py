"""Cutting lines so that nothing is drawn on balls, into pockets or off the table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from billiards_trainer.table import Point

Disc = tuple[float, float, float]
"""Centre x, y and radius, metres."""


def outside_discs(points: Sequence[Point], discs: Iterable[Disc]) -> list[list[Point]]:
    """The pieces of a polyline that lie in none of the discs."""
    pieces = [list(points)] if len(points) > 1 else []
    for disc in discs:
        pieces = [part for piece in pieces for part in _outside_disc(piece, disc)]
    return pieces


def _outside_disc(points: Sequence[Point], disc: Disc) -> list[list[Point]]:
    cx, cy, radius = disc
    pieces: list[list[Point]] = []
    current: list[Point] = []
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        for start, end in _free_shares((ax - cx, ay - cy), (bx - cx, by - cy), radius):
            a = (ax + start * (bx - ax), ay + start * (by - ay))
            b = (ax + end * (bx - ax), ay + end * (by - ay))
            if current and math.dist(current[-1], a) > 1e-12:
                pieces.append(current)
                current = []
            if not current:
                current = [a]
            current.append(b)
    if current:
        pieces.append(current)
    return [p for p in pieces if len(p) > 1]


def _free_shares(a: Point, b: Point, radius: float) -> list[tuple[float, float]]:
    """Where along a segment (0…1) it is outside a disc about the origin."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    aa = dx * dx + dy * dy
    if aa <= 0.0:
        return []
    half = a[0] * dx + a[1] * dy
    c = a[0] * a[0] + a[1] * a[1] - radius * radius
    inside = half * half - aa * c
    if inside <= 0.0:
        return [(0.0, 1.0)]
    root = math.sqrt(inside)
    enter, leave = (-half - root) / aa, (-half + root) / aa
    shares = []
    if enter > 0.0:
        shares.append((0.0, min(1.0, enter)))
    if leave < 1.0:
        shares.append((max(0.0, leave), 1.0))
    return [s for s in shares if s[1] - s[0] > 1e-9]


def inside_rectangle(points: Sequence[Point], low: Point, high: Point) -> list[list[Point]]:
    """The pieces of a polyline within a rectangle [Liang & Barsky 1984]."""
    pieces: list[list[Point]] = []
    current: list[Point] = []
    for a, b in itertools.pairwise(points):
        share = _inside_share(a, b, low, high)
        if share is None:
            if current:
                pieces.append(current)
            current = []
            continue
        start, end = share
        first = (a[0] + start * (b[0] - a[0]), a[1] + start * (b[1] - a[1]))
        last = (a[0] + end * (b[0] - a[0]), a[1] + end * (b[1] - a[1]))
        if not current or start > 0.0:
            if current:
                pieces.append(current)
            current = [first]
        current.append(last)
        if end < 1.0:
            pieces.append(current)
            current = []
    if current:
        pieces.append(current)
    return [p for p in pieces if len(p) > 1]


def _inside_share(a: Point, b: Point, low: Point, high: Point) -> tuple[float, float] | None:
    start, end = 0.0, 1.0
    for axis in (0, 1):
        d = b[axis] - a[axis]
        for edge, sign in ((low[axis], -1.0), (high[axis], 1.0)):
            room, speed = sign * (edge - a[axis]), sign * d
            if speed == 0.0:
                if room < 0.0:
                    return None
            elif speed > 0.0:
                end = min(end, room / speed)
            else:
                start = max(start, room / speed)
    return (start, end) if end - start > 1e-9 else None


def shortened(points: Sequence[Point], length: float) -> list[Point]:
    """The first ``length`` metres of a polyline."""
    kept = [points[0]]
    left = length
    for a, b in itertools.pairwise(points):
        step = math.dist(a, b)
        if step >= left:
            if step > 0.0:
                share = left / step
                kept.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
            break
        kept.append(b)
        left -= step
    return kept
