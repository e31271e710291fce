"""A table as the kernels see it: arrays of segments, jaws and pockets, and the free box.

Most of the time a ball runs where nothing but the four straight cushions can stop it.  The *free
box* is the rectangle of ball centres for which that is so: a ball inside can only leave it by
touching a straight cushion or by entering a pocket's mouth, and only then are the facings, jaws and
holes looked at.  Tables of any other shape simply have no free box.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from billiards_trainer.physics import layout
from billiards_trainer.physics.outline import outline
from billiards_trainer.physics.state import Floats
from billiards_trainer.table import Point, Table

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight edge of rubber.

    ``both_sides`` is false for a nose: the cloth lies to the left of start → end.
    """

    start: Point
    end: Point
    height: float
    both_sides: bool = True


@dataclass(frozen=True, slots=True)
class Circle:
    """A round jaw (with the height of its nose) or a hole (without)."""

    centre: Point
    radius: float
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Geometry:
    """What stops or swallows a ball, and the same as arrays (columns: see ``layout``).

    ``box`` is (x0, x1, y0, y1), empty (x0 > x1) where there is no free box; ``sides`` (4, n) names
    the segments on each of its sides, -1 for none; ``outline`` (K, 4) is the table's outer
    boundary, see there.
    """

    segments: Floats
    jaws: Floats
    pockets: Floats
    box: Floats
    sides: Ints
    outline: Floats
    # How many of `jaws` are real; the others are free ends of segments.
    jaw_count: int


# Free ends of segments nearer than this to a jaw or to another end need no point of their own.
_JOINED = 1e-6


@lru_cache(maxsize=64)
def _for_key(
    segments: tuple[Segment, ...],
    jaws: tuple[Circle, ...],
    pockets: tuple[Circle, ...],
    radius: float,
) -> Geometry:
    for height in (*(s.height for s in segments), *(j.height for j in jaws)):
        check_height(height, radius)
    ends = _free_ends(segments, jaws, pockets)
    rows = np.array([_segment_row(s) for s in segments], dtype=np.float64)
    rows = rows.reshape(-1, layout.SEGMENT_COLUMNS)
    jaw_rows = np.array(
        [(*j.centre, j.radius, j.height) for j in (*jaws, *ends)], dtype=np.float64
    ).reshape(-1, 4)
    pocket_rows = np.array([(*p.centre, p.radius) for p in pockets], dtype=np.float64).reshape(
        -1, 3
    )
    box, sides = _free_box(rows, jaw_rows, pocket_rows, radius)
    around = outline(rows, jaw_rows[: len(jaws)], pocket_rows, radius)
    for array in (rows, jaw_rows, pocket_rows, box, sides, around):
        array.flags.writeable = False
    return Geometry(rows, jaw_rows, pocket_rows, box, sides, around, len(jaws))


def build(
    segments: Iterable[Segment],
    jaws: Iterable[Circle],
    pockets: Iterable[Circle],
    radius: float,
) -> Geometry:
    """Arrays for balls of ``radius`` metres on cushions of any arrangement.

    Raises:
        GeometryError: a cushion without length, or too high or low to meet the balls.
    """
    return _for_key(tuple(segments), tuple(jaws), tuple(pockets), float(radius))


def pieces(table: Table) -> tuple[tuple[Segment, ...], tuple[Circle, ...], tuple[Circle, ...]]:
    """Segments, jaws and pockets of a table, in the table's own order."""
    height = table.cushion_height
    return (
        tuple(Segment(s.start, s.end, height, s.kind == "facing") for s in table.segments),
        tuple(Circle(j.centre, j.radius, height) for j in table.jaws),
        tuple(Circle(p.centre, p.radius) for p in table.pockets),
    )


class GeometryError(ValueError):
    """Rubber that no ball can meet; the message is one sentence for people."""


def check_height(height: float, radius: float, what: str = "a cushion") -> None:
    """Check that a nose at that height above the cloth meets a ball.

    Raises:
        GeometryError: it runs over or under it.
    """
    if not 0.0 < height < 2.0 * radius:
        raise GeometryError(
            f"{what}: a nose {height:g} m high does not meet a ball with a radius of {radius:g} m"
        )


_OF_TABLE: dict[tuple[int, float], tuple[Table, Geometry]] = {}


def for_table(table: Table, radius: float) -> Geometry:
    """Arrays for balls of ``radius`` metres on ``table``; remembered.

    Raises:
        GeometryError: the table's noses do not meet such balls.
    """
    key = (id(table), radius)
    known = _OF_TABLE.get(key)
    if known is not None and known[0] is table:
        return known[1]
    geometry = build(*pieces(table), radius)
    if len(_OF_TABLE) >= 32:
        _OF_TABLE.clear()
    _OF_TABLE[key] = (table, geometry)
    return geometry


def _segment_row(segment: Segment) -> tuple[float, ...]:
    (x0, y0), (x1, y1) = segment.start, segment.end
    length = math.hypot(x1 - x0, y1 - y0)
    if length < 1e-6:
        raise GeometryError(f"a cushion from {segment.start} to {segment.end} has no length")
    tx, ty = (x1 - x0) / length, (y1 - y0) / length
    # The normal is -t turned by +90°: exactly axis-aligned noses keep exact zeros.
    return (x0, y0, tx, ty, length, -ty, tx, segment.height, float(segment.both_sides))


def _free_ends(
    segments: Sequence[Segment], jaws: Sequence[Circle], pockets: Sequence[Circle]
) -> list[Circle]:
    """Ends of segments that a ball could run into: points without radius."""
    found: list[Circle] = []
    for i, segment in enumerate(segments):
        for end in (segment.start, segment.end):
            if any(abs(math.dist(end, j.centre) - j.radius) < _JOINED for j in jaws):
                continue
            if any(math.dist(end, p.centre) < p.radius + _JOINED for p in pockets):
                continue
            others = [
                other
                for j, other in enumerate(segments)
                if j != i and min(math.dist(end, other.start), math.dist(end, other.end)) < _JOINED
            ]
            # Where two noses meet at an inner corner no ball can reach the corner itself.
            if others and all(_reentrant(segment, other, end) for other in others):
                continue
            if any(math.dist(end, f.centre) < _JOINED for f in found):
                continue
            found.append(Circle(end, 0.0, segment.height))
    return found


def _reentrant(segment: Segment, other: Segment, corner: Point) -> bool:
    """Whether two noses meet so that the cloth fills less than a half turn at their corner."""
    if segment.both_sides or other.both_sides:
        return False
    before, after = (
        (segment, other) if math.dist(segment.end, corner) < _JOINED else (other, segment)
    )
    ux, uy = before.end[0] - before.start[0], before.end[1] - before.start[1]
    vx, vy = after.end[0] - after.start[0], after.end[1] - after.start[1]
    return ux * vy - uy * vx >= 0.0


def _free_box(
    segments: Floats, jaws: Floats, pockets: Floats, radius: float
) -> tuple[Floats, Ints]:
    nothing = np.array([1.0, 0.0, 1.0, 0.0]), np.full((4, 1), -1, dtype=np.int64)
    limits: list[float] = []
    on_side: list[list[int]] = []
    # Sides in the order -x, +x, -y, +y: the noses whose normal points back into the box.
    for axis, sign in ((0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)):
        facing = [
            k
            for k, row in enumerate(segments)
            if row[layout.SBOTH] == 0.0 and row[layout.SNX + axis] * sign > 1.0 - 1e-12
        ]
        if not facing:
            return nothing
        places = [float(segments[k, axis]) for k in facing]
        limit = max(places) if sign > 0 else min(places)
        limits.append(limit + sign * radius)
        on_side.append(
            [k for k, place in zip(facing, places, strict=True) if abs(place - limit) < 1e-9]
        )
    box = np.array(limits)
    if box[0] >= box[1] or box[2] >= box[3]:
        return nothing
    slack = 1e-9
    for row in segments:
        start = row[[layout.SX, layout.SY]]
        end = start + row[layout.SLENGTH] * row[[layout.STX, layout.STY]]
        if _box_to_segment(box, start, end) < radius - slack:
            return nothing
    for circles, extra in ((jaws, radius), (pockets, 0.0)):
        for cx, cy, r in circles[:, :3]:
            dx = max(box[0] - cx, cx - box[1], 0.0)
            dy = max(box[2] - cy, cy - box[3], 0.0)
            if math.hypot(dx, dy) < r + extra - slack:
                return nothing
    sides = np.full((4, max(len(s) for s in on_side)), -1, dtype=np.int64)
    for k, members in enumerate(on_side):
        sides[k, : len(members)] = members
    return box, sides


def _box_to_segment(box: Floats, start: Floats, end: Floats) -> float:
    """Distance between a rectangle and a segment (the distance is convex along the segment)."""

    def distance(u: float) -> float:
        x, y = start + u * (end - start)
        return math.hypot(max(box[0] - x, x - box[1], 0.0), max(box[2] - y, y - box[3], 0.0))

    low, high = 0.0, 1.0
    for _ in range(100):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if distance(a) <= distance(b):
            high = b
        else:
            low = a
    return min(distance(0.0), distance(1.0), distance(0.5 * (low + high)))
