"""A smooth function of the picture's pixels, tabulated once and read by bilinear interpolation."""

from __future__ import annotations

import numpy as np

from billiards_trainer.vision.detection.arrays import Array


class Lookup:
    """Values on a regular grid of pixels.

    Args:
        origin: pixel (column, row) of ``values[0, 0]``.
        step: pixels between neighbours, along columns and rows.
        values: shape (rows, columns, ...).
    """

    def __init__(
        self, origin: tuple[float, float], step: tuple[float, float], values: Array
    ) -> None:
        self._origin = np.array(origin)
        self._step = np.array(step)
        self._values = values
        self._last = np.array([values.shape[1] - 2, values.shape[0] - 2])

    def at(self, pixels: Array) -> Array:
        """Values at pixels (N, 2); extrapolated linearly outside the grid.  Shape (N, ...)."""
        (x, y), corners = self._cell(pixels)
        top = corners[0] + x * (corners[1] - corners[0])
        bottom = corners[2] + x * (corners[3] - corners[2])
        return np.asarray(top + y * (bottom - top))

    def slope(self, pixels: Array) -> Array:
        """Derivative with respect to (column, row), shape (N, ..., 2)."""
        (x, y), (a, b, c, d) = self._cell(pixels)
        along = ((b - a) * (1 - y) + (d - c) * y) / self._step[0]
        down = ((c - a) * (1 - x) + (d - b) * x) / self._step[1]
        return np.stack([along, down], axis=-1)

    def _cell(self, pixels: Array) -> tuple[Array, tuple[Array, Array, Array, Array]]:
        at = (np.asarray(pixels, dtype=np.float64).reshape(-1, 2) - self._origin) / self._step
        cell = np.clip(np.floor(at).astype(np.intp), 0, self._last)
        part = (at - cell).T
        shape = (2, len(at), *(1,) * (self._values.ndim - 2))
        i, j = cell[:, 1], cell[:, 0]
        v = self._values
        return part.reshape(shape), (v[i, j], v[i, j + 1], v[i + 1, j], v[i + 1, j + 1])
