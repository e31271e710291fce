"""Camera pose, focal length and one lens term from edges along the rails.

An edge point is worth its distance from the rail's line, measured on the plane on which that line
lies: noses at the cushion's height, never at the cloth's.  A camera that looks straight down
cannot tell its own height from its focal length; a prior on the focal length, or a known height,
then decides, and mappings on the planes near the noses hardly depend on it.
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
from billiards_trainer.vision.calibration.rails import CUSHION_WIDTH

Array = NDArray[np.float64]

# Focal length in picture widths: webcams and ceiling cameras 0.6-1.1, broadcast lenses up to 4.
_TYPICAL_FOCAL = 0.95
_FOCAL_SPREAD = 0.55
_LENS_SPREAD = 0.12
_INDEPENDENT = 6.0
_CUSHION_SPREAD = 0.008
_HEIGHT_SPREAD = 0.03
# Lens above the cloth, metres: ceilings and broadcast cranes alike; the spread is in its logarithm.
_TYPICAL_HEIGHT = 2.3
_TYPICAL_HEIGHT_SPREAD = 0.45


@dataclass(frozen=True, slots=True)
class RailPoints:
    """Pixels on one rail's line: the nose (``outer`` false) or the cloth's end (true)."""

    side: int
    pixels: Array
    outer: bool
    sigma_px: float


@dataclass(frozen=True, slots=True)
class PoseFit:
    """What the fit found.

    Attributes:
        camera: the camera model.
        cushion_width: nose to cloth's end, metres.
        residual_px: root mean square of the nose points' distances, outliers weighed down.
        residual_mm: the same on the plane of the noses.
        cost: half the weighed square sum, priors included; compares hypotheses on the same points.
        oddness: square sum of the priors alone: how unusual camera and lens would be.
    """

    camera: CameraModel
    cushion_width: float
    residual_px: float
    residual_mm: float
    cost: float
    oddness: float


def rectangle_misfit(
    corners_px: Array,
    size: tuple[float, float],
    picture: tuple[int, int],
    focal_px: float | None = None,
) -> float:
    """How little four pixels look like a rectangle of a known size, whatever the camera's pose.

    The two columns of the homography must be orthogonal and of one length under the image of the
    absolute conic [Zhang 2000]; the focal length that makes them so best is taken, weighed by how
    usual it is.  About 1 for errors of one per cent; 0 for a perfect rectangle.
    """
    centre = np.array([(picture[0] - 1) / 2, (picture[1] - 1) / 2])
    source = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    h = np.asarray(
        cv2.getPerspectiveTransform(source, (corners_px - centre).astype(np.float32)), float
    )
    ratio = np.geomspace(0.45, 6.0, 40)
    if focal_px is not None:
        ratio = np.array([focal_px / max(picture)])
    f2 = (ratio * max(picture)) ** 2
    a = (h[0, 0] ** 2 + h[1, 0] ** 2) / f2 + h[2, 0] ** 2
    b = (h[0, 1] ** 2 + h[1, 1] ** 2) / f2 + h[2, 1] ** 2
    c = (h[0, 0] * h[0, 1] + h[1, 0] * h[1, 1]) / f2 + h[2, 0] * h[2, 1]
    aspect = 0.5 * np.log(a / b) / 0.01
    skew = c / np.sqrt(a * b) / 0.01
    prior = 0.0 if focal_px is not None else np.log(ratio / _TYPICAL_FOCAL) / _FOCAL_SPREAD
    return float(np.min(aspect**2 + skew**2 + prior**2))


def start_camera(
    corners_px: Array,
    size: tuple[float, float],
    margin: float,
    height: float,
    picture: tuple[int, int],
    focal_px: float | None = None,
) -> CameraModel | None:
    """A first pose from four corners of a rectangle.

    Args:
        corners_px: (4, 2) pixels of the rectangle's corners in the table frame's order.
        size: width and length of the nose rectangle, metres.
        margin: how far the rectangle reaches beyond it, metres.
        height: its height above the cloth, metres.
        picture: width and height in pixels.
        focal_px: known focal length in pixels.

    Returns:
        ``None`` when no camera above the table sees the corners so.
    """
    width, length = size
    m = margin
    points = np.array(
        [[-m, -m, 0], [width + m, -m, 0], [width + m, length + m, 0], [-m, length + m, 0]], float
    )
    centre = ((picture[0] - 1) / 2, (picture[1] - 1) / 2)
    best: tuple[float, CameraModel] | None = None
    ratios = np.geomspace(0.45, 5.0, 15) if focal_px is None else [focal_px / max(picture)]
    for ratio in ratios:
        focal = float(ratio) * max(picture)
        matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]])
        count, rotations, shifts, errors = cv2.solvePnPGeneric(
            points, corners_px.astype(float), matrix, None, flags=cv2.SOLVEPNP_IPPE
        )
        for k in range(int(count)):
            model = CameraModel.from_pose(
                rotations[k],
                shifts[k],
                width=picture[0],
                height=picture[1],
                focal=(focal, focal),
                centre=centre,
            )
            if model.position[2] < 0.2:
                continue
            error = float(np.asarray(errors[k]).ravel()[0])
            prior = (math.log(ratio / _TYPICAL_FOCAL) / _FOCAL_SPREAD) ** 2
            cost = (error / 2.0) ** 2 + 0.2 * prior
            if best is None or cost < best[0]:
                best = (cost, model)
    if best is None:
        return None
    model = best[1]
    # The rectangle lies at `height`: move the frame's origin down to the cloth.
    shift = np.array(model.translation) - model.rotation_matrix[:, 2] * height
    return CameraModel(
        model.width,
        model.height,
        model.focal,
        model.centre,
        model.rotation,
        (float(shift[0]), float(shift[1]), float(shift[2])),
    )


def fit_pose(
    groups: list[RailPoints],
    table: Table,
    start: CameraModel,
    *,
    cushion_width: float = CUSHION_WIDTH,
    lens: bool = True,
    camera_height: float | None = None,
    focal_px: float | None = None,
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
    """
    problem = _Problem(groups, table, start, cushion_width, camera_height, focal_px)
    straight = problem.solve(problem.start(), lens=False)
    best = straight
    if lens:
        bent = problem.solve(straight, lens=True)
        # One more parameter must earn its place.
        if problem.cost(bent) < problem.cost(straight) - 2.0:
            best = bent
    return problem.result(best)


class _Problem:
    """The residuals of one fit; parameters: rotation (3), translation (3), log focal, k1, width."""

    def __init__(
        self,
        groups: list[RailPoints],
        table: Table,
        start: CameraModel,
        cushion_width: float,
        camera_height: float | None,
        focal_px: float | None,
    ) -> None:
        self.table = table
        self.first = start
        self.cushion_width = cushion_width
        self.camera_height = camera_height
        self.focal_px = focal_px
        self.pixels = np.concatenate([g.pixels for g in groups])
        counts = [len(g.pixels) for g in groups]
        self.side = np.repeat([g.side for g in groups], counts)
        self.outer = np.repeat([g.outer for g in groups], counts)
        # Errors along one rail go together (shading, a cushion a little bowed): however many
        # points it has, a rail says no more than a few independent ones would.
        self.sigma = np.repeat(
            [
                g.sigma_px * math.sqrt(max(n / _INDEPENDENT, 1.0))
                for g, n in zip(groups, counts, strict=True)
            ],
            counts,
        )
        at = start.to_plane(self.pixels, table.cushion_height)
        self.scale = np.array([start.pixels_per_metre(x, y, table.cushion_height) for x, y in at])

    def start(self) -> Array:
        rotation, _ = cv2.Rodrigues(self.first.rotation_matrix)
        return np.array(
            [
                *np.asarray(rotation).ravel(),
                *self.first.translation,
                math.log(self.first.focal[0]),
                0.0,
                self.cushion_width,
            ]
        )

    def camera(self, p: Array) -> CameraModel:
        focal = math.exp(float(p[6]))
        return CameraModel.from_pose(
            p[:3],
            p[3:6],
            width=self.first.width,
            height=self.first.height,
            focal=(focal, focal),
            centre=self.first.centre,
            distortion=(float(p[7]), 0.0, 0.0, 0.0, 0.0),
        )

    def offsets(self, p: Array) -> Array:
        """Signed distance outwards from each point's line, metres on the plane of the noses."""
        x, y = self.camera(p).to_plane(self.pixels, self.table.cushion_height).T
        w, length = self.table.width, self.table.length
        out = np.choose(self.side, [-y, x - w, y - length, -x])
        out = out - np.where(self.outer, p[8], 0.0)
        return np.nan_to_num(out, nan=1.0)

    def residuals(self, p: Array) -> Array:
        r = self.offsets(p) * self.scale / self.sigma
        return np.concatenate([np.sign(r) * np.sqrt(2 * (np.sqrt(1 + r * r) - 1)), self.priors(p)])

    def priors(self, p: Array) -> Array:
        out = [p[7] / _LENS_SPREAD, (p[8] - self.cushion_width) / _CUSHION_SPREAD]
        if self.focal_px is not None:
            out.append((p[6] - math.log(self.focal_px)) / 0.01)
        else:
            typical = _TYPICAL_FOCAL * max(self.first.width, self.first.height)
            out.append((p[6] - math.log(typical)) / _FOCAL_SPREAD)
        if self.camera_height is not None:
            out.append((self.camera(p).position[2] - self.camera_height) / _HEIGHT_SPREAD)
        else:
            height = max(float(self.camera(p).position[2]), 0.05)
            out.append(math.log(height / _TYPICAL_HEIGHT) / _TYPICAL_HEIGHT_SPREAD)
        return np.array(out)

    def solve(self, p: Array, *, lens: bool) -> Array:
        free = np.array([0, 1, 2, 3, 4, 5, 6, 8, *([7] if lens else [])])

        def inner(q: Array) -> Array:
            full = p.copy()
            full[free] = q
            return self.residuals(full)

        answer = least_squares(inner, p[free], method="lm", x_scale="jac", max_nfev=400)
        out = p.copy()
        out[free] = answer.x
        return out

    def cost(self, p: Array) -> float:
        return 0.5 * float(np.sum(self.residuals(p) ** 2))

    def result(self, p: Array) -> PoseFit:
        off = self.offsets(p)
        use = ~self.outer if np.any(~self.outer) else np.ones(len(off), bool)
        px = (off * self.scale)[use]
        limit = max(3.0 * float(np.median(np.abs(px))) * 1.4826, 0.5)
        kept = np.abs(px) < limit
        rms_px = float(np.sqrt(np.mean(px[kept] ** 2))) if kept.any() else float("inf")
        mm = off[use][kept] * 1e3
        rms_mm = float(np.sqrt(np.mean(mm**2))) if kept.any() else float("inf")
        odd = float(np.sum(self.priors(p) ** 2))
        return PoseFit(self.camera(p), float(p[8]), rms_px, rms_mm, self.cost(p), odd)
