"""Exact area coverage of polygons: anti-aliased masks without supersampling.

Each edge adds its signed area to the pixels that it crosses; a running sum along the rows then
gives the covered share of every pixel, exact for a box-shaped pixel (the accumulation method known
from font rasterisers).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer.simulation.compilation import kernel

Mask = NDArray[np.float32]


@kernel
def _accumulate(points: NDArray[np.float64], out: Mask) -> None:
    """Signed areas of a closed polygon's edges, then sums along the rows; ``out`` starts at 0."""
    height, width = out.shape
    n = len(points)
    for i in range(n):
        x0, y0 = points[i, 0], points[i, 1]
        x1, y1 = points[(i + 1) % n, 0], points[(i + 1) % n, 1]
        if y0 == y1:
            continue
        sign = 1.0
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
            sign = -1.0
        slope = (x1 - x0) / (y1 - y0)
        x = x0
        if y0 < 0.0:
            x -= y0 * slope
        for row in range(max(0, math.floor(y0)), min(height, math.ceil(y1))):
            dy = min(row + 1.0, y1) - max(float(row), y0)
            x_next = x + slope * dy
            d = sign * dy
            left, right = min(x, x_next), max(x, x_next)
            x = x_next
            if left >= width:
                continue
            # Left of the picture an edge counts for the whole row, right of it not at all.
            first = max(math.floor(left), 0)
            last = min(math.ceil(max(right, 0.0)), width - 1)
            if right - left < 1e-9:
                share = min(max(first + 1.0 - left, 0.0), 1.0)
                out[row, first] += d * share
                if first + 1 < width:
                    out[row, first + 1] += d * (1.0 - share)
                continue
            # The edge crosses several pixels of the row: the area right of it grows pixel by pixel.
            s = 1.0 / (right - left)
            before = 0.0
            for column in range(first, last + 1):
                a = min(max(column + 1.0 - left, 0.0), right - left)
                total = 0.5 * a * a * s + max(column + 1.0 - right, 0.0)
                b = min(max(column - left, 0.0), right - left)
                done = 0.5 * b * b * s + max(column - right, 0.0)
                area = total - done
                out[row, column] += d * (area - before)
                before = area
    for row in range(height):
        total_row = 0.0
        for column in range(width):
            total_row += out[row, column]
            value = abs(total_row)
            out[row, column] = 1.0 if value > 1.0 else value


def coverage(points: ArrayLike, width: int, height: int, *, left: int = 0, top: int = 0) -> Mask:
    """Covered share of each pixel of a window.

    Args:
        points: (N, 2) pixels of a closed polygon; the middle of a pixel is at whole numbers.
        width: of the window.
        height: of the window.
        left: column of the window's first pixel.
        top: row of the window's first pixel.

    Returns:
        Shape (height, width), 0…1.
    """
    p = np.asarray(points, dtype=np.float64).reshape(-1, 2) + (0.5 - left, 0.5 - top)
    out: Mask = np.zeros((height, width), np.float32)
    _accumulate(p, out)
    return out


def bounds(points: ArrayLike, width: int, height: int, pad: int = 2) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (exclusive) of what the points span, padded, inside the picture."""
    p = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    low, high = p.min(axis=0), p.max(axis=0)
    return (
        int(min(max(math.floor(low[0]) - pad, 0), width)),
        int(min(max(math.floor(low[1]) - pad, 0), height)),
        int(min(max(math.ceil(high[0]) + pad + 1, 0), width)),
        int(min(max(math.ceil(high[1]) + pad + 1, 0), height)),
    )
