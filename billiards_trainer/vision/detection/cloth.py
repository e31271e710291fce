"""The cloth as this picture shows it, and how unlike the cloth each pixel is.

The cloth's colour is taken from the picture itself: the commonest chroma of the playing area,
then its slow change over the table (lamps, vignetting, the projector's own even light) by averaging
over cloth pixels only.  Dividing the picture by that background makes the cloth a plain grey,
whatever its colour and light.  A shadow is a darker grey, coloured a little where several lamps
differ; a ball is not grey, or much brighter, or much darker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.vision.detection.arrays import Mask, Single
from billiards_trainer.vision.detection.view import View

GREY = 100
"""Value of cloth in the divided picture; 255 is 2.55 times as bright."""
PEDESTAL = 10
"""Added to picture and background, so that noise in a dark channel is not blown up."""
COARSE = 8
"""Working pixels in one pixel of the background's image."""
TINT = 0.22
"""Share of lost or gained light that may come back as colour: lamps and projector differ."""
DARK = 0.42
"""Cloth in the deepest shadow still reflects more than this share of its light."""
BRIGHT = 1.22
"""Cloth is seldom lit brighter than this many times its surroundings, except by the projector."""
_LIFT: Any = (PEDESTAL, PEDESTAL, PEDESTAL, 0)
_SQUARE = np.ones((3, 3), np.uint8)


class ClothError(ValueError):
    """No cloth can be told in the picture; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Cloth:
    """What was learned from one picture.

    Attributes:
        background: colour of the cloth at each working pixel, BGR uint8 (height, width, 3).
        colour: median cloth colour, BGR.
        share: share of the playing area that looks like cloth.
        noise: standard deviations of blue-green, red-green and brightness in the divided picture.
    """

    background: Mask
    colour: tuple[float, float, float]
    share: float
    noise: tuple[float, float, float]


def learn(image: Mask, view: View, hint: tuple[float, float, float] | None = None) -> Cloth:
    """Find the cloth.

    Args:
        image: working image, BGR uint8 (height, width, 3).
        view: the view it was made with.
        hint: cloth colour from a colour profile (BGR); decides where two colours compete.

    Raises:
        ClothError: less than a tenth of the playing area has one colour.
    """
    size = (-(-view.width // COARSE), -(-view.height // COARSE))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    inside = cv2.resize(view.cloth, size, interpolation=cv2.INTER_AREA) > 250
    total = small.sum(axis=2) + 3 * PEDESTAL
    blue = (small[:, :, 0] - small[:, :, 1]) / total
    red = (small[:, :, 2] - small[:, :, 1]) / total
    area = max(1, int(np.count_nonzero(inside)))
    mode_blue, mode_red = _mode(blue[inside], red[inside], hint)
    near = (np.abs(blue - mode_blue) < 0.06) & (np.abs(red - mode_red) < 0.06) & inside
    if np.count_nonzero(near) < 0.1 * area:
        raise ClothError("no cloth is seen where the table should be")
    level = float(np.median(total[near]))
    sure = near & (total > 0.45 * level) & (total < 1.7 * level)
    background = _fill(small, sure, 5.0)
    # Balls and shadows that resemble the cloth leave it now, against the local colour.
    for sigma in (4.0, 2.5):
        ratio = (small + PEDESTAL) / (background + PEDESTAL)
        b, g, r = ratio[:, :, 0], ratio[:, :, 1], ratio[:, :, 2]
        light = (b + g + r) / 3
        like = (np.abs(b - light) < 0.05) & (np.abs(g - light) < 0.05) & (np.abs(r - light) < 0.05)
        like &= inside & (np.abs(light - 1) < 0.15)
        kept = cv2.erode(like.astype(np.uint8), _SQUARE) > 0
        if np.count_nonzero(kept) < 20:
            break
        sure = kept
        background = _fill(small, sure, sigma)
    wide = cv2.resize(_to_bytes(background), (view.width, view.height))
    colour = np.median(small[sure], axis=0)
    share = np.count_nonzero(sure) / area
    return Cloth(wide, _triple(colour), share, _noise(image, wide, sure))


def _noise(image: Mask, background: Mask, sure: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Spread of blue-green, red-green and brightness over sure cloth, in the divided picture."""
    rows, columns = np.nonzero(sure[:-1, :-1])
    offset = COARSE // 2
    rows, columns = rows * COARSE + offset, columns * COARSE + offset
    pixel = image[rows, columns].astype(np.float32) + PEDESTAL
    ratio = pixel / (background[rows, columns].astype(np.float32) + PEDESTAL) * GREY
    b, g, r = ratio.T
    return (
        max(0.8, _spread(b - g)),
        max(0.8, _spread(r - g)),
        max(0.8, _spread((b + g + r) / 3)),
    )


def divide(image: Mask, background: Mask) -> Mask:
    """The picture divided by the cloth: cloth is ``GREY`` in all channels."""
    return cv2.divide(cv2.add(image, _LIFT), cv2.add(background, _LIFT), scale=GREY)


def _mode(
    blue: Single, red: Single, hint: tuple[float, float, float] | None
) -> tuple[float, float]:
    """Commonest chroma: the highest place of a smoothed histogram."""
    bins, low, high = 64, -0.8, 0.8
    scale = bins / (high - low)
    i = np.clip(((blue - low) * scale).astype(np.int32), 0, bins - 1)
    j = np.clip(((red - low) * scale).astype(np.int32), 0, bins - 1)
    tally = np.bincount(i * bins + j, minlength=bins * bins).reshape(bins, bins)
    counts = cv2.GaussianBlur(tally.astype(np.float32), (0, 0), 1.2)
    if hint is not None:
        b, g, r = hint
        total = b + g + r + 3 * PEDESTAL
        at = np.arange(bins) / scale + low
        away = np.hypot.outer(at - (b - g) / total, at - (r - g) / total)
        counts = counts * np.exp(-0.5 * (away / 0.15) ** 2)
    k = int(np.argmax(counts))
    near_i, near_j = k // bins, k % bins
    close = (np.abs(i - near_i) <= 1) & (np.abs(j - near_j) <= 1)
    return float(np.median(blue[close])), float(np.median(red[close]))


def _fill(image: Single, sure: NDArray[np.bool_], sigma: float) -> Single:
    """Average over sure pixels near by; where there are none, over those farther away."""
    weight = sure.astype(np.float32)
    marked = cv2.merge([image * weight[:, :, None], weight])
    near = cv2.GaussianBlur(marked, (0, 0), sigma)
    # The far average is smooth: a quarter of the size is enough for it.
    height, width = weight.shape
    quarter = (max(1, width // 4), max(1, height // 4))
    far = cv2.resize(marked, quarter, interpolation=cv2.INTER_AREA)
    far = cv2.GaussianBlur(far, (0, 0), sigma)
    overall = far.mean(axis=(0, 1))
    far = cv2.resize(far + 1e-3 * overall, (width, height))
    doubt = np.float32(0.02)
    filled = near + doubt * far / far[:, :, 3:]
    return filled[:, :, :3] / filled[:, :, 3:]


def _spread(values: Single) -> float:
    """Robust standard deviation: half the distance between the 16th and the 84th percentile."""
    count = len(values)
    if count < 10:
        return 3.0
    low, high = int(0.16 * count), int(0.84 * count)
    parted = np.partition(values, (low, high))
    return float(parted[high] - parted[low]) / 2


def _triple(values: Single) -> tuple[float, float, float]:
    b, g, r = (float(v) for v in values)
    return b, g, r


def _to_bytes(values: Single) -> Mask:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


def unlikeness(divided: Mask, cloth: Cloth) -> Mask:
    """How unlike cloth each pixel is: 0 for cloth, lit or in shadow; 255 for certainly not.

    Args:
        divided: from ``divide``, uint8 (height, width, 3).
        cloth: what was learned from the same picture.

    Returns:
        uint8 (height, width).
    """
    b, g, r = cv2.split(divided)
    chroma = cv2.max(cv2.max(cv2.absdiff(b, g), cv2.absdiff(r, g)), cv2.absdiff(b, r))
    light = cv2.transform(divided, np.full((1, 3), 1 / 3, np.float32))
    levels = np.arange(256, dtype=np.float64)
    blue, red, even = cloth.noise
    allowed = 2.5 * max(blue, red) + TINT * np.abs(levels - GREY)
    coloured = cv2.subtract(chroma, cv2.LUT(light, _bytes(allowed)))
    gain = 255 / (GREY * 0.16 + 2 * max(blue, red))
    slack = 3 * even
    dark = (GREY * DARK - slack - levels) * (255 / (GREY * 0.25))
    bright = (levels - GREY * BRIGHT - slack) * (255 / (GREY * 0.35))
    odd = cv2.LUT(light, _bytes(np.maximum(dark, bright)))
    return cv2.max(cv2.LUT(coloured, _bytes(levels * gain)), odd)


def _bytes(values: NDArray[np.float64]) -> Mask:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
