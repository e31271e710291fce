"""Small pictures of balls, all of one size: what the identity network looks at."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.vision.detection.arrays import Array, Mask

SIZE = 32
"""Side of a crop, pixels."""
REACH = 1.3
"""Half its side in ball radii: the face, and a rim of the cloth round it."""


def cut(picture: Mask, middles: Array, radii: Array) -> NDArray[np.uint8]:
    """Crops of balls, upright as the picture is, (N, SIZE, SIZE, 3) BGR.

    Args:
        picture: BGR uint8.
        middles: of the discs, pixels, (N, 2).
        radii: of the discs, pixels, (N,).
    """
    n = len(middles)
    if n == 0:
        return np.zeros((0, SIZE, SIZE, 3), np.uint8)
    # Large balls are sampled more finely and averaged, so that their pixels do not alias.
    fine = max(1, math.ceil(2 * REACH * float(radii.max()) / (1.6 * SIZE)))
    side = SIZE * fine
    offset = (np.arange(side) + 0.5) * (2 * REACH / side) - REACH
    x = middles[:, :1] + radii[:, None] * offset
    y = middles[:, 1:] + radii[:, None] * offset
    shape = (n, side, side)
    map_x = np.broadcast_to(x[:, None, :], shape).reshape(n * side, side)
    map_y = np.broadcast_to(y[:, :, None], shape).reshape(n * side, side)
    found = cv2.remap(
        picture,
        np.ascontiguousarray(map_x, np.float32),
        np.ascontiguousarray(map_y, np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if fine > 1:
        found = cv2.resize(found, (SIZE, n * SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(found, np.uint8).reshape(n, SIZE, SIZE, 3)
