"""Pictures that show nothing: said in one sentence, with what to do, before any search."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.errors import InputError

MIN_SIDE = 120


def describe_fault(picture: NDArray[np.uint8]) -> str | None:
    """One sentence on why nothing can be seen in a picture, or ``None`` where something can.

    Args:
        picture: BGR uint8 (H, W, 3).
    """
    height, width = picture.shape[:2]
    if min(height, width) < MIN_SIDE:
        return f"the picture is only {width}x{height} pixels; a table needs at least {MIN_SIDE}"
    small = cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA)
    light = small.max(axis=2)
    if float(np.quantile(light, 0.98)) < 14:
        return "the picture is black: is the lens covered, or the light off?"
    if float(np.mean(small.min(axis=2) > 247)) > 0.6:
        return "the picture is overexposed: shorten the exposure or dim the light"
    spread = np.quantile(light, 0.98) - np.quantile(light, 0.02)
    if float(spread) < 10:
        return "the picture is one even surface: is the lens covered?"
    if _is_blurred(picture):
        return "the picture is too blurred to find the table: focus the camera, clean the lens"
    return None


def _is_blurred(picture: NDArray[np.uint8]) -> bool:
    """Whether even the strongest edges take tens of pixels: out of focus, or a fogged lens."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    scale = 640 / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 8
    contrast = float(np.quantile(grey, 0.98) - np.quantile(grey, 0.02))
    return float(np.quantile(slope, 0.997)) < 0.035 * contrast


def require_picture(picture: NDArray[np.uint8]) -> None:
    """Reject what is not a BGR picture of bytes.

    Raises:
        InputError: a wrong shape or type.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        shape = "x".join(str(n) for n in picture.shape)
        raise InputError(f"a picture is BGR with 8 bits a channel, not {shape} of {picture.dtype}")
