"""Edges along the four rails: the cloth's outer edge and, a cushion's width inside it, the nose.

A strip is sampled along each rail, in table metres through a homography, so that perspective has
gone before anything is averaged.  Along the strip an edge is a path: found by dynamic programming
(a lens bends it, a pocket or a hand interrupts it), then located to a fraction of a pixel.

The strongest change of *colour* is where the cloth ends at the rail's top.  The nose is a change
of *light* on the same cloth, parallel to it, the same distance inside on all four rails.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Visible cloth from the nose to the rail's top, in metres: 2 inches on most tables.
CUSHION_WIDTH = 0.050
CUSHION_RANGE = (0.026, 0.078)
_COLUMNS = 112
_PER_SEGMENT = 4
FLOOR = 16.0
# Pixel value of the deepest shadow on cloth, as a share of the bed's.
_DEEPEST_SHADOW = 0.18
_ENDS = 0.055
# Of the camera's coding of light, near enough (sRGB).
_GAMMA = 2.2
# Smoothing with which a nose is located: little, or the shadow below it pulls the edge.
_FINE_PX = 1.0
# Pixels: by how much light and its logarithm may differ on where an edge lies, and how well they
# must agree on that along a rail.
_MOST_PX, _AGREE_PX = 0.6, 0.35


@dataclass(frozen=True, slots=True)
class Strip:
    """The neighbourhood of one rail, sampled in the plane of the cushion noses.

    Attributes:
        side: 0…3, the rail from corner ``side`` to corner ``side + 1``.
        along: (S,) positions of the segments along the rail, 0…1.
        depth: (D,) metres inwards from the line between the two corners.
        pixels: (S, D, 2) where the samples lie in the picture.
        logs: (S, D, 3) log-ratios red/green and blue/green, and log lightness.
        pixel_step: picture pixels from one depth to the next, (S,).
    """

    side: int
    along: Array
    depth: Array
    pixels: Array
    logs: Array
    pixel_step: Array


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge along one rail.

    Attributes:
        side: 0…3.
        along: (n,) positions along the rail, 0…1.
        depth: (n,) metres inwards from the strip's own line.
        pixels: (n, 2).
        strength: median contrast over the noise; under about 2 there is nothing.
        share: part of the rail along which the edge was seen, 0…1.
        scatter_px: root mean square distance from a smooth curve.
    """

    side: int
    along: Array
    depth: Array
    pixels: Array
    strength: float
    share: float
    scatter_px: float


def plane_homography(corners_px: Array, width: float, length: float) -> Array:
    """3x3 from the rectangle (0,0), (width,0), (width,length), (0,length) to four pixels."""
    source = np.array([[0, 0], [width, 0], [width, length], [0, length]], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(source, corners_px.astype(np.float32)), float)


def sample_strip(
    picture: NDArray[np.uint8],
    homography: Array,
    size: tuple[float, float],
    side: int,
    reach: tuple[float, float],
) -> Strip:
    """Sample along one rail.

    Args:
        picture: BGR uint8 (H, W, 3).
        homography: 3x3 from the rectangle to pixels.
        size: width and length of that rectangle, metres.
        side: 0…3.
        reach: from and to, metres inwards from the rectangle's side.
    """
    width, length = size
    corners = np.array([[0, 0], [width, 0], [width, length], [0, length]], float)
    a, b = corners[side], corners[(side + 1) % 4]
    run = (b - a) / np.linalg.norm(b - a)
    inward = np.array([-run[1], run[0]])
    t = np.linspace(_ENDS, 1 - _ENDS, _COLUMNS)
    middle = a + (b - a) * 0.5 + inward * float(np.mean(reach))
    probe = project(homography, np.array([middle, middle + 0.01 * inward]))
    scale = float(np.linalg.norm(probe[1] - probe[0])) / 0.01
    count = int(np.clip((reach[1] - reach[0]) * scale / 0.6, 48, 260))
    depth = np.linspace(reach[0], reach[1], count)
    grid = (a + t[:, None] * (b - a))[:, None, :] + depth[None, :, None] * inward
    at = project(homography, grid.reshape(-1, 2)).reshape(_COLUMNS, count, 2)
    values = cv2.remap(
        picture,
        at[..., 0].astype(np.float32),
        at[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float64)
    height_px, width_px = picture.shape[:2]
    outside = (at[..., 0] < 0) | (at[..., 0] > width_px - 1)
    outside |= (at[..., 1] < 0) | (at[..., 1] > height_px - 1)
    values[outside] = np.nan
    segments = _COLUMNS // _PER_SEGMENT
    shape = (segments, _PER_SEGMENT, count)
    logs = np.log(values.reshape(*shape, 3).mean(axis=1) + FLOOR)
    features = np.stack(
        [logs[..., 2] - logs[..., 1], logs[..., 0] - logs[..., 1], logs.mean(axis=-1)], axis=-1
    )
    pixels = at.reshape(*shape, 2).mean(axis=1)
    step = np.linalg.norm(pixels[:, -1] - pixels[:, 0], axis=-1) / (count - 1)
    return Strip(side, t.reshape(segments, -1).mean(axis=1), depth, pixels, features, step)


def metres_per_pixel(homography: Array, size: tuple[float, float], side: int) -> float:
    """How far one picture pixel is across the middle of a rail."""
    width, length = size
    middle, inward = [
        ((width / 2, 0.0), (0.0, 1.0)),
        ((width, length / 2), (-1.0, 0.0)),
        ((width / 2, length), (0.0, -1.0)),
        ((0.0, length / 2), (1.0, 0.0)),
    ][side]
    a = np.array(middle)
    at = project(homography, np.array([a, a + 0.01 * np.array(inward)]))
    return 0.01 / max(float(np.linalg.norm(at[1] - at[0])), 1e-6)


def project(homography: Array, points: Array) -> Array:
    """Points (n, 2) through a homography."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return mapped[:, :2] / mapped[:, 2:]


def depth_per_pixel(strip: Strip) -> float:
    """Metres of depth that one picture pixel covers."""
    return float((strip.depth[1] - strip.depth[0]) / max(float(np.median(strip.pixel_step)), 1e-6))


def derivative(strip: Strip, sigma_px: float = 1.3) -> Array:
    """Change of each feature per unit of smoothing along the depth, (S, D, 3), inwards positive."""
    return np.stack([_slope(strip.logs[..., k], strip, sigma_px) for k in range(3)], axis=-1)


def _slope(values: Array, strip: Strip, sigma_px: float) -> Array:
    """Smoothed derivative of (S, D) values along the depth: the step over a blurred edge."""
    step = max(float(np.median(strip.pixel_step)), 1e-3)
    sigma = max(sigma_px / step, 1.0)
    radius = max(2, int(np.ceil(3 * sigma)))
    x = np.arange(-radius, radius + 1)
    kernel = x * np.exp(-0.5 * (x / sigma) ** 2)
    kernel = kernel / (np.abs(kernel).sum() / 2)
    out = cv2.filter2D(values, cv2.CV_64F, kernel[None, :], borderType=cv2.BORDER_REPLICATE)
    return np.asarray(out, dtype=np.float64)


def unlike_cloth(logs: Array, bed: Array) -> Array:
    """How unlike the bed's cloth each sample is, whatever light falls on it.

    Args:
        logs: (..., 3) features of samples.
        bed: (3,) features of the bed.

    Returns:
        (...) distance in log chroma from cloth of the same lightness, about 1 for a grey thing on
        coloured cloth.  Less light also compresses the logarithms towards grey, because of the
        constant added before them, and clips.
    """
    colour = _bgr(bed)
    shades = np.geomspace(0.01, 2.0, 80)
    levels = np.log(np.minimum(shades[:, None] * colour, 255.0) + FLOOR)
    light = levels.mean(axis=1) + 1e-6 * np.arange(len(levels))
    at = logs[..., 2]
    u = np.interp(at, light, levels[:, 2] - levels[:, 1])
    v = np.interp(at, light, levels[:, 0] - levels[:, 1])
    # Shadowed cloth is also more saturated in a camera's picture, never less: along the colour's
    # own direction darker samples may lie further out.
    darker = np.clip((bed[2] - at) / 0.5, 0.0, 1.0)
    along = (logs[..., 0] * u + logs[..., 1] * v) / np.maximum(u * u + v * v, 0.01)
    along = np.clip(along, 1.0, 1.0 + 1.5 * darker)
    # A grey cloth is told from grey rails by its lightness only.
    colourful = min(float(np.hypot(bed[0], bed[1])), 0.8) / 0.8
    weight = 0.5 * (1 - colourful) + 0.06 * colourful
    chroma = np.hypot(logs[..., 0] - along * u, logs[..., 1] - along * v)
    distance = np.hypot(chroma, weight * (at - bed[2]))
    distance = distance / float(np.clip(np.hypot(bed[0], bed[1]), 0.5, 3.0))
    # Black has no colour to be told by, but no shadow on cloth is as deep.
    black = np.clip((_DEEPEST_SHADOW - np.interp(at, light, shades)) / 0.1, 0.0, 1.0)
    return np.asarray(np.maximum(distance, 0.8 * black))


def _bgr(features: Array) -> Array:
    """The colour that has these features, (3,)."""
    green = features[2] - (features[0] + features[1]) / 3.0
    logs = np.array([green + features[1], green, green + features[0]])
    return np.maximum(np.exp(logs) - FLOOR, 0.5)


def find_cloth_ends(strip: Strip, bed: Array, spread: float, limit: int = 3) -> list[Edge]:
    """Lines where the cloth may end at the rail's top, strongest first.

    Args:
        strip: sampled from outside the cloth to inside.
        bed: (3,) the bed's log features.
        spread: how far from depth 0 the edge may well be, metres.
        limit: how many lines are wanted at most.
    """
    unlike = unlike_cloth(strip.logs, bed)
    pixel = depth_per_pixel(strip)
    guard = max(0.005, 1.5 * pixel)
    outside = _beyond(unlike, strip, guard, max(0.030, 3.0 * pixel))
    inside = _mean_within(unlike, strip, guard, max(0.020, 2.0 * pixel))
    fall = np.clip(-_slope(unlike, strip, 1.6), 0.0, None)
    strength = fall * np.clip(outside - inside, 0.0, 0.8) * np.exp(-((inside / 0.6) ** 2))
    strength *= np.exp(-0.5 * (strip.depth / spread) ** 2)[None, :]
    found: list[Edge] = []
    for _ in range(limit):
        edge = _trace(strip, strength)
        if edge is None:
            break
        found.append(edge)
        middle = float(np.median(edge.depth))
        strength[:, np.abs(strip.depth - middle) < max(0.012, 6.0 * pixel)] = 0.0
    return found


def _beyond(values: Array, strip: Strip, guard: float, reach: float) -> Array:
    """Least of the values from ``guard`` to ``guard + reach`` metres outside each sample.

    The least: a rail's top is unlike the bed all over, a shadow line only for a little way.
    """
    spacing = float(strip.depth[1] - strip.depth[0])
    lag, span = max(1, round(guard / spacing)), max(1, round(reach / spacing))
    smooth = cv2.blur(np.nan_to_num(values, nan=0.0), (3, 3))
    # The window's last column is its anchor: each sample gets the least of those before it.
    kernel = np.ones((1, span), np.uint8)
    least = cv2.erode(smooth, kernel, anchor=(span - 1, 0), borderType=cv2.BORDER_REPLICATE)
    return np.hstack([np.repeat(least[:, :1], lag, axis=1), least[:, :-lag]])


def _mean_within(values: Array, strip: Strip, guard: float, reach: float) -> Array:
    """Mean of the values from ``guard`` to ``guard + reach`` metres inside each sample."""
    spacing = float(strip.depth[1] - strip.depth[0])
    lag, span = max(1, round(guard / spacing)), max(1, round(reach / spacing))
    padded = np.pad(np.nan_to_num(values, nan=0.0), ((0, 0), (0, lag + span)), mode="edge")
    total = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    count = values.shape[1]
    return (total[:, lag + span : lag + span + count] - total[:, lag : lag + count]) / span


def nose_strength(strip: Strip) -> Array:
    """How much each sample looks like the nose's edge, (S, D): darker inwards counts more."""
    return _nose_like(derivative(strip, 1.3)[..., 2])


def _nose_like(slope: Array) -> Array:
    return np.asarray(np.where(slope < 0, -slope, 0.6 * slope))


def find_nose(strip: Strip, near: Array, tolerance: float) -> Edge | None:
    """The nose's edge close to an expected depth.

    Args:
        strip: sampled across the cushion.
        near: (S,) expected depth along the rail, metres.
        tolerance: metres.
    """
    slope = derivative(strip, 1.3)[..., 2]
    strength = _nose_like(slope)
    strength = strength * np.exp(-0.5 * ((strip.depth[None, :] - near[:, None]) / tolerance) ** 2)
    light = _light_slope(strip)
    return _trace(strip, strength, np.where(slope * light > 0, np.abs(light), 0.0))


def _light_slope(strip: Strip) -> Array:
    """Slope of the light itself, (S, D), inwards positive.

    Lenses blur light, not its logarithm: in that an edge's steepest place lies where the blur's
    dark tail ends, up to a millimetre too far in the dark.
    """
    coded = np.exp(strip.logs[..., 2]) - FLOOR
    light = (np.maximum(coded, 0.0) / 255.0) ** _GAMMA
    return _slope(light, strip, _FINE_PX)


def _trace(strip: Strip, strength: Array, fine: Array | None = None) -> Edge | None:
    """Follow the strongest smooth path of ``strength`` (S, D) and locate it below the sample.

    Where ``fine`` (S, D) is given, the path is moved, as a whole, towards its nearest peaks.
    """
    strength = np.nan_to_num(strength, nan=0.0)
    segments, count = strength.shape
    noise = float(np.median(strength)) + 1e-4
    capped = np.minimum(strength, np.quantile(strength, 0.98) + 1e-9)
    span = max(2, int(1.5 / max(float(np.median(strip.pixel_step)), 0.05)))
    path = _best_path(capped, span)
    rows = np.arange(segments)
    at = np.clip(path, 1, count - 2)
    b = strength[rows, at]
    place = _peak(strength, at)
    if fine is not None:
        place = place + _common_shift(_nearest_peak(fine, at, strip) - place, strip)
    depth = np.interp(place, np.arange(count), strip.depth)
    good = b > 3.0 * noise
    peak = float(np.quantile(b, 0.7))
    good &= b > 0.25 * peak
    if int(good.sum()) < 5:
        return None
    inlier, scatter = _smooth_inliers(strip.along, depth, good, strip)
    if int(inlier.sum()) < 5:
        return None
    low = np.floor(place).astype(int)
    part = (place - low)[:, None]
    pixels = strip.pixels[rows, low] * (1 - part) + strip.pixels[rows, low + 1] * part
    return Edge(
        strip.side,
        strip.along[inlier],
        depth[inlier],
        pixels[inlier],
        float(np.median(b[inlier])) / noise,
        float(inlier.mean()),
        scatter,
    )


def _peak(strength: Array, at: NDArray[np.intp]) -> Array:
    """Below the sample: the top of the parabola through each sample and its neighbours, (S,)."""
    rows = np.arange(len(strength))
    a, b, c = strength[rows, at - 1], strength[rows, at], strength[rows, at + 1]
    bend = a - 2 * b + c
    shift = np.where(np.abs(bend) > 1e-12, 0.5 * (a - c) / np.where(bend == 0, 1, bend), 0.0)
    return np.asarray(at + np.clip(shift, -0.5, 0.5))


def _nearest_peak(fine: Array, at: NDArray[np.intp], strip: Strip) -> Array:
    """The highest place of ``fine`` within a pixel of each sample, (S,)."""
    rows = np.arange(len(fine))
    reach = max(1, round(1.0 / max(float(np.median(strip.pixel_step)), 0.05)))
    near = np.clip(at[:, None] + np.arange(-reach, reach + 1), 1, fine.shape[1] - 2)
    best = near[rows, np.nan_to_num(fine)[rows[:, None], near].argmax(axis=1)]
    return _peak(fine, best)


def _common_shift(shifts: Array, strip: Strip) -> float:
    """What most of the shifts (S,) have in common, in samples; 0 where they do not agree."""
    pixel = 1.0 / max(float(np.median(strip.pixel_step)), 0.05)
    middle = float(np.median(shifts))
    agree = float(np.median(np.abs(shifts - middle))) < _AGREE_PX * pixel
    return float(np.clip(middle, -_MOST_PX * pixel, _MOST_PX * pixel)) if agree else 0.0


def _best_path(strength: Array, span: int) -> NDArray[np.intp]:
    """Viterbi: the path that gathers most strength, moving at most ``span`` samples a segment."""
    segments, count = strength.shape
    penalty = 0.15 * float(np.quantile(strength, 0.95))
    total = strength[0].copy()
    back = np.zeros((segments, count), np.intp)
    moves = np.arange(-span, span + 1)
    for s in range(1, segments):
        options = np.full((len(moves), count), -np.inf)
        for k, move in enumerate(moves):
            cost = penalty * (move / max(span, 1)) ** 2
            if move < 0:
                options[k, -move:] = total[:move] - cost
            elif move > 0:
                options[k, :-move] = total[move:] - cost
            else:
                options[k] = total
        choice = options.argmax(axis=0)
        back[s] = np.clip(np.arange(count) + moves[choice], 0, count - 1)
        total = options[choice, np.arange(count)] + strength[s]
    path = np.empty(segments, np.intp)
    path[-1] = int(total.argmax())
    for s in range(segments - 1, 0, -1):
        path[s - 1] = back[s, path[s]]
    return path


def _smooth_inliers(
    along: Array, depth: Array, good: NDArray[np.bool_], strip: Strip
) -> tuple[NDArray[np.bool_], float]:
    """Segments that agree with a robust quadratic along the rail, and their scatter in pixels."""
    pixel = (strip.depth[1] - strip.depth[0]) / max(float(np.median(strip.pixel_step)), 1e-6)
    keep = good.copy()
    for reach in (4.0, 2.0, 1.5):
        if int(keep.sum()) < 5:
            return np.zeros_like(good), 0.0
        weight = keep.astype(float)
        for _ in range(6):
            fit = np.polynomial.Polynomial.fit(along, depth, 2, w=np.sqrt(weight) + 1e-9)
            off = np.abs(depth - fit(along)) / pixel
            weight = keep / (1.0 + (off / 1.0) ** 2)
        keep = good & (off < reach)
    scatter = float(np.sqrt(np.mean(off[keep] ** 2))) if keep.any() else 0.0
    return keep, scatter
