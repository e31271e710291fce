"""How a ball of known size appears to a known camera.

The visible disc of a sphere is bounded by its contour circle: the points where the line of sight
touches the sphere.  For a ball of radius R whose centre lies at distance d from the camera, that
circle has radius R·sqrt(1 - R²/d²) and lies R²/d nearer to the camera than the centre
[Hartley & Zisserman 2004, §8.6].  Projected through the camera model (lens distortion included)
it is the disc's outline; its middle is *not* exactly where the ball's centre would appear.
"""

from __future__ import annotations

import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.vision.detection.arrays import Array


def outlines(camera: CameraModel, centres: Array, radius: float, angles: int = 32) -> Array:
    """Outlines of balls in the picture.

    Args:
        camera: the camera.
        centres: shape (N, 2), ball centres in table metres; they lie at height ``radius``.
        radius: ball radius in metres.
        angles: points on each outline, evenly spaced round the contour circle.

    Returns:
        Pixels, shape (N, angles, 2), counter-clockwise about the line of sight.
    """
    centres = np.asarray(centres, dtype=np.float64).reshape(-1, 2)
    points = np.column_stack([centres, np.full(len(centres), radius)])
    sight = camera.position - points
    distance = np.linalg.norm(sight, axis=1, keepdims=True)
    sight = sight / distance
    # Two axes across the line of sight; the first is level and points along the picture's rows.
    across = np.cross(sight, np.array([0.0, 1.0, 0.0]))
    weak = np.linalg.norm(across, axis=1) < 1e-3
    across[weak] = np.cross(sight[weak], np.array([1.0, 0.0, 0.0]))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(sight, across)
    turn = np.arange(angles) * (2 * np.pi / angles)
    nearer = radius * radius / distance
    wide = radius * np.sqrt(np.maximum(0.0, 1 - (radius / distance) ** 2))
    ring = (
        points[:, None, :]
        + (sight * nearer)[:, None, :]
        + wide[:, :, None]
        * (
            np.cos(turn)[None, :, None] * across[:, None, :]
            + np.sin(turn)[None, :, None] * up[:, None, :]
        )
    )
    pixels = camera.to_pixels(ring.reshape(-1, 3))
    return pixels.reshape(len(centres), angles, 2)


def discs(camera: CameraModel, centres: Array, radius: float) -> tuple[Array, Array]:
    """Middle and mean radius of the visible discs.

    Args:
        camera: the camera.
        centres: shape (N, 2), ball centres in table metres.
        radius: ball radius in metres.

    Returns:
        Middles, shape (N, 2), and radii, shape (N,), in pixels.
    """
    ring = outlines(camera, centres, radius)
    middle = ring.mean(axis=1)
    size = np.linalg.norm(ring - middle[:, None, :], axis=2).mean(axis=1)
    return middle, size


def centres_from_discs(camera: CameraModel, middles: Array, radius: float) -> Array:
    """Where the balls lie whose discs' middles were measured; inverts ``discs``.

    Args:
        camera: the camera.
        middles: shape (N, 2), pixels.
        radius: ball radius in metres.

    Returns:
        Table coordinates of the centres in metres, shape (N, 2).
    """
    middles = np.asarray(middles, dtype=np.float64).reshape(-1, 2)
    guess = camera.to_plane(middles, radius)
    # The middle differs from the projected centre by a small fraction of a pixel from above and
    # by a few when oblique: moving the guess by the difference converges in two steps.
    for _ in range(2):
        shown, _size = discs(camera, guess, radius)
        guess = guess + camera.to_plane(middles, radius) - camera.to_plane(shown, radius)
    return guess
