"""A line in the picture along which a shaft may lie, before it is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.vision.detection.arrays import Array, Mask
from billiards_trainer.vision.detection.view import View


@dataclass(frozen=True, slots=True)
class Line:
    """Where to measure: ideal pixels (freed of lens distortion).

    Attributes:
        origin: a point of it, (2,).
        direction: unit vector, (2,); towards the tip where ``ahead`` is known.
        ahead: where a tip can be at most, pixels from the origin along the direction; ``None``
            when it is not known which end is the tip.
        prior: what speaks for a cue here beforehand, log odds.
        slack_px: how far the shaft may lie beside it.
    """

    origin: Array
    direction: Array
    ahead: float | None
    prior: float
    slack_px: float


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


def pixels_per_metre(view: View) -> float:
    """Full-resolution scale at a ball's height, averaged over the table."""
    return view.mean_radius * view.shrink / view.table.balls.radius


def values_at(view: View, image: Mask, pixels: Array, outside: int) -> Array:
    """Values of a working image at full-resolution pixels (N, 2)."""
    at = np.rint(view.to_work(pixels)).astype(np.intp)
    inside = (at >= 0).all(axis=1) & (at < [view.width, view.height]).all(axis=1)
    out = np.full((len(at), *image.shape[2:]), float(outside))
    out[inside] = image[at[inside, 1], at[inside, 0]]
    return out
