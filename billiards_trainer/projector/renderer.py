"""Draws a scene into the projector's picture."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.projector import rects
from billiards_trainer.projector.projection import Projection
from billiards_trainer.projector.rects import Rect
from billiards_trainer.projector.shapes import SHIFT, Shape, ShapeMaker, fixed
from billiards_trainer.projector.text import TextPainter
from billiards_trainer.table import Table

Canvas = NDArray[np.uint8]
Colour = tuple[float, float, float, float]

_LONGEST_LEAD_S = 0.25
_BLACK: Colour = (0.0, 0.0, 0.0, 0.0)


class SceneRenderer:
    """Draws scenes; ``canvas`` is the picture, (height, width, 4) uint8 blue, green, red, unused.

    Args:
        table: decides where the cloth ends and the pockets begin.
        projection: table metres to pixels.
        brightness: share of full brightness, 0…1.
        clearance: metres around a ball's silhouette that stay dark as well.
    """

    def __init__(
        self,
        table: Table,
        projection: Projection,
        *,
        brightness: float = 1.0,
        clearance: float = 0.001,
    ) -> None:
        self.projection = projection
        self.brightness = brightness
        self.canvas: Canvas = np.zeros((projection.height, projection.width, 4), dtype=np.uint8)
        self._clearance = clearance
        self._shapes = ShapeMaker(table, projection)
        self._cloth_px = fixed(self._shapes.cloth_px)
        self._text = TextPainter(projection)
        self._dirty: list[Rect] = []
        self._spilt: list[Rect] = []

    def draw(self, scene: m.Scene, lead_s: float = 0.0) -> list[Rect]:
        """Replace what is on the canvas by a scene.

        Args:
            scene: what to draw, table metres.
            lead_s: time from the scene's exposure to the moment when it will be seen, seconds;
                moving rings are drawn where they will be then.

        Returns:
            Disjoint rectangles (left, top, right, bottom) that hold all that may have changed.
        """
        before = rects.merged(self._dirty)
        for left, top, right, bottom in before:
            self.canvas[top:bottom, left:right] = 0
        self._dirty, self._spilt = [], []
        lead = min(max(lead_s, 0.0), _LONGEST_LEAD_S)
        drawn = [e for e in scene.elements if e.opacity > 0]
        shapes = self._shapes.shapes([e for e in drawn if not isinstance(e, m.Text)], lead)
        by_element = {id(shape.element): shape for shape in shapes}
        for element in drawn:
            if isinstance(element, m.Text):
                self._draw_text(element)
            elif (shape := by_element.get(id(element))) is not None:
                self._draw_shape(shape)
        self._blacken_outside()
        if scene.keep_clear and self._dirty:
            self._blacken_balls(scene, lead)
        return rects.merged([*before, *self._dirty])

    def draw_dots(self, places: Sequence[m.XY], radius: float) -> list[Rect]:
        """Replace what is on the canvas by white dots, anywhere on it.

        Args:
            places: middles, as shares of the canvas's width and height.
            radius: as a share of its width.

        Returns:
            As ``draw``.
        """
        changed = self.clear()
        size = self.projection.width, self.projection.height
        white = tuple(round(255 * self.brightness) for _ in range(3))
        reach = round(radius * size[0] * (1 << SHIFT))
        for x, y in fixed(np.array(places).reshape(-1, 2) * size - 0.5).tolist():
            cv2.circle(self.canvas, (x, y), reach, white, -1, cv2.LINE_AA, SHIFT)
        self._dirty = changed
        return changed

    def clear(self) -> list[Rect]:
        """Make all of the canvas dark; as ``draw``."""
        self.canvas[:] = 0
        self._dirty, self._spilt = [], []
        return [(0, 0, self.projection.width, self.projection.height)]

    def _draw_shape(self, shape: Shape) -> None:
        colour, opacity = self._colour(shape.element), shape.element.opacity
        height, width = self.canvas.shape[:2]
        rect = rects.around(shape.box, width, height)
        if rect is None:
            return
        if opacity >= 1:
            self._paint(shape, colour)
        elif not any(rects.overlap(rect, other) for other in self._dirty):
            self._paint(shape, _scaled(colour, opacity))
        else:
            paint = functools.partial(self._paint, shape, colour)
            outlines = [outline / (1 << SHIFT) for outline in (*shape.edge, *shape.line)]
            self._blend(rects.tiled(outlines, rect), opacity, paint)
        self._mark(rect, spills=shape.spills)

    def _paint(self, shape: Shape, ink: Colour) -> None:
        # Runs of one stroke overlap and are filled one by one: together they would leave holes.
        for group in [shape.core] if shape.together else [[core] for core in shape.core]:
            if group:
                cv2.fillPoly(self.canvas, group, ink, cv2.LINE_AA, SHIFT)
        if shape.edge:
            cv2.polylines(self.canvas, shape.edge, True, ink, 1, cv2.LINE_AA, SHIFT)
        if shape.line:
            ink = _scaled(ink, shape.strength)
            cv2.polylines(self.canvas, shape.line, False, ink, 1, cv2.LINE_AA, SHIFT)

    def _blend(self, tiles: list[Rect], opacity: float, paint: Callable[[], None]) -> None:
        """Paint translucently over what is there: mix the pictures before and after."""
        views = [self.canvas[y0:y1, x0:x1] for x0, y0, x1, y1 in tiles]
        before = [view.copy() if cv2.hasNonZero(_flat(view)) else None for view in views]
        paint()
        for view, old in zip(views, before, strict=True):
            flat = _flat(view)
            if old is None:
                cv2.convertScaleAbs(flat, flat, opacity)
            else:
                cv2.addWeighted(flat, opacity, _flat(old), 1 - opacity, 0.0, flat)

    def _draw_text(self, text: m.Text) -> None:
        placed = self._text.place(text)
        if placed is None:
            return
        left, top, right, bottom = placed.rect
        target = self.canvas[top:bottom, left:right, :3]
        weight = placed.coverage * np.float32(text.opacity)
        ink = np.array(self._colour(text)[:3], dtype=np.float32)
        target[...] = (target + (ink - target) * weight + 0.5).astype(np.uint8)
        self._mark(placed.rect, spills=bool(self._shapes.beyond_cloth(placed.corners).any()))

    def _blacken_balls(self, scene: m.Scene, lead: float) -> None:
        """Nothing is drawn over balls: own light would change their colours for the camera.

        A ball inside a moving ring moves on with it.
        """
        velocity = {e.centre: e.velocity for e in scene.elements if isinstance(e, m.Ring)}
        centres = [_moved(c, velocity.get(c, (0.0, 0.0)), lead) for c in scene.keep_clear]
        radius = scene.ball_radius + self._clearance
        outlines = self.projection.silhouettes(centres, radius)
        for outline in fixed(outlines[np.isfinite(outlines).all(axis=(1, 2))]):
            cv2.fillConvexPoly(self.canvas, outline, _BLACK, cv2.LINE_AA, SHIFT)

    def _blacken_outside(self) -> None:
        """Nothing is drawn into pockets or off the table."""
        for left, top, right, bottom in rects.merged(self._spilt):
            view = self.canvas[top:bottom, left:right]
            x, y = right - left + 1.0, bottom - top + 1.0
            frame = fixed(np.array([[-2.0, -2.0], [x, -2.0], [x, y], [-2.0, y]]))
            cloth = self._cloth_px - np.array([left, top], dtype=np.int32) * (1 << SHIFT)
            cv2.fillPoly(view, [frame, cloth], _BLACK, cv2.LINE_AA, SHIFT)

    def _mark(self, rect: Rect, *, spills: bool) -> None:
        self._dirty.append(rect)
        if spills:
            self._spilt.append(rect)

    def _colour(self, element: m.Drawn) -> Colour:
        return _scaled(_parsed(element.colour), self.brightness)


def _flat(view: Canvas) -> Canvas:
    """The same pixels with one channel: OpenCV counts and mixes these fastest."""
    return view.reshape(view.shape[0], -1)


def _moved(centre: m.XY, velocity: m.XY, seconds: float) -> m.XY:
    return centre[0] + velocity[0] * seconds, centre[1] + velocity[1] * seconds


def _scaled(colour: Colour, share: float) -> Colour:
    b, g, r, _ = colour
    return b * share, g * share, r * share, 0.0


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> Colour:
    return float(int(text[5:7], 16)), float(int(text[3:5], 16)), float(int(text[1:3], 16)), 0.0
