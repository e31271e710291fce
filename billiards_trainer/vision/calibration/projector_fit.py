"""Where each projector pixel's light falls: solved from dots that the camera sees on the cloth.

The projector is a camera the other way round: pose, focal length, principal point (lens shift is
usual) and radial distortion.  One plane alone does not tell how high it hangs; weak priors decide
what the dots leave open, which changes only where the shadows of balls are thought to be, not where
light falls on the cloth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table

Array = NDArray[np.float64]

_FEWEST = 24
_LEAST_COVER = 0.35
_RANSAC_PX = 14.0
_TRIM = 4.5
_LEAST_TRIM_MM = 0.8
_NOISE_PX = 0.4


class ProjectorNotSolved(InputError):
    """The projector's geometry cannot be told; one sentence why, or what to do."""


@dataclass(frozen=True, slots=True)
class ProjectorFit:
    """The projector as found.

    Attributes:
        model: table metres to projector pixels.
        residual_mm: root mean square distance on the cloth between where the camera sees the dots
            and where the model lets them fall, together with what the camera's own calibration is
            uncertain by.
        dots_mm: the first part alone.
        worst_mm: the largest such distance of a dot that was used.
        dots: how many dots were used.
        seen: how many were seen on the cloth.
        cover: share of the cloth that lies among the dots.
    """

    model: CameraModel
    residual_mm: float
    dots_mm: float
    worst_mm: float
    dots: int
    seen: int
    cover: float


def on_cloth(table: Table, places: Array, margin: float = 0.028) -> NDArray[np.bool_]:
    """Which places (N, 2) lie so far within the noses that a whole dot falls on the cloth."""
    inside = np.all((places > margin) & (places < [table.width - margin, table.length - margin]), 1)
    for pocket in table.pockets:
        away = np.hypot(places[:, 0] - pocket.centre[0], places[:, 1] - pocket.centre[1])
        inside &= away > pocket.radius + margin
    return np.asarray(inside)


def fit_projector(
    pixels: Array,
    places: Array,
    table: Table,
    size: tuple[int, int],
    *,
    height: float = 2.5,
    camera_mm: float = 0.0,
) -> ProjectorFit:
    """Solve.

    Args:
        pixels: (N, 2) projector pixels of the dots.
        places: (N, 2) where the camera sees them on the cloth, metres.
        table: its size decides how much of the cloth the dots must cover.
        size: (width, height) of the projector's picture.
        height: where the projector is expected to hang, metres above the cloth.
        camera_mm: uncertainty of the camera's calibration, millimetres on the cloth.

    Raises:
        ProjectorNotSolved: too few dots, on too small a part of the cloth, or a mirrored picture.
    """
    _check(places, table)
    homography, inliers = cv2.findHomography(places, pixels, cv2.RANSAC, _RANSAC_PX)
    keep = np.asarray(inliers).ravel() > 0 if homography is not None else np.zeros(len(places))
    if homography is None or int(keep.sum()) < _FEWEST:
        raise ProjectorNotSolved("the dots seen on the cloth do not fit any projector: try again")
    if float(np.linalg.det(homography[:2, :2])) > 0:
        raise ProjectorNotSolved(
            "the projector's picture is mirrored: switch off rear projection in its menu"
        )
    start = _start(np.asarray(homography), size, height, places.mean(axis=0))
    keep = np.asarray(keep, dtype=bool)
    model = start
    for _ in range(3):
        model = _solved(model, pixels[keep], places[keep], height)
        off_mm = 1e3 * np.linalg.norm(model.to_plane(pixels, 0.0) - places, axis=1)
        off_mm = np.where(np.isfinite(off_mm), off_mm, np.inf)
        limit = max(_LEAST_TRIM_MM, _TRIM * float(np.median(off_mm[keep])))
        again = off_mm < limit
        if np.array_equal(again, keep):
            break
        keep = again
    _check(places[keep], table)
    dots_mm = float(np.sqrt(np.mean(off_mm[keep] ** 2)))
    return ProjectorFit(
        model=model,
        residual_mm=math.hypot(dots_mm, camera_mm),
        dots_mm=dots_mm,
        worst_mm=float(off_mm[keep].max()),
        dots=int(keep.sum()),
        seen=len(places),
        cover=_cover(places[keep], table),
    )


def _check(places: Array, table: Table) -> None:
    if len(places) < _FEWEST:
        raise ProjectorNotSolved(
            f"only {len(places)} of the projector's dots are seen on the cloth: is the projector "
            "on, in focus and aimed at the table, and the room not too bright?"
        )
    cover = _cover(places, table)
    if cover < _LEAST_COVER:
        raise ProjectorNotSolved(
            f"the projector's dots are seen on {100 * cover:.0f} % of the cloth only: "
            "clear the table or aim the projector at all of it"
        )


def _cover(places: Array, table: Table) -> float:
    hull = cv2.convexHull(places.astype(np.float32))
    return float(cv2.contourArea(hull)) / (table.width * table.length)


def _start(homography: Array, size: tuple[int, int], height: float, middle: Array) -> CameraModel:
    """A model near the homography: the focal length that belongs to the expected height."""
    h = homography / homography[2, 2]
    depth = float(h[2, 0] * middle[0] + h[2, 1] * middle[1] + 1.0)
    scale = math.sqrt(abs(float(np.linalg.det(h))) / abs(depth) ** 3)
    focal = max(scale * height, 0.3 * size[0])
    centre = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    inverse = np.array(
        [[1 / focal, 0, -centre[0] / focal], [0, 1 / focal, -centre[1] / focal], [0, 0, 1]]
    )
    axes = inverse @ h
    axes *= math.copysign(2.0, depth) / (np.linalg.norm(axes[:, 0]) + np.linalg.norm(axes[:, 1]))
    basis = np.column_stack([axes[:, 0], axes[:, 1], np.cross(axes[:, 0], axes[:, 1])])
    left, _, right = np.linalg.svd(basis)
    rotation = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    return CameraModel(
        width=size[0],
        height=size[1],
        focal=(focal, focal),
        centre=centre,
        rotation=tuple(float(v) for v in rotation.ravel()),
        translation=(float(axes[0, 2]), float(axes[1, 2]), float(axes[2, 2])),
    )


def _solved(begin: CameraModel, pixels: Array, places: Array, height: float) -> CameraModel:
    """Least squares over pose, focal length, principal point and lens, with weak priors."""
    from scipy.optimize import least_squares

    vector, _ = cv2.Rodrigues(begin.rotation_matrix)
    width, tall = begin.width, begin.height
    first = np.array(
        [*np.asarray(vector).ravel(), *begin.translation, math.log(begin.focal[0]),
         begin.centre[0] / width, begin.centre[1] / tall, *begin.distortion[:2]]
    )  # fmt: skip

    def model(values: Array) -> CameraModel:
        focal = math.exp(values[6])
        return CameraModel.from_pose(
            values[:3],
            values[3:6],
            width=width,
            height=tall,
            focal=(focal, focal),
            centre=(values[7] * width, values[8] * tall),
            distortion=(values[9], values[10], 0.0, 0.0, 0.0),
        )

    def misfit(values: Array) -> Array:
        tried = model(values)
        off = (tried.to_pixels(places) - pixels).ravel() / _NOISE_PX
        priors = [
            (float(tried.position[2]) - height) / 0.4,
            (values[7] - 0.5) / 0.03,
            (values[8] - 0.5) / 0.35,
            values[9] / 0.08,
            values[10] / 0.04,
        ]
        return np.concatenate([off, priors])

    answer = least_squares(misfit, first, method="trf", loss="soft_l1", f_scale=2.5, max_nfev=80)
    return model(answer.x)
