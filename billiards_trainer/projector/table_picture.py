"""A plain drawing of a table from above, as a ground for scenes in documents."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.projector.projection import Array, Projection
from billiards_trainer.projector.renderer import SceneRenderer
from billiards_trainer.table import Point, Table

Picture = NDArray[np.uint8]

_MARGIN = 0.03
"""Metres of surroundings beyond the rails."""
_OVERSAMPLING = 2
_SHIFT = 6


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as (blue, green, red)."""

    surroundings: tuple[int, int, int] = (34, 30, 28)
    wood: tuple[int, int, int] = (40, 58, 92)
    cushion: tuple[int, int, int] = (96, 92, 24)
    cloth: tuple[int, int, int] = (118, 112, 34)
    pocket: tuple[int, int, int] = (14, 12, 12)
    marking: tuple[int, int, int] = (150, 146, 84)
    diamond: tuple[int, int, int] = (200, 216, 224)
    ball: tuple[int, int, int] = (206, 210, 212)


class TablePicture:
    """Draws a table and scenes on it, head to the left.

    Args:
        table: the table.
        width: pixels of the picture's long side.
    """

    def __init__(self, table: Table, width: int, palette: Palette | None = None) -> None:
        self._table = table
        self._palette = palette or Palette()
        border = table.rail_width + _MARGIN
        scale = width / (table.length + 2 * border)
        height = round((table.width + 2 * border) * scale)
        offset = border * scale - 0.5
        h = np.array([[0.0, scale, offset], [scale, 0.0, offset], [0.0, 0.0, 1.0]])
        self.projection = Projection(width, height, h)

    def with_scene(self, scene: m.Scene) -> Picture:
        """The table with a scene's light on it, and plain balls where the scene spares some.

        Returns:
            (height, width, 3) BGR uint8.
        """
        balls = [(x, y) for x, y in scene.keep_clear]
        ground = self._ground(balls, scene.ball_radius)
        renderer = SceneRenderer(self._table, self.projection)
        renderer.draw(scene)
        light = renderer.canvas[..., :3].astype(np.uint16)
        # What the cloth throws back and what falls on it add up; white stays white.
        mixed = 255 - (255 - ground.astype(np.uint16)) * (255 - light) // 255
        return mixed.astype(np.uint8)

    def _ground(self, balls: list[Point], radius: float) -> Picture:
        width, height = self.projection.width, self.projection.height
        size = (height * _OVERSAMPLING, width * _OVERSAMPLING, 3)
        picture: Picture = np.empty(size, dtype=np.uint8)
        picture[:] = self._palette.surroundings
        self._draw_table(picture)
        for ball in balls:
            self._disc(picture, ball, radius, self._palette.ball)
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)

    def _draw_table(self, picture: Picture) -> None:
        table, colours = self._table, self._palette
        self._rectangle(picture, table.rail_width, colours.wood)
        self._rectangle(picture, 0.4 * table.rail_width, colours.cushion)
        self._rectangle(picture, 0.0, colours.cloth)
        for start, end in table.strings.values():
            self._line(picture, start, end, 0.002, colours.marking)
        for pocket in table.pockets:
            near, far = np.array(pocket.jaws)
            across = (far - near) / np.hypot(*(far - near)) * pocket.radius
            centre = np.array(pocket.centre)
            throat = np.array([near, far, centre + across, centre - across])
            self._polygon(picture, throat, colours.cloth)
            self._disc(picture, pocket.centre, pocket.radius, colours.pocket)
        for spot in table.spots.values():
            self._disc(picture, spot, 0.006, colours.marking)
        for diamond in table.diamonds:
            self._disc(picture, diamond, 0.006, colours.diamond)

    def _rectangle(self, picture: Picture, beyond: float, colour: tuple[int, int, int]) -> None:
        a, w, length = -beyond, self._table.width + beyond, self._table.length + beyond
        self._polygon(picture, np.array([[a, a], [w, a], [w, length], [a, length]]), colour)

    def _polygon(self, picture: Picture, points: Array, colour: tuple[int, int, int]) -> None:
        cv2.fillPoly(picture, [self._fixed(points)], colour, cv2.LINE_AA, _SHIFT)

    def _line(
        self, picture: Picture, a: Point, b: Point, width: float, colour: tuple[int, int, int]
    ) -> None:
        thick = max(1, round(width * self._scale))
        start, end = (tuple(int(v) for v in p) for p in self._fixed(np.array([a, b])))
        cv2.line(picture, start, end, colour, thick, cv2.LINE_AA, _SHIFT)

    def _disc(
        self, picture: Picture, centre: Point, radius: float, colour: tuple[int, int, int]
    ) -> None:
        x, y = (int(v) for v in self._fixed(np.array([centre]))[0])
        reach = round(radius * self._scale * (1 << _SHIFT))
        cv2.circle(picture, (x, y), reach, colour, -1, cv2.LINE_AA, _SHIFT)

    @property
    def _scale(self) -> float:
        """Pixels of the oversampled picture in a metre."""
        return float(self.projection.homography[0, 1]) * _OVERSAMPLING

    def _fixed(self, points: Array) -> NDArray[np.int32]:
        pixels = (self.projection.to_pixels(points) + 0.5) * _OVERSAMPLING - 0.5
        return np.rint(pixels * (1 << _SHIFT)).astype(np.int32)
