"""The shaft to a fraction of a pixel: both edges, measured along their whole visible length.

A line from the Hough plane is only about right.  The picture is cut out along it and straightened
to a strip: stations along, offsets across.  In the strip the shaft is a nearly upright bar; sliding
and shearing finds where pairs of edges line up best.  Then two straight lines, each fitted
robustly to sub-pixel places of an edge, give axis and taper.  A bridge hand, a sleeve or a ball
hides stretches of either edge; they are simply not seen.  All geometry is in *ideal* pixels, freed
of lens distortion, in which a straight shaft is straight.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.vision.cue.line import Line, pixels_per_metre, real, values_at
from billiards_trainer.vision.detection.arrays import Array, Single
from billiards_trainer.vision.detection.cloth import GREY
from billiards_trainer.vision.detection.working import Working

STATION_PX = 4.0
LENGTH_M = 1.1
"""So much of the shaft behind the ball that it addresses is looked at."""
NARROWEST_M, WIDEST_M = 0.0085, 0.032
"""No shaft is seen narrower or wider; the highlight along a glossy dark one is narrower."""
NARROWER = 0.55
"""Edges nearer to each other than this share of the width are those of a projected line."""
REFINED_SLACK_PX = 3.0
ACROSS_STEP = 0.5
SEARCH_PX = 2.5
"""An edge is looked for within so many pixels of where it is expected."""
WEAK = 0.08
"""Edge strength, in shares of the cloth's light, that counts half."""
BARE = 60
"""An axis whose pixels are less unlike cloth than this lies on bare cloth."""
GAP_M = 0.30
"""A bridge hand hides no longer stretch of the shaft than this."""
TAPER = 0.006
"""Half width that a cue gains for each unit of its length, from tip to butt."""
RUN = 3
"""Shaft is seen where at least so many of five neighbouring stations see both edges."""

LEAST_SEEN, MOST_BARE = 6, 3
"""Stations that make a shaft, and stations of bare cloth that end it."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shaft:
    """A measured shaft, in ideal pixels.

    A point at ``s`` pixels along it lies at ``origin + s·direction``; the edges lie ``left[0] +
    left[1]·s`` and ``right[0] + right[1]·s`` to the side (along ``across``).  ``stations`` are the
    places measured, ``seen`` where both edges lie on the fit, ``held``
    where one does, ``bare`` where the axis shows cloth,
    ``start`` and ``end`` the ends of the visible shaft; the tip is at ``end`` where ``aimed``.
    ``angle_std`` is the standard deviation of the axis' direction in radians, ``scatter`` that of
    the edges in pixels; ``contrast`` the weight of the seen edges, 0…1.
    """

    origin: Array
    direction: Array
    across: Array
    left: tuple[float, float]
    right: tuple[float, float]
    stations: Array
    seen: Flags
    held: Flags
    bare: Flags
    start: float
    end: float
    aimed: bool
    angle_std: float
    scatter: float
    contrast: float

    def axis(self, s: float) -> Array:
        """Point of the axis, ideal pixels."""
        side = (self.left[0] + self.right[0] + (self.left[1] + self.right[1]) * s) / 2
        return np.asarray(self.origin + s * self.direction + side * self.across)

    def axes(self, s: Array) -> Array:
        """Points of the axis at places (N,), ideal pixels, (N, 2)."""
        side = (self.left[0] + self.right[0] + (self.left[1] + self.right[1]) * s) / 2
        return np.asarray(self.origin + s[:, None] * self.direction + side[:, None] * self.across)

    def width(self, s: float) -> float:
        """Distance between the edges, pixels."""
        return self.right[0] - self.left[0] + (self.right[1] - self.left[1]) * s

    @property
    def axis_direction(self) -> Array:
        """Unit vector of the axis, ideal pixels."""
        d = self.direction + (self.left[1] + self.right[1]) / 2 * self.across
        return np.asarray(d / np.linalg.norm(d))


def measure(working: Working, line: Line) -> Shaft | None:
    """Measure the shaft along a line; ``None`` when its edges do not hold up.

    Twice: what else lies on the line, a projected line of aim for instance, is left out once the
    shaft's ends are about known.
    """
    first = _measure(working, line, _stations(working, line))
    if first is None:
        return None
    gap = GAP_M * pixels_per_metre(working.view)
    near = (first.stations > first.start - gap) & (first.stations < first.end + gap)
    if near.all():
        return first
    axis = Line(first.axis(0.0), first.axis_direction, line.ahead, line.prior, REFINED_SLACK_PX)
    return _measure(working, axis, first.stations[near]) or first


def _measure(working: Working, line: Line, stations: Array) -> Shaft | None:
    camera = working.view.camera
    across = np.array([-line.direction[1], line.direction[0]])
    if len(stations) < 16:
        return None
    points = line.origin + stations[:, None] * line.direction
    shift = real(camera, points) - points
    scale = pixels_per_metre(working.view)
    reach = WIDEST_M / 2 * scale + line.slack_px + SEARCH_PX + 2
    side = np.arange(-reach, reach + ACROSS_STEP / 2, ACROSS_STEP)
    rising, falling = _profiles(working, points + shift, across, side)
    started = _align(rising, falling, stations, side, line, scale)
    dark = _align(falling, rising, stations, side, line, scale)
    if dark.score > started.score:
        rising, falling, started = falling, rising, dark
    taper = 0.0 if line.ahead is None else TAPER
    fit = _fit(rising, falling, stations, side, started, taper)
    (offset, slope, half, widening), weights, residuals = fit
    left, right = (offset - half, slope - widening), (offset + half, slope + widening)
    # A shaft bends a little, and its taper is not quite straight.
    bend = max(1.2, 0.4 * started.half_width)
    on_line = (weights > 0.1) & (np.abs(residuals) < bend)
    seen, held = on_line[0] & on_line[1], on_line[0] | on_line[1]
    on_axis = points + shift + (offset + slope * stations)[:, None] * across
    bare: Flags = unlike_at(working, on_axis) < BARE
    seen = seen & ~bare
    run = _extent(stations, seen, bare, GAP_M * scale)
    if run is None:
        return None
    first, last = run
    if line.ahead is not None:
        last = _until_cloth(stations, bare, last, GAP_M * scale)
    seen = seen & (stations >= first) & (stations <= last)
    scatter = float(np.sqrt(np.mean(residuals[:, seen] ** 2)))
    spread = float(np.std(stations[seen])) * np.sqrt(2 * int(seen.sum()))
    # Neighbouring stations see the same pixels: about every third is independent.
    angle_std = np.sqrt(3.0) * max(scatter, 0.1) / max(spread, 1.0)
    return Shaft(
        line.origin, line.direction, across, left, right, stations, seen, held, bare, first, last,
        line.ahead is not None, angle_std, scatter, float(weights[:, seen].mean()),
    )  # fmt: skip


def _stations(working: Working, line: Line) -> Array:
    """Places along the line within the picture, pixels from its origin."""
    camera = working.view.camera
    low, high = -np.inf, np.inf
    if line.ahead is not None:
        low, high = line.ahead - LENGTH_M * pixels_per_metre(working.view), line.ahead
    for k, size in ((0, camera.width), (1, camera.height)):
        if abs(line.direction[k]) > 1e-9:
            ends = sorted((v - line.origin[k]) / line.direction[k] for v in (2.0, size - 3.0))
            low, high = max(low, ends[0]), min(high, ends[1])
    if not high - low > 20:
        return np.empty(0)
    return np.asarray(np.arange(low, high, STATION_PX))


def _profiles(working: Working, points: Array, across: Array, side: Array) -> tuple[Single, Single]:
    """How much brighter and how much darker it gets across the line, (stations, offsets) each.

    In shares of the cloth's light, and in that channel in which it changes most.
    """
    at = (points[:, None, :] + side[None, :, None] * across).astype(np.float32)
    colours = cv2.remap(
        working.picture,
        np.ascontiguousarray(at[:, :, 0]),
        np.ascontiguousarray(at[:, :, 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    rising, falling = (np.zeros(colours.shape[:2], np.float32) for _ in range(2))
    for channel, light in zip(cv2.split(colours), working.cloth.colour, strict=True):
        scaled = channel.astype(np.float32) / np.float32(light + 10)
        change = scaled[:, 4:] - scaled[:, :-4]
        np.maximum(rising[:, 2:-2], change, out=rising[:, 2:-2])
        np.maximum(falling[:, 2:-2], -change, out=falling[:, 2:-2])
    return rising, falling


@dataclass(frozen=True, slots=True)
class _Bar:
    """Where a bar lies in the strip: offset at the origin, slope, half width; pixels."""

    offset: float
    slope: float
    half_width: float
    score: float


def _align(
    left: Single, right: Single, stations: Array, side: Array, line: Line, scale: float
) -> _Bar:
    """Slide and shear until pairs of edges line up best."""
    thin = 4
    rows = len(stations) // thin
    columns = len(side) // 2
    coarse = [
        np.minimum(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), 4 * WEAK)
        for image in (left, right)
    ]
    step = 2 * ACROSS_STEP
    pair = np.zeros_like(coarse[0])
    widths = range(max(2, round(NARROWEST_M * scale / step)), round(WIDEST_M * scale / step) + 1)
    for width in widths:
        near, far = width // 2, width - width // 2
        if width >= columns:
            break
        both = np.minimum(coarse[0][:, : columns - width], coarse[1][:, width:])
        part = pair[:, near : columns - far]
        np.maximum(part, both, out=part)
    along = stations[: rows * thin].reshape(rows, thin).mean(axis=1)
    pivot = line.ahead if line.ahead is not None else float(along.mean())
    farthest = float(np.abs(along - pivot).max())
    most = max(line.slack_px, step) / farthest
    slopes = np.linspace(-most, most, 2 * max(1, round(most * farthest / step)) + 1)
    shift = np.rint(slopes[:, None] * (along - pivot) / step).astype(np.intp)
    place = np.arange(columns)[None, None, :] + shift[:, :, None]
    np.clip(place, 0, columns - 1, out=place)
    score = pair[np.arange(rows)[None, :, None], place].sum(axis=1)
    i, j = divmod(int(score.argmax()), columns)
    slope = float(slopes[i])
    offset = float(side[0]) + ACROSS_STEP / 2 + j * step - slope * pivot
    half = _half_width(coarse[0], coarse[1], place[i, :, j], widths) * step
    return _Bar(offset, slope, half, float(score[i, j]))


def _half_width(left: Single, right: Single, middle: NDArray[np.intp], widths: range) -> float:
    """Half the width, offsets, at which both edges of a bar are strongest."""
    rows, last = np.arange(len(middle)), left.shape[1] - 1
    scores = [
        float(
            np.minimum(
                left[rows, np.clip(middle - width // 2, 0, last)],
                right[rows, np.clip(middle + width - width // 2, 0, last)],
            ).sum()
        )
        for width in widths
    ]
    return widths[int(np.argmax(scores))] / 2


def _fit(
    left: Single,
    right: Single,
    stations: Array,
    side: Array,
    bar: _Bar,
    taper: float,
) -> tuple[Array, Array, Array]:
    """Axis and half width along the bar, robustly, from sub-pixel places of both edges.

    Returns:
        offset, slope, half width and its growth along the bar, (4,); weights and residuals of both
        edges' places, (2, stations).
    """
    one = np.ones(len(stations))
    # Edges lie at offset + slope·s ± (half + growth·s).
    design = np.stack(
        [np.column_stack([one, stations, k * one, k * stations]) for k in (-1.0, 1.0)]
    )
    middle = float(stations.mean())
    solution = np.array([bar.offset, bar.slope, bar.half_width + taper * middle, -taper])
    # Half width and taper are about known: so that one edge helps where the other is hidden.
    doubt = np.array([100.0, 0.5, 0.3 * bar.half_width + 0.5, 0.008])
    known = np.diag(1 / doubt**2)
    aim = solution.copy()
    weights, residuals = np.zeros((2, len(stations))), np.zeros((2, len(stations)))
    for search, scale in ((SEARCH_PX + 0.5, 1.6), (SEARCH_PX, 1.0), (SEARCH_PX, 0.9)):
        places, bases = [], []
        for k, image in enumerate((left, right)):
            place, peak = _edge_near(image, side, design[k] @ solution, search)
            base = peak / (peak + WEAK)
            base[peak < WEAK / 2] = 0
            places.append(place)
            bases.append(base)
        expected = 2 * (solution[2] + solution[3] * stations)
        wide = places[1] - places[0] > NARROWER * expected
        for _ in range(3):
            for k in (0, 1):
                residuals[k] = places[k] - design[k] @ solution
                close = np.clip(1 - (residuals[k] / (2.5 * scale)) ** 2, 0, None) ** 2
                weights[k] = bases[k] * close * wide
            information, moment = known.copy(), known @ aim
            for k in (0, 1):
                weighted = design[k].T * weights[k]
                information += weighted @ design[k]
                moment += weighted @ places[k]
            solution = np.linalg.solve(information, moment)
    return solution, weights, residuals


def _edge_near(
    strength: Single, side: Array, expected: Array, search: float
) -> tuple[Array, Array]:
    """Strongest edge near the expected place of each profile: place and strength."""
    reach = max(1, round(search / ACROSS_STEP))
    centre = np.rint((expected - side[0]) / ACROSS_STEP).astype(np.intp)
    valid = (centre > 1) & (centre < len(side) - 2)
    centre = np.clip(centre, reach + 1, len(side) - reach - 2)
    window = centre[:, None] + np.arange(-reach, reach + 1)
    near = np.take_along_axis(strength, window, axis=1)
    top = near.argmax(axis=1) + centre - reach
    rows = np.arange(len(strength))
    before, at, after = (strength[rows, top + k].astype(np.float64) for k in (-1, 0, 1))
    bend = before - 2 * at + after
    part = np.where(bend < -1e-9, 0.5 * (before - after) / np.where(bend == 0, 1, bend), 0.0)
    place = side[0] + ACROSS_STEP * (top + np.clip(part, -0.5, 0.5))
    return place, np.where(valid, at, 0.0)


def unlike_at(working: Working, pixels: Array) -> Array:
    """How unlike cloth the picture is at pixels (N, 2); 255 outside the playing area."""
    view = working.view
    values = values_at(view, working.unlike, pixels, 255)
    values[values_at(view, view.cloth, pixels, 0) == 0] = 255
    return values


def lit_at(working: Working, pixels: Array) -> Flags:
    """Where the axis looks like cloth under more light: brighter alike in every channel."""
    ratio = values_at(working.view, working.divided, pixels, 0)
    low, high = ratio.min(axis=1), ratio.max(axis=1)
    inside = values_at(working.view, working.view.cloth, pixels, 0) > 0
    return np.asarray(inside & (low > 0.97 * GREY) & (high < 1.6 * low))


def _extent(stations: Array, seen: Flags, bare: Flags, gap: float) -> tuple[float, float] | None:
    """Ends of the shaft: the longest stretch that only a hand interrupts.

    Where the axis shows bare cloth the shaft has ended.  Lonely stations are chance.
    """
    dense = np.convolve(seen.astype(float), np.ones(5), mode="same") >= RUN
    at = np.flatnonzero(seen & dense)
    if len(at) < LEAST_SEEN:
        return None
    bare_before = np.cumsum(bare)
    breaks = np.flatnonzero((np.diff(stations[at]) > gap) | (np.diff(bare_before[at]) >= MOST_BARE))
    best = max(np.split(at, breaks + 1), key=len)
    if len(best) < LEAST_SEEN:
        return None
    return float(stations[best[0]]), float(stations[best[-1]])


def _until_cloth(stations: Array, bare: Flags, last: float, most: float) -> float:
    """The end of a shaft that a hand covers right up to its tip: where bare cloth begins."""
    ahead = np.flatnonzero((stations > last) & (stations < last + most))
    cloth = ahead[:-1][bare[ahead[:-1]] & bare[ahead[1:]]]
    return last if len(cloth) == 0 else max(last, float(stations[cloth[0] - 1]))
