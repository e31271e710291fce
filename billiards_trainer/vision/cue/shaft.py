"""The shaft to a fraction of a pixel: both edges, measured along their whole visible length.

A ribbon from the Hough plane is first straightened with the edge pixels that made it, then measured
at full resolution: profiles across the shaft give each edge's place; two straight lines, each
fitted robustly, give axis and taper.  A bridge hand, a sleeve or a ball hides stretches of either
edge; they are simply not seen.  All geometry is in *ideal* pixels, freed of lens distortion, in
which a straight shaft is straight.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.vision.cue.ribbon import Ribbon
from billiards_trainer.vision.detection.arrays import Array, Mask, Single
from billiards_trainer.vision.detection.view import View
from billiards_trainer.vision.detection.working import Working

STATIONS = 150
ACROSS_STEP = 0.5
SEARCH_PX = 2.5
"""An edge is looked for within so many pixels of where it is expected."""
WEAK = 0.08
"""Edge strength, in shares of the cloth's light, that counts half."""
BARE = 60
"""An axis whose pixels are less unlike cloth than this lies on bare cloth."""
GAP_M = 0.30
"""A bridge hand hides no longer stretch of the shaft than this."""


@dataclass(frozen=True, slots=True)
class Shaft:
    """A measured shaft, in ideal pixels.

    A point at ``s`` pixels along it lies at ``origin + s·direction``; the edges lie ``left[0] +
    left[1]·s`` and ``right[0] + right[1]·s`` to the side (along ``across``).  ``stations`` are the
    places measured, ``seen`` where both edges lie on the fit, ``start`` and ``end`` the ends of the
    visible shaft.  ``angle_std`` is the standard deviation of the axis' direction in radians.
    """

    origin: Array
    direction: Array
    across: Array
    left: tuple[float, float]
    right: tuple[float, float]
    stations: Array
    seen: NDArray[np.bool_]
    start: float
    end: float
    angle_std: float
    scatter: float

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


def ideal(camera: CameraModel, pixels: Array) -> Array:
    """Pixels freed of lens distortion."""
    if not camera.is_distorted:
        return np.asarray(pixels, dtype=np.float64)
    rays = camera.rays(pixels) @ camera.rotation_matrix.T
    return np.asarray(
        rays[..., :2] / rays[..., 2:] * np.array(camera.focal) + np.array(camera.centre)
    )


def real(camera: CameraModel, points: Array) -> Array:
    """Ideal pixels as the lens shows them."""
    if not camera.is_distorted:
        return np.asarray(points, dtype=np.float64)
    normal = (points - np.array(camera.centre)) / np.array(camera.focal)
    local = np.concatenate([normal, np.ones((*normal.shape[:-1], 1))], axis=-1)
    world = (local - np.array(camera.translation)) @ camera.rotation_matrix
    return camera.to_pixels(world)


def measure(working: Working, ribbon: Ribbon) -> Shaft | None:
    """Measure the shaft of a ribbon; ``None`` when its edges do not hold up at full resolution."""
    camera = working.view.camera
    start = _straighten(working, ribbon)
    if start is None:
        return None
    origin, direction, half = start
    across = np.array([-direction[1], direction[0]])
    stations = _stations(origin, direction, working.view)
    if len(stations) < 20:
        return None
    points = origin + stations[:, None] * direction
    shift = real(camera, points) - points
    reach = half * 1.6 + SEARCH_PX + 3
    side = np.arange(-reach, reach + ACROSS_STEP / 2, ACROSS_STEP)
    strength = _profiles(working, points + shift, across, side)
    fits: list[tuple[float, float]] = []
    for sign in (-1.0, 1.0):
        fits.append((sign * half, 0.0))
    weights = [np.zeros(len(stations)), np.zeros(len(stations))]
    residuals = [np.zeros(len(stations)), np.zeros(len(stations))]
    for search in (SEARCH_PX + 1.0, SEARCH_PX, SEARCH_PX):
        for k in (0, 1):
            expected = fits[k][0] + fits[k][1] * stations
            place, peak = _edge_near(strength, side, expected, search)
            fits[k], weights[k], residuals[k] = _line(stations, place, peak, fits[k])
    left, right = fits
    if left[0] > right[0]:
        left, right = right, left
    # A shaft bends a little, and its taper is not quite straight.
    bend = max(1.2, 0.2 * 2 * half)
    seen = (weights[0] > 0.1) & (weights[1] > 0.1)
    seen &= (np.abs(residuals[0]) < bend) & (np.abs(residuals[1]) < bend)
    middle = (left[0] + right[0] + (left[1] + right[1]) * stations) / 2
    bare = unlike_at(working, points + shift + middle[:, None] * across) < BARE
    seen &= ~bare
    scale = working.view.mean_radius * working.view.shrink / working.view.table.balls.radius
    run = _longest_run(stations, seen, bare, GAP_M * scale)
    if run is None:
        return None
    first, last = run
    seen &= (stations >= first) & (stations <= last)
    count = int(seen.sum())
    scatter = float(
        np.sqrt(np.mean(np.concatenate([residuals[0][seen] ** 2, residuals[1][seen] ** 2])))
    )
    spread = float(np.std(stations[seen])) * np.sqrt(2 * count)
    # Neighbouring stations see the same pixels: about every third is independent.
    angle_std = np.sqrt(3.0) * max(scatter, 0.1) / max(spread, 1.0)
    return Shaft(
        origin, direction, across, left, right, stations, seen, first, last, angle_std, scatter
    )


def _straighten(working: Working, ribbon: Ribbon) -> tuple[Array, Array, float] | None:
    """Axis and half width from the edge pixels of a ribbon: full-resolution ideal pixels."""
    view, found = working.view, working.edges
    normal = np.array(ribbon.normal)
    across = found.dx * normal[0] + found.dy * normal[1]
    distance = found.column * normal[0] + found.row * normal[1] - ribbon.offset
    near = np.abs(distance) < 1.5 * ribbon.half_width + 4
    near &= (np.abs(across) > 0.95) & (view.shaft[found.row, found.column] > 0)
    chosen = np.flatnonzero(near)
    if len(chosen) < 12:
        return None
    working_px = np.column_stack([found.column[chosen], found.row[chosen]]).astype(np.float64)
    pixels = ideal(view.camera, view.to_full(working_px))
    # The side is told by the gradient: opposite on the two edges; which is which by the place.
    side = np.sign(across[chosen])
    if float((side * distance[chosen]).sum()) < 0:
        side = -side
    middle = pixels.mean(axis=0)
    tangent = np.array([-normal[1], normal[0]])
    along = (pixels - middle) @ tangent
    out = (pixels - middle) @ normal
    design = np.column_stack([np.ones(len(out)), along, side])
    start = ideal(view.camera, view.to_full((normal * ribbon.offset)[None]))[0]
    solution = np.array([(start - middle) @ normal, 0.0, ribbon.half_width * view.shrink])
    for scale in (3.0, 2.0, 1.2, 0.8):
        residual = out - design @ solution
        weight = np.clip(1 - (residual / (2.5 * scale * view.shrink)) ** 2, 0, None) ** 2
        if np.count_nonzero(weight) < 10:
            return None
        information = design.T @ (weight[:, None] * design) + np.diag([1e-6, 1e-6, 1e-6])
        solution = np.linalg.solve(information, design.T @ (weight * out))
    direction = tangent + solution[1] * normal
    direction /= np.linalg.norm(direction)
    origin = middle + solution[0] * normal
    half = abs(float(solution[2]))
    return (origin, direction, half) if half > 0.3 else None


def _stations(origin: Array, direction: Array, view: View) -> Array:
    """Places along the line over the table, pixels from the origin, at most ``STATIONS``."""
    camera = view.camera
    low, high = -np.inf, np.inf
    margin = 30
    for k, first, size, whole in (
        (0, view.left, view.width, camera.width),
        (1, view.top, view.height, camera.height),
    ):
        # Farther out than a little beyond the playing area nothing is gained but clutter.
        least = max(2, first - margin)
        most = min(whole - 3, first + size * view.shrink + margin)
        if abs(direction[k]) > 1e-9:
            ends = sorted(((least - origin[k]) / direction[k], (most - origin[k]) / direction[k]))
            low, high = max(low, ends[0]), min(high, ends[1])
    if high - low < 20:
        return np.empty(0)
    step = max(2.0, (high - low) / STATIONS)
    return np.asarray(np.arange(low, high, step))


def _profiles(working: Working, points: Array, across: Array, side: Array) -> Single:
    """Edge strength on profiles across the line, (stations, offsets)."""
    at = (points[:, None, :] + side[None, :, None] * across).astype(np.float32)
    colours = cv2.remap(
        working.picture,
        np.ascontiguousarray(at[:, :, 0]),
        np.ascontiguousarray(at[:, :, 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    light = np.array(working.cloth.colour, dtype=np.float32) + 10
    scaled = colours / light
    out = np.zeros(colours.shape[:2], np.float32)
    out[:, 2:-2] = np.abs(scaled[:, 4:] - scaled[:, :-4]).max(axis=2)
    return out


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


def _line(
    stations: Array, place: Array, peak: Array, start: tuple[float, float]
) -> tuple[tuple[float, float], Array, Array]:
    """Robust straight line through edge places: coefficients, weights and residuals."""
    base = peak / (peak + WEAK)
    base[peak < WEAK / 2] = 0
    fit = np.array(start)
    weight = base
    for scale in (2.0, 1.2, 0.9, 0.9):
        residual = place - fit[0] - fit[1] * stations
        weight = base * np.clip(1 - (residual / (2.5 * scale)) ** 2, 0, None) ** 2
        total = weight.sum()
        if total < 1e-6:
            break
        ms = (weight * stations).sum() / total
        mp = (weight * place).sum() / total
        variance = (weight * (stations - ms) ** 2).sum() + 1e-6
        slope = (weight * (stations - ms) * (place - mp)).sum() / variance
        fit = np.array([mp - slope * ms, slope])
    residual = place - fit[0] - fit[1] * stations
    return (float(fit[0]), float(fit[1])), weight, residual


def unlike_at(working: Working, pixels: Array) -> Array:
    """How unlike cloth the picture is at pixels (N, 2); 255 outside the working image."""
    return values_at(working.view, working.unlike, pixels, 255)


def values_at(view: View, image: Mask, pixels: Array, outside: int) -> Array:
    """Values of a working image at full-resolution pixels (N, 2)."""
    at = np.rint(view.to_work(pixels)).astype(np.intp)
    inside = (at >= 0).all(axis=1) & (at < [view.width, view.height]).all(axis=1)
    out = np.full(len(at), float(outside))
    out[inside] = image[at[inside, 1], at[inside, 0]]
    return out


def _longest_run(
    stations: Array, seen: NDArray[np.bool_], bare: NDArray[np.bool_], gap: float
) -> tuple[float, float] | None:
    """Ends of the stretch with most seen stations.

    A hand may hide a gap of it; where the axis shows bare cloth the shaft has ended.  Lonely
    stations are chance.
    """
    dense = np.convolve(seen.astype(float), np.ones(5), mode="same") >= 3
    at = np.flatnonzero(seen & dense)
    if len(at) < 8:
        return None
    cloth_before = np.concatenate([[0], np.cumsum(bare)])
    cloth_between = cloth_before[at[1:]] - cloth_before[at[:-1]]
    breaks = np.flatnonzero((np.diff(stations[at]) > gap) | (cloth_between >= 3))
    best = max(np.split(at, breaks + 1), key=len)
    if len(best) < 8:
        return None
    return float(stations[best[0]]), float(stations[best[-1]])
