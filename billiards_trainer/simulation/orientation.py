"""Orientation of balls: rotation matrices turned by angular velocities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def rotation(vector: ArrayLike) -> Array:
    """Rotation matrix of a rotation vector (axis times angle, rad), after Rodrigues."""
    v = np.asarray(vector, dtype=np.float64)
    angle = float(np.linalg.norm(v))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = v / angle
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned: Array = np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)
    return turned


def random_turn(rng: np.random.Generator) -> Array:
    """A rotation drawn evenly from all rotations (normalised Gaussian quaternion)."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def orthonormal(turn: Array) -> Array:
    """The nearest rotation: removes what rounding has piled up over thousands of products."""
    u, _, vt = np.linalg.svd(turn)
    nearest: Array = u @ vt
    return nearest
