"""Outlines of everything flat on a table, in metres: polygons of (x, y), or (x, y, z)."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.setup import RailLook
from billiards_trainer.table import CushionSegment, Jaw, Pocket, Point, Table

Array = NDArray[np.float64]


def disc(centre: Point, radius: float, points: int = 48) -> Array:
    """A circle as a polygon of the same area."""
    a = np.linspace(0, 2 * math.pi, points, endpoint=False)
    # A polygon inscribed in a circle is smaller than it.
    r = radius * math.sqrt(2 * math.pi / points / math.sin(2 * math.pi / points))
    return np.column_stack([centre[0] + r * np.cos(a), centre[1] + r * np.sin(a)])


def rectangle(table: Table, out: float) -> Array:
    """The nose rectangle grown by ``out``."""
    w, length = table.width, table.length
    return np.array([(-out, -out), (w + out, -out), (w + out, length + out), (-out, length + out)])


def table_edge(table: Table, rounding: float) -> Array:
    """The outer edge of the rails, corners rounded."""
    r = table.rail_width
    corners = rectangle(table, r)
    inward = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    points = []
    for k, ((x, y), (sx, sy)) in enumerate(zip(corners, inward, strict=True)):
        for step in range(9):
            a = math.pi + math.pi / 2 * (k + step / 8)
            points.append(
                (
                    x + sx * rounding + rounding * math.cos(a),
                    y + sy * rounding + rounding * math.sin(a),
                )
            )
    return np.array(points)


def stroke(points: Array, width: float) -> Array:
    """A thin polyline as a closed outline."""
    d = np.gradient(points, axis=0)
    n = np.column_stack([-d[:, 1], d[:, 0]]) / np.linalg.norm(d, axis=1, keepdims=True)
    return np.concatenate([points + n * width / 2, (points - n * width / 2)[::-1]])


def markings(table: Table) -> list[Array]:
    """Lines and spots drawn on the cloth."""
    out = [disc(at, 0.006 if table.game == "snooker" else 0.008) for at in _marked_spots(table)]
    if table.game == "snooker" and table.d_radius is not None:
        (x0, y0), (x1, y1) = table.strings["baulk"]
        out.append(stroke(np.array([(x0, y0), (x1, y1)]), 0.0025))
        a = np.linspace(math.pi, 2 * math.pi, 48)
        d = table.d_radius
        arc = np.column_stack([(x0 + x1) / 2 + d * np.cos(a), y0 + d * np.sin(a)])
        out.append(stroke(arc, 0.0025))
    return out


def _marked_spots(table: Table) -> list[Point]:
    if table.game == "pool":
        return [table.spots["head"], table.spots["foot"]]
    return list(table.spots.values())


def _rails(table: Table) -> list[tuple[CushionSegment, CushionSegment, CushionSegment, Jaw, Jaw]]:
    """For each of six rails: first facing, nose, second facing, and the two jaws between."""
    s, j = table.segments, table.jaws
    return [(s[3 * i], s[3 * i + 1], s[3 * i + 2], j[2 * i], j[2 * i + 1]) for i in range(6)]


def _arc(jaw: Jaw, start: Point, end: Point, steps: int = 7) -> list[Point]:
    """The rounded jaw from one tangent point to the other, the short way, ends left out."""
    a0 = math.atan2(start[1] - jaw.centre[1], start[0] - jaw.centre[0])
    a1 = math.atan2(end[1] - jaw.centre[1], end[0] - jaw.centre[0])
    turn = (a1 - a0 + math.pi) % (2 * math.pi) - math.pi
    return [
        (
            jaw.centre[0] + jaw.radius * math.cos(a0 + turn * k / steps),
            jaw.centre[1] + jaw.radius * math.sin(a0 + turn * k / steps),
        )
        for k in range(1, steps)
    ]


def _along(segment: CushionSegment, share: float) -> Point:
    (x0, y0), (x1, y1) = segment.start, segment.end
    return (x0 + share * (x1 - x0), y0 + share * (y1 - y0))


def rubber_lines(table: Table, depth: float) -> list[list[Point]]:
    """The free edge of each cushion: facing, jaw, nose, jaw, facing, facings cut at ``depth``."""
    if not table.pockets:
        return [[s.start, s.end] for s in table.segments]
    lines = []
    for first, nose, second, jaw_a, jaw_b in _rails(table):
        lines.append(
            [
                _cut(first, nose, depth),
                first.start,
                *_arc(jaw_a, first.start, nose.start),
                nose.start,
                nose.end,
                *_arc(jaw_b, nose.end, second.start),
                second.start,
                _cut(second, nose, depth),
            ]
        )
    return lines


def _cut(facing: CushionSegment, nose: CushionSegment, depth: float) -> Point:
    """Where a facing is ``depth`` behind the nose line, or its end."""
    (x0, y0), (x1, y1) = nose.start, nose.end
    length = math.dist(nose.start, nose.end)
    nx, ny = (y1 - y0) / length, -(x1 - x0) / length  # outward: the cloth lies to the left

    def behind(p: Point) -> float:
        return (p[0] - x0) * nx + (p[1] - y0) * ny

    start, end = behind(facing.start), behind(facing.end)
    if end <= start + 1e-9:
        return facing.end
    return _along(facing, min(max((depth - start) / (end - start), 0.0), 1.0))


def nose_line(table: Table) -> list[Point]:
    """All free edges one after the other: the outline of the bed, straight across the pockets."""
    return [p for line in rubber_lines(table, 0.05) for p in line]


def cushion_tops(
    table: Table, width: float, rail_height: float
) -> list[tuple[Array, tuple[float, float]]]:
    """Top of each cushion in space, rising from the nose to the rail, and how its normal leans."""
    out = []
    w, length = table.width, table.length
    rise = (rail_height - table.cushion_height) / width
    for i, line in enumerate(rubber_lines(table, width)):
        mid = line[len(line) // 2]
        if len(line) == 2:
            mid = ((line[0][0] + line[1][0]) / 2, (line[0][1] + line[1][1]) / 2)
        # Which rail it is: the side of the table whose edge is nearest.
        gaps = [mid[1], w - mid[0], length - mid[1], mid[0]]
        side = min(range(4), key=gaps.__getitem__)
        inward = ((0.0, 1.0), (-1.0, 0.0), (0.0, -1.0), (1.0, 0.0))[side]
        depth = [(-p[1], p[0] - w, p[1] - length, -p[0])[side] for p in line]
        free = [
            (p[0], p[1], table.cushion_height + rise * max(d, 0.0))
            for p, d in zip(line, depth, strict=True)
        ]
        back: list[tuple[float, float, float]] = []
        if not table.pockets:
            # Mitred at the corners.
            joint = rectangle(table, width)
            back = [(*joint[(i + 1) % 4], rail_height), (*joint[i], rail_height)]
        out.append((np.array(free + back), (inward[0] * 0.12, inward[1] * 0.12)))
    return out


def cushion_faces(table: Table) -> list[Array]:
    """The rubber below the nose, as quads from the cloth to the nose's height."""
    faces = []
    for line in rubber_lines(table, 0.05):
        for a, b in itertools.pairwise(line):
            faces.append(
                np.array(
                    [
                        (*a, 0.0),
                        (*b, 0.0),
                        (*b, table.cushion_height),
                        (*a, table.cushion_height),
                    ]
                )
            )
    return faces


def nose_seams(table: Table) -> list[Array]:
    """A thin strip along each nose at its height; seen from above the rubber ends at the nose."""
    seams = []
    for line in rubber_lines(table, 0.05):
        p = np.array([q for i, q in enumerate(line) if i == 0 or math.dist(q, line[i - 1]) > 1e-9])
        run = np.gradient(p, axis=0)
        # The cloth lies to the left of the way round.
        outwards = np.column_stack([run[:, 1], -run[:, 0]])
        outwards /= np.linalg.norm(run, axis=1, keepdims=True)
        outline = np.concatenate([p, (p + 0.004 * outwards)[::-1]])
        seams.append(np.column_stack([outline, np.full(len(outline), table.cushion_height)]))
    return seams


def opening(table: Table, pocket: Pocket, grow: float, rim: float = 0.022) -> Array:
    """A pocket's hole grown by ``grow``, flattened behind so that ``rim`` metres of rail remain."""
    ox, oy = _outward(pocket)
    points = disc(pocket.centre, pocket.radius + grow)
    if pocket.kind == "corner":
        return points
    beyond = (points - pocket.centre) @ (ox, oy)
    centre_out = max(-pocket.centre[0], pocket.centre[0] - table.width)
    room = table.rail_width - rim - centre_out
    squeeze = min(1.0, room / (pocket.radius + grow))
    shift = np.where(beyond > 0, beyond * (squeeze - 1), 0.0)
    return np.asarray(points + shift[:, None] * np.array([ox, oy]))


def _outward(pocket: Pocket) -> Point:
    dx = pocket.centre[0] - pocket.mouth_centre[0]
    dy = pocket.centre[1] - pocket.mouth_centre[1]
    d = math.hypot(dx, dy)
    return (dx / d, dy / d)


def behind_pocket(table: Table, pocket: Pocket) -> Array:
    """The half disc behind a hole, where rail and leather stand instead of cloth."""
    points = opening(table, pocket, 0.05, -0.02)
    beyond = (points - pocket.centre) @ _outward(pocket)
    return points[beyond > -1e-9]


def corner_pieces(table: Table, look: RailLook) -> list[Array]:
    """Castings at the corners, and half-round pieces at the side pockets, on the rails."""
    if not table.pockets:
        return []
    pieces = []
    w, length = table.width, table.length
    r = table.rail_width + 0.02
    reach = look.corner_reach - table.rail_width
    for x, y, sx, sy in ((0, 0, 1, 1), (w, 0, -1, 1), (w, length, -1, -1), (0, length, 1, -1)):
        pieces.append(
            np.array(
                [
                    (x - sx * r, y - sy * r),
                    (x + sx * reach, y - sy * r),
                    (x + sx * reach, y + sy * reach),
                    (x - sx * r, y + sy * reach),
                ]
            )
        )
    for pocket in table.pockets:
        if pocket.kind == "side":
            pieces.append(opening(table, pocket, 0.022, 0.005))
    return pieces
