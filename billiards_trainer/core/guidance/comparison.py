"""After the shot: what was predicted against what happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from billiards_trainer import messages as m
from billiards_trainer.core.guidance.corridor import Corridor
from billiards_trainer.core.shots.shot import Shot
from billiards_trainer.table import Point

_LEAST_WAY = 0.03
_CORNER = math.radians(8)
"""A predicted line that turns by more than this has met something."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Attributes:

    predicted: way of the first object ball as predicted, metres.
    actual: as seen.
    error_m: how far beside the predicted line the ball was at the end of its first leg.
    error_rad: between the directions, predicted and seen.
    corridor_share: where in the drawn corridor the ball ended its first leg, in widths of it.
    """

    predicted: tuple[Point, ...]
    actual: tuple[Point, ...]
    error_m: float | None
    error_rad: float | None
    corridor_share: float | None = None


def compare(prediction: m.Prediction | None, shot: Shot) -> Comparison | None:
    """Compare the first object ball's ways; ``None`` when another ball, or none, was struck."""
    if prediction is None or prediction.target_track is None:
        return None
    hit = next(
        (
            e
            for e in shot.events
            if e.kind is m.EventKind.BALL_COLLISION and shot.striker in e.tracks
        ),
        None,
    )
    if hit is None or prediction.target_track not in hit.tracks:
        return None
    target = prediction.target_track
    piece = next((p for p in prediction.paths if p.track == target), None)
    seen = [(t, x, y) for t, x, y in shot.paths.get(target, []) if t > hit.t]
    if piece is None or not seen:
        return None
    start = hit.places_m[hit.tracks.index(target)]
    ends = [e.t for e in shot.events if target in e.tracks and e.t > hit.t + 1e-6]
    until = min(ends, default=math.inf)
    leg = [start, *((x, y) for t, x, y in seen if t < until)]
    whole = [start, *((x, y) for _, x, y in seen)]
    first = first_leg(piece.points)
    error_m, error_rad, share = None, None, None
    # A ball of a rack goes nowhere before it meets the next: there is nothing to compare.
    reach = min(math.dist(leg[0], leg[-1]), math.dist(first[0], first[-1]))
    if reach > _LEAST_WAY:
        reached = min(leg, key=lambda p: abs(math.dist(p, start) - reach))
        beside = _beside(first[0], first[-1], reached)
        error_m = abs(beside)
        if prediction.corridor is not None:
            share = widths_of(prediction.corridor).share_of_width(reach, beside)
        predicted = math.atan2(first[-1][1] - first[0][1], first[-1][0] - first[0][0])
        seen_angle = math.atan2(reached[1] - start[1], reached[0] - start[0])
        error_rad = abs(math.remainder(seen_angle - predicted, 2 * math.pi))
    return Comparison(tuple(piece.points), tuple(thinned(whole)), error_m, error_rad, share)


def widths_of(message: m.Corridor) -> Corridor:
    """A predicted corridor's widths."""
    return Corridor(message.reach, message.left, message.right)


def first_leg(points: Sequence[Point]) -> list[Point]:
    """A polyline up to its first corner."""
    leg = list(points[:2])
    for a, b in pairwise(points[1:]):
        before, now = leg[-2:], (a, b)
        turn = math.remainder(_angle(*now) - _angle(*before), 2 * math.pi)
        if abs(turn) > _CORNER:
            break
        leg.append(b)
    return leg


def thinned(points: Sequence[Point], tolerance: float = 0.002) -> list[Point]:
    """A polyline with fewer points, nowhere further off than ``tolerance`` metres.

    [Douglas & Peucker 1973], without recursion.
    """
    if len(points) < 3:
        return list(points)
    keep = {0, len(points) - 1}
    open_spans = [(0, len(points) - 1)]
    while open_spans:
        low, high = open_spans.pop()
        if high - low < 2:
            continue
        far = max(range(low + 1, high), key=lambda i: _off(points[low], points[high], points[i]))
        if _off(points[low], points[high], points[far]) > tolerance:
            keep.add(far)
            open_spans += [(low, far), (far, high)]
    return [points[i] for i in sorted(keep)]


def _angle(a: Point, b: Point) -> float:
    return math.atan2(b[1] - a[1], b[0] - a[0])


def _beside(a: Point, b: Point, p: Point) -> float:
    """How far a point lies to the left of the straight line through two others."""
    length = math.dist(a, b)
    if length <= 0.0:
        return math.dist(a, p)
    return ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])) / length


def _off(a: Point, b: Point, p: Point) -> float:
    """Distance of a point from the segment between two others."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = dx * dx + dy * dy
    if length2 <= 0.0:
        return math.dist(a, p)
    share = min(1.0, max(0.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length2))
    return math.dist((a[0] + share * dx, a[1] + share * dy), p)
