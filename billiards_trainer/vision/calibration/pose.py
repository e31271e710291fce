"""Camera pose, focal length and one lens term from edges along the rails.

An edge point is worth its distance from the rail's line, measured on the plane on which that line
lies: noses at the cushion's height, never at the cloth's.  A camera that looks straight down
cannot tell its own height from its focal length; a prior on both, or a known height, then decides,
and mappings on the planes near the noses hardly depend on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration.first_pose import (
    ASPECT_SPREAD,
    FOCAL_SPREAD,
    TYPICAL_FOCAL,
)
from billiards_trainer.vision.calibration.rails import CUSHION_WIDTH

Array = NDArray[np.float64]

# Indices of the lens terms k1, k2, p1, p2 among the parameters, and how large they usually are.
_LENS = np.array([7, 11, 12, 13])
_LENS_SPREAD = np.array([0.10, 0.01, 6e-4, 6e-4])
_CUSHION_SPREAD = 0.008
# The cloth ends a little above the nose, where the rail's top begins, metres.
RAIL_RISE = 0.006
_RAIL_RISE_SPREAD = 0.003
_HEIGHT_SPREAD = 0.03
# Standard deviations from its rail's median beyond which a point is left out.
_OUTLIER = 30.0
# Lens above the cloth, metres: ceilings and broadcast cranes alike; the spread is in its logarithm.
_TYPICAL_HEIGHT = 2.3
_TYPICAL_HEIGHT_SPREAD = 0.45


@dataclass(frozen=True, slots=True)
class RailPoints:
    """Points on one rail's line.

    Attributes:
        side: 0…3.
        pixels: (n, 2).
        outer: whether they lie where the cloth ends, and not on the nose.
        sigma_px: error of each point by itself.
        bias: error that all of them share, metres: light and rubber decide where along its
            rounding a nose is seen, and rails' tops are not built to the millimetre.
    """

    side: int
    pixels: Array
    outer: bool
    sigma_px: float
    bias: float


@dataclass(frozen=True, slots=True)
class PoseFit:
    """What the fit found.

    Attributes:
        camera: the camera model.
        cushion_width: nose to cloth's end, metres.
        rail_rise: height of the cloth's end above the nose, metres.
        residual_px: root mean square of the nose points' distances, outliers left out.
        residual_mm: the same on the plane of the noses.
        cost: half the weighed square sum, priors included; compares hypotheses on the same points.
        oddness: square sum of the priors alone: how unusual camera and lens would be.
    """

    camera: CameraModel
    cushion_width: float
    rail_rise: float
    residual_px: float
    residual_mm: float
    cost: float
    oddness: float


def fit_pose(
    groups: list[RailPoints],
    table: Table,
    start: CameraModel,
    *,
    cushion_width: float = CUSHION_WIDTH,
    lens: bool = True,
    camera_height: float | None = None,
    focal_px: float | None = None,
    aspect_spread: float = ASPECT_SPREAD,
) -> PoseFit:
    """Least squares over pose, focal length, lens term and cushion width, robust to outliers.

    Args:
        groups: edge points by rail.
        table: its size and cushion height.
        start: where to begin.
        cushion_width: expected distance from nose to cloth's end, metres.
        lens: whether a radial term may be used if the edges ask for one.
        camera_height: height of the lens above the cloth in metres, where it is known.
        focal_px: focal length in pixels, where it is known.
        aspect_spread: how far pixels may be from square, relative.
    """
    problem = _Problem(groups, table, start, cushion_width, camera_height, focal_px, aspect_spread)
    begin = problem.start()
    straight = begin.copy()
    straight[_LENS] = 0.0
    straight = problem.solve(straight, lens=False)
    problem.drop_outliers(straight)
    straight = problem.solve(straight, lens=False)
    best = straight
    if lens:
        bent = straight.copy()
        bent[_LENS] = begin[_LENS]
        bent = problem.solve(bent, lens=True)
        # More parameters must earn their place.
        if problem.cost(bent) < problem.cost(straight) - 2.0:
            best = bent
    return problem.result(best)


class _Problem:
    """The residuals of one fit; parameters are those of ``start``."""

    def __init__(
        self,
        groups: list[RailPoints],
        table: Table,
        start: CameraModel,
        cushion_width: float,
        camera_height: float | None,
        focal_px: float | None,
        aspect_spread: float,
    ) -> None:
        self.table = table
        self.first = start
        self.cushion_width = cushion_width
        self.camera_height = camera_height
        self.focal_px = focal_px
        self.aspect_spread = aspect_spread
        # A point above the start's horizon is on no rail of it.
        seen = [
            g.pixels[np.isfinite(start.to_plane(g.pixels, table.cushion_height)).all(axis=1)]
            for g in groups
        ]
        groups = [g for g, pixels in zip(groups, seen, strict=True) if len(pixels)]
        seen = [pixels for pixels in seen if len(pixels)]
        self.pixels = np.concatenate(seen)
        counts = [len(pixels) for pixels in seen]
        self.side = np.repeat([g.side for g in groups], counts)
        self.outer = np.repeat([g.outer for g in groups], counts)
        self.sigma = np.repeat([g.sigma_px for g in groups], counts)
        at = start.to_plane(self.pixels, table.cushion_height)
        self.scale = np.array([start.pixels_per_metre(x, y, table.cushion_height) for x, y in at])
        self.group = np.repeat(np.arange(len(groups)), counts)
        self.ends = np.cumsum([0, *counts])
        # Points with errors of their own (s) and one in common (b) have the covariance
        # s²I + b²11ᵀ; it is whitened by taking this share of their mean away.
        self.weight = np.ones(len(self.group))
        self.bias = np.array([g.bias for g in groups])
        self._share()

    def _share(self) -> None:
        count = np.bincount(self.group, self.weight)
        scale = np.bincount(self.group, self.scale) / np.bincount(self.group)
        own = np.bincount(self.group, self.sigma) / np.bincount(self.group)
        self.count = np.maximum(count, 1.0)
        self.shared = 1.0 - own / np.sqrt(own**2 + self.count * (self.bias * scale) ** 2)

    def drop_outliers(self, p: Array) -> None:
        """Leave out points that lie far from most of their rail's."""
        off = self.offsets(p)[0] * self.scale / self.sigma
        pairs = zip(self.ends[:-1], self.ends[1:], strict=True)
        middle = np.array([np.median(off[a:b]) for a, b in pairs])
        self.weight = (np.abs(off - middle[self.group]) < _OUTLIER).astype(float)
        self._share()

    def start(self) -> Array:
        """Rotation (3), translation (3), log focal, k1, cushion width, log fy/fx, rail's rise, k2,
        p1, p2.
        """
        rotation, _ = cv2.Rodrigues(self.first.rotation_matrix)
        return np.array(
            [
                *np.asarray(rotation).ravel(),
                *self.first.translation,
                math.log(self.first.focal[0]),
                self.first.distortion[0],
                self.cushion_width,
                math.log(self.first.focal[1] / self.first.focal[0]),
                RAIL_RISE,
                *self.first.distortion[1:4],
            ]
        )

    def camera(self, p: Array) -> CameraModel:
        focal = math.exp(float(p[6]))
        return CameraModel.from_pose(
            p[:3],
            p[3:6],
            width=self.first.width,
            height=self.first.height,
            focal=(focal, focal * math.exp(float(p[9]))),
            centre=self.first.centre,
            distortion=(*(float(v) for v in p[_LENS]), 0.0),
        )

    def offsets(self, p: Array) -> tuple[Array, float]:
        """Signed distance outwards from each point's line, metres, and the camera's height.

        The mapping is ``CameraModel.to_plane`` without k3, written out for speed.
        """
        focal = np.array([1.0, math.exp(float(p[9]))]) * math.exp(float(p[6]))
        bent = (self.pixels - np.array(self.first.centre)) / focal
        straight = _undistorted(bent, p[_LENS]) if p[_LENS].any() else bent
        rotation = np.asarray(cv2.Rodrigues(p[:3])[0], dtype=np.float64)
        eye = -rotation.T @ p[3:6]
        ray = straight @ rotation[:2] + rotation[2]
        height = self.table.cushion_height + np.where(self.outer, p[10], 0.0)
        t = (height - eye[2]) / np.where(ray[:, 2] < -1e-9, ray[:, 2], -1e-9)
        x, y = eye[0] + t * ray[:, 0], eye[1] + t * ray[:, 1]
        w, length = self.table.width, self.table.length
        out = np.choose(self.side, [-y, x - w, y - length, -x])
        return np.clip(out - np.where(self.outer, p[8], 0.0), -9.0, 9.0), float(eye[2])

    def residuals(self, p: Array) -> Array:
        out, height = self.offsets(p)
        r = out * self.scale / self.sigma
        mean = np.bincount(self.group, r * self.weight) / self.count
        r = (r - (self.shared * mean)[self.group]) * self.weight
        soft = np.sign(r) * np.sqrt(2 * (np.sqrt(1 + r * r) - 1))
        return np.concatenate([soft, self.priors(p, height)])

    def priors(self, p: Array, height: float) -> Array:
        out = [
            *(p[_LENS] / _LENS_SPREAD),
            (p[8] - self.cushion_width) / _CUSHION_SPREAD,
            p[9] / self.aspect_spread,
            (p[10] - RAIL_RISE) / _RAIL_RISE_SPREAD,
        ]
        if self.focal_px is not None:
            out.append((p[6] - math.log(self.focal_px)) / 0.01)
        else:
            typical = TYPICAL_FOCAL * max(self.first.width, self.first.height)
            out.append((p[6] - math.log(typical)) / FOCAL_SPREAD)
        if self.camera_height is not None:
            out.append((height - self.camera_height) / _HEIGHT_SPREAD)
        else:
            out.append(math.log(max(height, 0.05) / _TYPICAL_HEIGHT) / _TYPICAL_HEIGHT_SPREAD)
        return np.array(out)

    def solve(self, p: Array, *, lens: bool) -> Array:
        free = np.array([0, 1, 2, 3, 4, 5, 6, 8, 9, 10, *(_LENS if lens else [])])

        def inner(q: Array) -> Array:
            full = p.copy()
            full[free] = q
            return self.residuals(full)

        begin = p[free]
        if lens:
            begin[-len(_LENS) :] += 1e-6
        answer = least_squares(inner, begin, method="lm", x_scale="jac", max_nfev=300)
        out = p.copy()
        out[free] = answer.x
        return out

    def cost(self, p: Array) -> float:
        return 0.5 * float(np.sum(self.residuals(p) ** 2))

    def result(self, p: Array) -> PoseFit:
        off, height = self.offsets(p)
        use = ~self.outer if np.any(~self.outer) else np.ones(len(off), bool)
        px = (off * self.scale)[use]
        limit = max(3.0 * float(np.median(np.abs(px))) * 1.4826, 0.5)
        kept = np.abs(px) < limit
        rms_px = float(np.sqrt(np.mean(px[kept] ** 2)))
        rms_mm = float(np.sqrt(np.mean((off[use][kept] * 1e3) ** 2)))
        odd = float(np.sum(self.priors(p, height) ** 2))
        return PoseFit(self.camera(p), float(p[8]), float(p[10]), rms_px, rms_mm, self.cost(p), odd)


def _undistorted(bent: Array, lens: Array) -> Array:
    """Invert Brown-Conrady with k1, k2, p1, p2 on normalised coordinates, (n, 2): fixed point."""
    k1, k2, p1, p2 = lens
    straight = bent
    for _ in range(8):
        x, y = straight.T
        r2 = x * x + y * y
        radial = np.maximum(1.0 + r2 * (k1 + r2 * k2), 0.2)
        shift = np.column_stack(
            [2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y]
        )
        straight = (bent - shift) / radial[:, None]
    return straight
