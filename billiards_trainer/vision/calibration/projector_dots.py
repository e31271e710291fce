"""The projector's calibration pattern, and finding it in the camera's pictures.

A grid of dots over the projector's whole picture.  They are all shown once; then each is shown or
left out as the binary digits of its number say, one digit a picture.  A dot tells its number by
itself, wherever it falls: balls on the cloth, rails and pockets only cost the dots that meet them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Average = NDArray[np.float32]

COLUMNS, ROWS = 20, 11
RADIUS = 0.0065
"""Of a dot, as a share of the picture's width."""
DIGITS = (COLUMNS * ROWS).bit_length()

_LEAST_SIGNAL = 7.0
"""A dot rises above the noise by so many standard deviations."""
_CORE = 0.5
"""A dot is where its light reaches this share of its peak."""
_UNSURE = (0.35, 0.65)
"""Shares of a dot's light between which a digit cannot be told."""
_LEAST_AREA_PX = 5
_LARGEST_SHARE = 0.004
"""No dot covers more of the camera's picture."""


def dot_places() -> Array:
    """Middles of the dots as shares of the projector's width and height, shape (N, 2)."""
    u = (np.arange(COLUMNS) + 0.5) / COLUMNS
    v = (np.arange(ROWS) + 0.5) / ROWS
    return np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)


def shown_dots(digit: int | None) -> NDArray[np.intp]:
    """Numbers of the dots that a picture shows: all, or those whose binary digit is 1."""
    numbers = np.arange(COLUMNS * ROWS)
    return numbers if digit is None else numbers[(numbers + 1) >> digit & 1 == 1]


@dataclass(frozen=True, slots=True)
class Dots:
    """Dots as the camera sees them.

    Attributes:
        number: (N,) which.
        pixel: (N, 2) middle in the camera's picture.
    """

    number: NDArray[np.intp]
    pixel: Array


def find_dots(dark: Average, lit: Average, digits: Sequence[Average]) -> Dots:
    """The dots that can be told.

    Args:
        dark: camera picture without any dot, averaged over some, (H, W, 3).
        lit: the same with all dots.
        digits: the same for each binary digit, the lowest first.
    """
    signal = cv2.GaussianBlur((lit - dark).sum(axis=2), (0, 0), 0.8)
    shares = [cv2.GaussianBlur((d - dark).sum(axis=2), (0, 0), 0.8) for d in digits]
    middle = float(np.median(signal))
    noise = 1.4826 * float(np.median(np.abs(signal - middle))) + 0.3
    mask = (signal - middle > _LEAST_SIGNAL * noise).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    numbers: list[int] = []
    pixels: list[tuple[float, float]] = []
    largest = _LARGEST_SHARE * signal.size
    for k in range(1, count):
        left, top, width, height, area = (int(v) for v in stats[k])
        if not _LEAST_AREA_PX <= area <= largest:
            continue
        window = np.s_[top : top + height, left : left + width]
        light = np.where(labels[window] == k, signal[window] - middle, 0.0)
        core = light > _CORE * float(light.max())
        number = _number([float(s[window][core].sum()) for s in shares], float(light[core].sum()))
        if number is None:
            continue
        weight = np.where(core, light - _CORE * float(light.max()), 0.0)
        rows, columns = np.indices(weight.shape)
        total = float(weight.sum())
        numbers.append(number)
        pixels.append(
            (left + float((columns * weight).sum()) / total,
             top + float((rows * weight).sum()) / total)
        )  # fmt: skip
    return Dots(np.array(numbers, dtype=np.intp), np.array(pixels).reshape(-1, 2))


def _number(light: Sequence[float], whole: float) -> int | None:
    """The number that a dot's digits spell, or ``None``."""
    shares = [one / whole for one in light]
    if any(_UNSURE[0] < share < _UNSURE[1] for share in shares):
        return None
    number = sum(1 << k for k, share in enumerate(shares) if share > 0.5) - 1
    return number if 0 <= number < COLUMNS * ROWS else None
