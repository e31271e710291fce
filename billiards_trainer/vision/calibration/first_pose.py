"""A first camera pose from four corners of a rectangle, and how well they look like one."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel

Array = NDArray[np.float64]

# Focal length in picture widths: webcams and ceiling cameras 0.6-1.1, broadcast lenses up to 4.
TYPICAL_FOCAL = 0.95
FOCAL_SPREAD = 0.4
# How far pixels may be from square.  It takes up what a table measured a little wrong, or a film
# stored a little stretched, leaves over.
ASPECT_SPREAD = 0.003
# Where the table's size is not known, its proportions are not quite known either.
ASPECT_SPREAD_ASSUMED = 0.02


def rectangle_misfit(
    corners_px: Array,
    size: tuple[float, float],
    picture: tuple[int, int],
    focal_px: float | None = None,
    aspect_spread: float = ASPECT_SPREAD,
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
    aspect = 0.5 * np.log(a / b) / math.hypot(0.01, aspect_spread)
    skew = c / np.sqrt(a * b) / 0.01
    prior = 0.0 if focal_px is not None else np.log(ratio / TYPICAL_FOCAL) / FOCAL_SPREAD
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
            if not (np.isfinite(rotations[k]).all() and np.isfinite(shifts[k]).all()):
                continue  # a view from exactly above makes the solver divide by nothing
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
            prior = (math.log(ratio / TYPICAL_FOCAL) / FOCAL_SPREAD) ** 2
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
