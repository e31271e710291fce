"""Where in the picture the cloth may be: regions of one colour, whatever that colour is.

Cloth is found by being large and of one chromaticity, not by being green.  Log-ratios of the
colour channels hardly change between the lamp's centre and a shadow; lightness is used only where
a cloth has no colour of its own (grey, black).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# Long side of the picture in which regions are searched, in pixels.
COARSE_SIZE = 480
# Added to each channel before the logarithm: noise in dark pixels must not look like colour.
_FLOOR = 8.0
_BINS = 64
_SPAN = 3.3
_MIN_AREA = 0.035


@dataclass(frozen=True, slots=True)
class ClothRegion:
    """One region that may be the cloth.

    Attributes:
        mask: uint8 (h, w) of the coarse picture, 255 inside, holes filled.
        seen: uint8 (h, w), 255 where the colour really is the cloth's (holes are balls, pockets).
        scale: coarse pixels per picture pixel.
        weight: share of the picture's (centre-weighted) pixels of this colour.
    """

    mask: NDArray[np.uint8]
    seen: NDArray[np.uint8]
    scale: float
    weight: float


def coarse_picture(picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """The picture made small and smooth, float32 (h, w, 3), and its scale."""
    height, width = picture.shape[:2]
    scale = min(1.0, COARSE_SIZE / max(height, width))
    small = (
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if scale < 1
        else picture
    )
    small = cv2.medianBlur(np.ascontiguousarray(small), 3)
    return cv2.GaussianBlur(small, (0, 0), 0.8).astype(np.float32), scale


def cloth_regions(picture: NDArray[np.uint8], limit: int = 5) -> list[ClothRegion]:
    """Regions that may be cloth, most promising first.

    Args:
        picture: BGR uint8 (H, W, 3).
        limit: how many colours are tried.

    Returns:
        Regions of at least a few per cent of the picture; empty when there are none.
    """
    small, scale = coarse_picture(picture)
    height, width = small.shape[:2]
    logs = np.log(small + _FLOOR)
    features = np.dstack(
        [logs[..., 2] - logs[..., 1], logs[..., 0] - logs[..., 1], logs.mean(axis=-1)]
    )
    prior = _centre_weight(height, width) * _smoothness(small)
    regions: list[ClothRegion] = []
    for centre, weight in _modes(features[..., :2], prior, limit):
        core = _of_colour(features, prior, centre)
        for tolerance in (1.0, 1.7):
            seen = _grown(features, core, tolerance)
            for mask, inside in _components(seen):
                if all(_unlike(mask, region.mask) for region in regions):
                    regions.append(ClothRegion(mask, inside, scale, weight))
    return regions


def _unlike(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """Whether two masks differ in more than a hundredth of their pixels."""
    return cv2.countNonZero(cv2.bitwise_xor(a, b)) > 0.01 * cv2.countNonZero(a)


def _centre_weight(height: int, width: int) -> NDArray[np.float32]:
    y = (np.arange(height, dtype=np.float32)[:, None] / height - 0.5) / 0.35
    x = (np.arange(width, dtype=np.float32)[None, :] / width - 0.5) / 0.35
    return (0.25 + np.exp(-0.5 * (x * x + y * y))).astype(np.float32)


def _smoothness(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Near 1 on even surfaces, near 0 on edges and texture."""
    grey = small.mean(axis=-1)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    relative = np.hypot(gx, gy) / (grey + 20.0)
    return (1.0 / (1.0 + (relative / 0.25) ** 2)).astype(np.float32)


def _modes(
    chroma: NDArray[np.float32], weight: NDArray[np.float32], limit: int
) -> list[tuple[NDArray[np.float64], float]]:
    """Peaks of the weighted chroma histogram: (centre of shape (2,), share of all weight)."""
    edges = np.linspace(-_SPAN, _SPAN, _BINS + 1)
    u = np.clip(chroma[..., 0].ravel(), -_SPAN + 1e-3, _SPAN - 1e-3)
    v = np.clip(chroma[..., 1].ravel(), -_SPAN + 1e-3, _SPAN - 1e-3)
    counts, _, _ = np.histogram2d(u, v, bins=(edges, edges), weights=weight.ravel())
    counts = cv2.GaussianBlur(counts / max(counts.sum(), 1e-9), (0, 0), 1.2)
    middle = (edges[:-1] + edges[1:]) / 2
    found: list[tuple[NDArray[np.float64], float]] = []
    work = counts.copy()
    for _ in range(limit):
        i, j = np.unravel_index(int(work.argmax()), work.shape)
        if work[i, j] < 0.004:
            break
        window = counts[max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3]
        found.append((np.array([middle[i], middle[j]]), float(window.sum())))
        work[max(i - 3, 0) : i + 4, max(j - 3, 0) : j + 4] = 0
    return found


def _of_colour(
    features: NDArray[np.float32], prior: NDArray[np.float32], centre: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Pixels close to a mode, (h, w): an ellipse in chroma, and a range of lightness."""
    chroma, light = features[..., :2], features[..., 2]
    mean, spread = centre, np.eye(2) * 0.09**2
    near = np.zeros(light.shape, bool)
    for _ in range(3):
        near = _mahalanobis(chroma, mean, spread) < 2.2
        if int(near.sum()) < 50:
            return np.zeros(light.shape, bool)
        inside, weight = chroma[near].astype(np.float64), prior[near].astype(np.float64)
        mean = np.average(inside, axis=0, weights=weight)
        off = inside - mean
        spread = (off * weight[:, None]).T @ off / weight.sum() * 1.25
        values, axes = np.linalg.eigh(spread)
        spread = axes @ np.diag(np.clip(values, 0.045**2, 0.13**2)) @ axes.T
    typical = float(np.median(light[near & (prior >= np.median(prior[near]))]))
    down, up = _light_range(mean)
    return near & (light > typical - down) & (light < typical + up)


def _light_range(chroma: NDArray[np.float64]) -> tuple[float, float]:
    """How far cloth may be darker and lighter than its typical log lightness.

    A cloth of strong colour may lie half in shadow; a grey one is told by its lightness.
    """
    colourful = min(float(np.hypot(*chroma)), 0.8) / 0.8
    return math.log(1.8) + colourful * math.log(4.0), math.log(1.5) + colourful * math.log(1.6)


def _grown(
    features: NDArray[np.float32], core: NDArray[np.bool_], tolerance: float
) -> NDArray[np.uint8]:
    """A region grown where the colour goes on changing slowly: lamps make cloth uneven.

    Each round compares every pixel with the region's mean colour round about it and keeps what
    touches the region.
    """
    width = core.shape[1]
    window = (max(width // 8, 3) | 1, max(width // 8, 3) | 1)
    region = core
    if not region.any():
        return np.zeros(core.shape, np.uint8)
    kernel = np.ones((13, 13), np.uint8)
    for _ in range(9):
        share = cv2.blur(region.astype(np.float32), window)
        overall = features[region].mean(axis=0)
        field = cv2.blur(features * region[..., None], window) + 1e-3 * overall
        field /= (share + 1e-3)[..., None]
        off = features - field
        distance = np.hypot(off[..., 0], off[..., 1])
        spread = float(np.sqrt(np.mean(distance[region] ** 2)))
        radius = tolerance * float(np.clip(2.6 * spread, 0.10, 0.22))
        down, up = _light_range(overall[:2].astype(np.float64))
        near = (distance < radius) & (off[..., 2] > -tolerance * down) & (off[..., 2] < up)
        touching = cv2.dilate(region.astype(np.uint8), kernel) > 0
        grown = near & touching
        if int(np.count_nonzero(grown ^ region)) < 0.002 * region.size:
            region = grown
            break
        region = grown
        if not region.any():
            break
    return region.astype(np.uint8) * 255


def _mahalanobis(
    chroma: NDArray[np.float32], mean: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    a, b = chroma[..., 0] - mean[0], chroma[..., 1] - mean[1]
    inverse = np.linalg.inv(spread)
    square = inverse[0, 0] * a * a + 2 * inverse[0, 1] * a * b + inverse[1, 1] * b * b
    return np.asarray(np.sqrt(square), dtype=np.float64)


def _components(
    seen: NDArray[np.uint8],
) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """The one or two largest connected parts, holes filled, thin bridges cut."""
    closed = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    found = []
    for label in np.argsort(areas)[::-1][: min(2, count - 1)]:
        if areas[label] < _MIN_AREA * seen.size:
            break
        part = (labels == label).astype(np.uint8) * 255
        contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = np.zeros_like(part)
        cv2.drawContours(filled, contours, -1, 255, cv2.FILLED)
        found.append((filled, np.bitwise_and(part, seen)))
    return found
