"""What falls on the cloth: the light map, made from what was really drawn."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.light_map import LightMap, map_to_table
from billiards_trainer.projector.projection import Projection
from billiards_trainer.projector.rects import Rect, overlap
from billiards_trainer.table import Table

_BAND_ROWS = 64


class LightMapper:
    """Warps the projector's picture to table coordinates; see ``light_map`` for the frame.

    A cell is larger than a pixel.  So that thin lines keep their light, the picture is halved with
    proper averaging until a pixel is about a cell, and then sampled.  Only those bands of the map
    are made anew that a changed rectangle of the picture can reach.
    """

    def __init__(self, table: Table, projection: Projection) -> None:
        cells = map_to_table(table)
        rows, columns = cells.shape[:2]
        pixels = projection.to_pixels(cells.reshape(-1, 2)).reshape(rows, columns, 2)
        pixels = np.where(np.isfinite(pixels), pixels, -1e4)
        middle = [[table.width / 2, table.length / 2]]
        cell_px = float(projection.pixels_per_metre(middle)[0]) * LightMap.RESOLUTION
        halvings = 0
        while cell_px >= 2 and halvings < 3:
            cell_px /= 2
            halvings += 1
        scale = self._scale = 1 << halvings
        size = (-(-projection.height // scale), -(-projection.width // scale), 4)
        self._small: NDArray[np.uint8] = np.zeros(size, dtype=np.uint8)
        small = ((pixels + 0.5) / scale - 0.5).astype(np.float32)
        self._x, self._y = cv2.convertMaps(
            np.ascontiguousarray(small[..., 0]), np.ascontiguousarray(small[..., 1]), cv2.CV_16SC2
        )
        self._bands = [
            (slice(row, min(row + _BAND_ROWS, rows)), _reach(pixels[row : row + _BAND_ROWS], scale))
            for row in range(0, rows, _BAND_ROWS)
        ]
        self.map: NDArray[np.uint8] = np.zeros((rows, columns, 3), dtype=np.uint8)

    def update(self, canvas: NDArray[np.uint8], changed: Sequence[Rect]) -> NDArray[np.uint8]:
        """Bring the map up to date.

        Args:
            canvas: the projector's picture, (height, width, 4) uint8.
            changed: the rectangles of it that changed since the last call.

        Returns:
            The whole map, (rows, columns, 3) BGR uint8; it stays the mapper's own.
        """
        for rect in changed:
            self._shrink(canvas, rect)
        for rows, reach in self._bands:
            if any(overlap(reach, rect) for rect in changed):
                lit = cv2.remap(self._small, self._x[rows], self._y[rows], cv2.INTER_LINEAR)
                cv2.cvtColor(lit, cv2.COLOR_BGRA2BGR, dst=self.map[rows])
        return self.map

    def _shrink(self, canvas: NDArray[np.uint8], rect: Rect) -> None:
        """Average a rectangle of the picture into the smaller one."""
        scale = self._scale
        left, top = rect[0] // scale, rect[1] // scale
        right, bottom = -(-rect[2] // scale), -(-rect[3] // scale)
        part = canvas[top * scale : bottom * scale, left * scale : right * scale]
        target = self._small[top:bottom, left:right]
        if scale == 1:
            np.copyto(target, part)
        else:
            size = (right - left, bottom - top)
            target[...] = cv2.resize(part, size, interpolation=cv2.INTER_AREA)


def _reach(pixels: NDArray[np.float64], scale: int) -> Rect:
    """The rectangle of the picture that a band of the map depends on."""
    flat = pixels.reshape(-1, 2)
    left, top = np.floor(flat.min(axis=0)).astype(int) - 2 * scale
    right, bottom = np.ceil(flat.max(axis=0)).astype(int) + 2 * scale + 1
    return int(left), int(top), int(right), int(bottom)
