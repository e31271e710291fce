"""From a scene's elements to outlines in pixels, all of a scene at once.

OpenCV's smooth fill is about 0.7 px fatter than the polygon on every side, and its inside is
rounded to whole rows; its smooth thin *lines* lie within a few hundredths of a pixel.  A shape is
therefore a filled *core* that stays inside, and an *edge*: a smooth line around it whose own
thickness reaches exactly to the true outline.  Where the core would be narrower than such a line, a
line takes its place; what as a whole is thinner than such a line is one *line* of reduced strength.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.projector import strokes
from billiards_trainer.projector.projection import Array, Projection
from billiards_trainer.table import Table

Drawable = m.Line | m.Arc | m.Ring | m.Area

SHIFT = 8
"""Binary digits behind the point in the outlines' pixel coordinates."""

_LINE_PX = 1.39
"""Thickness that OpenCV's smooth line of thickness 1 really has."""
_EDGE_PX = _LINE_PX / 2
_CORE_PX = _EDGE_PX + 0.5
"""How far the core stays inside, so that its rounding hides below the edge."""
_SINGLE_PX = _EDGE_PX + 0.08
_NARROW_PX = _CORE_PX + 0.35
"""Half widths up to which one line, or three lines, make the whole stroke."""
_CURVED_STEP = 0.05
_FLATNESS_PX = 0.1
_FAR_PX = 30000.0

Outline = NDArray[np.int32]


@dataclass(slots=True)
class Shape:
    """One element as outlines of shape (N, 2), in table metres while it is being made, at last in
    pixels with ``SHIFT`` binary digits behind the point.
    """

    element: Drawable
    core: list[Any] = field(default_factory=list)
    """Closed, filled."""
    edge: list[Any] = field(default_factory=list)
    """Closed, drawn as lines."""
    line: list[Any] = field(default_factory=list)
    """Open, drawn as lines."""
    strength: float = 1.0
    """Of a stroke thinner than a line."""
    together: bool = False
    """Fill all cores in one go: what lies in two of them is a hole (rings)."""
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Pixels around everything: left, top, right, bottom."""
    spills: bool = False
    """Something of it lies beyond the cloth."""

    @property
    def parts(self) -> tuple[list[Any], list[Any], list[Any]]:
        """All outlines, the ones that lie inside others first."""
        return self.core, self.edge, self.line

    def add_stroke(self, half_px: float, edge: Any, core: Any, centre: Any) -> None:
        """One run of a stroke, drawn in the way that its half width asks for."""
        if half_px <= _SINGLE_PX:
            self.line.append(centre)
            self.strength = min(1.0, 2 * half_px / _LINE_PX)
            return
        self.edge += edge
        if half_px <= _NARROW_PX:
            self.line.append(centre)
        else:
            self.core += core


class ShapeMaker:
    """Makes shapes for one table under one projection."""

    def __init__(self, table: Table, projection: Projection) -> None:
        self._projection = projection
        outline = cloth_outline(table)
        self._normals, self._offsets = _half_planes(outline)
        self.cloth_px = projection.to_pixels(self._bent_outline(outline))

    def shapes(self, elements: Sequence[Drawable], lead_s: float) -> list[Shape]:
        """The shapes of elements, in pixels, in the same order.

        Elements that have no extent, or that the projection cannot reach, are left out.
        """
        made = {id(e): Shape(e) for e in elements}
        rings, bars, dashes = _Rings(), _Bars(), _Bars()
        for element in elements:
            shape = made[id(element)]
            match element:
                case m.Ring():
                    rings.add(shape, element, lead_s)
                case m.Line():
                    points = strokes.without_repeats(element.points)
                    if len(points) < 2:
                        continue
                    if element.dash is None:
                        self._add_runs(shape, points, bars)
                    else:
                        pieces = strokes.dashes(points, *element.dash)
                        dashes.add(shape, pieces[:, 0], pieces[:, 1], element.width)
                case m.Arc():
                    step = self._chord(element.centre, element.radius)
                    points = strokes.arc(
                        element.centre, element.radius, element.start, element.end, step
                    )
                    points = strokes.without_repeats(points)
                    for run in strokes.runs(points) if len(points) > 1 else ():
                        self._add_band(shape, run, element.width)
                case m.Area():
                    points = self._bent_outline(strokes.without_repeats(element.points))
                    if len(points) > 2:
                        shape.edge.append(points)
        rings.finish(self._projection)
        bars.finish(self._projection, round_ends=True)
        dashes.finish(self._projection, round_ends=False)
        return self._projected(made.values())

    def _add_runs(self, shape: Shape, points: Array, bars: _Bars) -> None:
        width = shape.element.width  # type: ignore[union-attr]
        for run in strokes.runs(points):
            if len(run) == 2 and not self._projection.is_curved:
                bars.add(shape, run[:1], run[1:], width)
                continue
            run = self._bent(run)
            self._add_band(shape, run, width)
            # Its ends are made round by stubs that are next to nothing long.
            for end, before in ((run[0], run[1]), (run[-1], run[-2])):
                outwards = (end - before) / math.dist(end, before)
                bars.add(shape, (end - 1e-5 * outwards)[None], end[None], width)

    def _add_band(self, shape: Shape, points: Array, width: float) -> None:
        scale = self._projection.pixels_per_metre(points)
        half_px = width / 2 * scale
        edge, core = strokes.bands(points, _halves(half_px) / scale)
        shape.add_stroke(float(half_px.min()), [edge], [core], points)

    def _projected(self, made: Iterable[Shape]) -> list[Shape]:
        """The shapes in pixels instead of metres; one call of the projection for all of them."""
        shapes = [shape for shape in made if shape.edge or shape.line]
        outlines = [o for s in shapes for part in s.parts for o in part]
        if not outlines:
            return []
        points = np.concatenate(outlines)
        pixels = self._projection.to_pixels(points)
        lost = np.isnan(pixels)
        pixels = np.clip(np.where(lost, _FAR_PX, pixels), -_FAR_PX, _FAR_PX)
        at, starts = 0, []
        fixed = _fixed(pixels)
        for shape in shapes:
            starts.append(at)
            for part in shape.parts:
                for i, outline in enumerate(part):
                    here = slice(at, at + len(outline))
                    at += len(outline)
                    part[i] = fixed[here]
                    if isinstance(shape.element, m.Area):
                        edge, core = strokes.insets(pixels[here], (_EDGE_PX, _CORE_PX))
                        shape.core, shape.edge = [_fixed(core)], [_fixed(edge)]
        lowest, highest = np.minimum.reduceat(pixels, starts), np.maximum.reduceat(pixels, starts)
        boxes = np.hstack([lowest, highest])
        outside = np.logical_or.reduceat(self.beyond_cloth(points), starts)
        for shape, box, spills in zip(shapes, boxes.tolist(), outside.tolist(), strict=True):
            shape.box, shape.spills = box, spills
        if lost.any():
            hidden = np.logical_or.reduceat(lost.any(axis=1), starts)
            shapes = [s for s, out in zip(shapes, hidden.tolist(), strict=True) if not out]
        return shapes

    def _bent(self, points: Array) -> Array:
        """More points where the lens bends lines."""
        return strokes.densified(points, _CURVED_STEP) if self._projection.is_curved else points

    def _bent_outline(self, points: Array) -> Array:
        return self._bent(np.concatenate([points, points[:1]]))[:-1]

    def _chord(self, centre: m.XY, radius: float) -> float:
        """Chord length in metres that strays from the circle by a tenth of a pixel at most."""
        scale = float(self._projection.pixels_per_metre([centre])[0])
        return math.sqrt(8 * radius * _FLATNESS_PX / scale) if scale > 0 else radius

    def beyond_cloth(self, points: Array) -> NDArray[np.bool_]:
        """Which points (N, 2) lie on rails, in pockets or further away; shape (N,)."""
        outside = self._normals @ points.T < self._offsets[:, None]
        return np.asarray(outside.any(axis=0))


class _Rings:
    """All rings of a scene."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._rows: list[tuple[float, float, float, float]] = []

    def add(self, shape: Shape, ring: m.Ring, lead_s: float) -> None:
        (x, y), (vx, vy) = ring.centre, ring.velocity
        self._shapes.append(shape)
        self._rows.append((x + vx * lead_s, y + vy * lead_s, ring.radius, ring.width / 2))

    def finish(self, projection: Projection) -> None:
        if not self._rows:
            return
        rows = np.array(self._rows)
        centre, radius, half = rows[:, None, :2], rows[:, 2], rows[:, 3]
        scale = projection.pixels_per_metre(rows[:, :2])
        edge, core = _halves(half * scale) / scale
        largest = float(np.max((radius + half) * scale))
        count = math.ceil(math.pi / math.sqrt(2 * _FLATNESS_PX / max(largest, 10.0)))
        angles = np.linspace(0.0, 2 * math.pi, min(count, 256), endpoint=False)
        circle = np.column_stack([np.cos(angles), np.sin(angles)])

        def around(radii: Array) -> Array:
            return centre + np.maximum(radii, 0.0)[:, None, None] * circle

        middle = around(radius)
        middle = np.concatenate([middle, middle[:, :1]], axis=1)
        edges = around(radius + edge), around(radius - edge)
        cores = around(radius + core), around(radius - core)
        for i, (shape, half_px) in enumerate(
            zip(self._shapes, (half * scale).tolist(), strict=True)
        ):
            shape.together = True
            shape.add_stroke(half_px, [e[i] for e in edges], [c[i] for c in cores], middle[i])


class _Bars:
    """All straight runs of a scene that end alike."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._starts: list[Array] = []
        self._ends: list[Array] = []
        self._halves: list[float] = []

    def add(self, shape: Shape, starts: Array, ends: Array, width: float) -> None:
        self._shapes += [shape] * len(starts)
        self._starts.append(starts)
        self._ends.append(ends)
        self._halves += [width / 2] * len(starts)

    def finish(self, projection: Projection, *, round_ends: bool) -> None:
        if not self._shapes:
            return
        starts, ends = np.concatenate(self._starts), np.concatenate(self._ends)
        scale = projection.pixels_per_metre(np.concatenate([starts, ends]))
        scale = scale.reshape(2, -1).T
        if not round_ends:
            # The edge's own thickness is added again at the ends.
            step = ends - starts
            length = np.hypot(step[:, 0], step[:, 1])
            shift = np.minimum(_EDGE_PX / scale.min(axis=1) / length, 0.45)[:, None] * step
            starts, ends = starts + shift, ends - shift
        half_px = np.array(self._halves)[:, None] * scale
        edge, core = _halves(half_px) / scale
        edges = strokes.bars(starts, ends, edge, round_ends=round_ends)
        cores = strokes.bars(starts, ends, core, round_ends=round_ends)
        middles = np.stack([starts, ends], axis=1)
        for i, (shape, half) in enumerate(
            zip(self._shapes, half_px.min(axis=1).tolist(), strict=True)
        ):
            shape.together = not round_ends
            shape.add_stroke(half, [edges[i]], [cores[i]], middles[i])


def _halves(half_px: Array) -> Array:
    """Half widths in pixels at which edge and core are drawn for a stroke's true half width."""
    return np.stack([np.maximum(half_px - _EDGE_PX, 0.0), np.maximum(half_px - _CORE_PX, 0.0)])


def _fixed(pixels: Array) -> Outline:
    """OpenCV's fixed-point coordinates."""
    return np.rint(pixels * (1 << SHIFT)).astype(np.int32)


def fixed(pixels: Array) -> Outline:
    """Pixels as OpenCV's fixed-point coordinates; what is far away is drawn nearer."""
    return _fixed(np.clip(pixels, -_FAR_PX, _FAR_PX))


def cloth_outline(table: Table) -> Array:
    """The convex outline of the cloth, shape (N, 2), metres: noses, with pocket mouths cut off."""
    if not table.pockets:
        return np.array(table.corners)
    points = np.array([jaw for p in table.pockets if p.kind == "corner" for jaw in p.jaws])
    around = points - [table.width / 2, table.length / 2]
    return points[np.argsort(np.arctan2(around[:, 1], around[:, 0]))]


def _half_planes(convex: Array) -> tuple[Array, NDArray[np.float64]]:
    """Unit normals (N, 2) pointing inside and offsets (N,): inside is normal · p ≥ offset."""
    sides = np.roll(convex, -1, axis=0) - convex
    normals = np.column_stack([-sides[:, 1], sides[:, 0]])
    normals /= np.hypot(sides[:, 0], sides[:, 1])[:, None]
    return normals, np.sum(normals * convex, axis=1)
