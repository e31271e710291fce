"""One camera model for the camera and, the other way, for the projector.

A pinhole with Brown-Conrady lens distortion [Brown 1966] and a pose relative to the table frame.
Heights matter: a ball's centre lies at z = R, a cushion nose at its height, projected light at
z = 0, so every mapping from the picture to the table names the height of the plane it means.

A projector is an inverse camera: ``to_pixels`` says which projector pixel lights a point on the
cloth, ``to_plane`` where a projector pixel's light falls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CameraModel:
    """Pinhole camera with distortion and pose.

    Attributes:
        width: picture width in pixels.
        height: picture height in pixels.
        focal: (fx, fy) in pixels.
        centre: principal point (cx, cy) in pixels; the middle of the top left pixel is (0, 0).
        distortion: (k1, k2, p1, p2, k3) of Brown-Conrady, in OpenCV's order.
        rotation: 3x3 row-major, turns table coordinates into camera coordinates (x right, y down,
            z forward).  The table frame is right-handed with z up, and a camera above looks down.
        translation: table origin in camera coordinates, metres.
    """

    width: int
    height: int
    focal: tuple[float, float]
    centre: tuple[float, float]
    rotation: tuple[float, ...]
    translation: tuple[float, float, float]
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)

    @property
    def matrix(self) -> Array:
        """Camera matrix K, shape (3, 3)."""
        (fx, fy), (cx, cy) = self.focal, self.centre
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])

    @property
    def rotation_matrix(self) -> Array:
        """Table-to-camera rotation, shape (3, 3)."""
        return np.array(self.rotation).reshape(3, 3)

    @property
    def position(self) -> Array:
        """Where the camera hangs, in table coordinates, shape (3,), metres."""
        return -self.rotation_matrix.T @ np.array(self.translation)

    @property
    def is_distorted(self) -> bool:
        """Whether any distortion coefficient differs from zero."""
        return any(self.distortion)

    def to_pixels(self, points: ArrayLike) -> Array:
        """Where points appear.

        Args:
            points: shape (N, 3) or (3,), table coordinates in metres; or (N, 2) / (2,), then z = 0.

        Returns:
            Pixels, shape (N, 2) or (2,).
        """
        given = np.asarray(points, dtype=np.float64)
        p = given.reshape(-1, given.shape[-1])
        if p.shape[1] == 2:
            p = np.column_stack([p, np.zeros(len(p))])
        cam = p @ self.rotation_matrix.T + np.array(self.translation)
        normal = cam[:, :2] / cam[:, 2:3]
        if self.is_distorted:
            normal = _distort(normal, self.distortion)
        out = normal * np.array(self.focal) + np.array(self.centre)
        return out.reshape((*given.shape[:-1], 2))

    def rays(self, pixels: ArrayLike) -> Array:
        """Directions from the camera through pixels, in table coordinates, unit length.

        Args:
            pixels: shape (N, 2) or (2,).

        Returns:
            Shape (N, 3) or (3,).
        """
        given = np.asarray(pixels, dtype=np.float64)
        normal = (given.reshape(-1, 2) - np.array(self.centre)) / np.array(self.focal)
        if self.is_distorted:
            normal = _undistort(normal, self.distortion)
        d = np.column_stack([normal, np.ones(len(normal))]) @ self.rotation_matrix
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        return d.reshape((*given.shape[:-1], 3))

    def to_plane(self, pixels: ArrayLike, z: float | ArrayLike = 0.0) -> Array:
        """Where the rays through pixels meet the plane at height z.

        Args:
            pixels: shape (N, 2) or (2,).
            z: height in metres above the cloth; one number or one for each pixel.

        Returns:
            Table coordinates (x, y) in metres, shape (N, 2) or (2,); NaN where a ray never meets
            the plane in front of the camera.
        """
        given = np.asarray(pixels, dtype=np.float64)
        d = self.rays(given.reshape(-1, 2))
        eye = self.position
        height = np.broadcast_to(np.asarray(z, dtype=np.float64), (len(d),))
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (height - eye[2]) / d[:, 2]
        t = np.where(np.isfinite(t) & (t > 0), t, np.nan)
        out = eye[:2] + t[:, None] * d[:, :2]
        return out.reshape((*given.shape[:-1], 2))

    def pixels_per_metre(self, x: float, y: float, z: float = 0.0) -> float:
        """Picture scale at a point of the table: geometric mean over the two directions."""
        h = 1e-3
        p = self.to_pixels([[x - h, y, z], [x + h, y, z], [x, y - h, z], [x, y + h, z]])
        jacobian = np.array([(p[1] - p[0]), (p[3] - p[2])]) / (2 * h)
        return float(math.sqrt(abs(np.linalg.det(jacobian))))

    def homography(self, z: float = 0.0) -> Array:
        """3x3 matrix from table (x, y) at height z to *undistorted* pixels."""
        r, t = self.rotation_matrix, np.array(self.translation)
        return self.matrix @ np.column_stack([r[:, 0], r[:, 1], r[:, 2] * z + t])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for files and messages; ``from_dict`` reads it back."""
        return {
            "width": self.width,
            "height": self.height,
            "focal": list(self.focal),
            "centre": list(self.centre),
            "rotation": list(self.rotation),
            "translation": list(self.translation),
            "distortion": list(self.distortion),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> CameraModel:
        """The model that ``to_dict`` wrote.

        Raises:
            ValueError: a key is missing or a number is not finite.
        """
        try:
            model = cls(
                width=int(data["width"]),
                height=int(data["height"]),
                focal=_floats(data["focal"], 2),
                centre=_floats(data["centre"], 2),
                rotation=_floats(data["rotation"], 9),
                translation=_floats(data["translation"], 3),
                distortion=_floats(data["distortion"], 5),
            )
        except KeyError as error:
            raise ValueError(f"a camera model needs {error.args[0]!r}") from None
        return model

    @classmethod
    def look_at(
        cls,
        eye: ArrayLike,
        target: ArrayLike,
        up: ArrayLike,
        *,
        width: int,
        height: int,
        focal: float,
        distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0),
    ) -> CameraModel:
        """A camera at ``eye`` looking at ``target``, the picture's top towards ``up`` (metres)."""
        e, forward = np.asarray(eye, float), np.asarray(target, float) - np.asarray(eye, float)
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, np.asarray(up, float))
        right /= np.linalg.norm(right)
        r = np.stack([right, np.cross(forward, right), forward])
        return cls(
            width=width,
            height=height,
            focal=(focal, focal),
            centre=((width - 1) / 2, (height - 1) / 2),
            rotation=tuple(float(v) for v in r.ravel()),
            translation=_floats(-r @ e, 3),
            distortion=distortion,
        )

    @classmethod
    def from_pose(
        cls,
        rotation_vector: ArrayLike,
        translation: ArrayLike,
        *,
        width: int,
        height: int,
        focal: tuple[float, float],
        centre: tuple[float, float],
        distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0),
    ) -> CameraModel:
        """From a Rodrigues rotation vector and a translation, as OpenCV's pose solvers give."""
        rotation, _ = cv2.Rodrigues(np.asarray(rotation_vector, dtype=np.float64).reshape(3, 1))
        return cls(
            width=width,
            height=height,
            focal=focal,
            centre=centre,
            rotation=tuple(float(v) for v in rotation.ravel()),
            translation=_floats(np.asarray(translation).ravel(), 3),
            distortion=distortion,
        )


def _floats(values: Any, count: int) -> Any:
    numbers = tuple(float(v) for v in values)
    if len(numbers) != count or not all(math.isfinite(v) for v in numbers):
        raise ValueError(f"expected {count} finite numbers, not {values!r}")
    return numbers


def _distort(points: Array, coefficients: tuple[float, ...]) -> Array:
    """Brown-Conrady on normalised coordinates, shape (N, 2)."""
    k1, k2, p1, p2, k3 = coefficients
    x, y = points[:, 0], points[:, 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return np.column_stack([x * radial + dx, y * radial + dy])


def _undistort(points: Array, coefficients: tuple[float, ...]) -> Array:
    """Invert ``_distort`` by Newton's method; quadratic convergence."""
    k1, k2, p1, p2, k3 = coefficients
    guess = points.copy()
    for _ in range(12):
        off = _distort(guess, coefficients) - points
        if float(np.abs(off).max(initial=0.0)) < 1e-13:
            break
        x, y = guess[:, 0], guess[:, 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))  # of the radial factor, by r²/2
        xx = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x
        yy = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x
        xy = slope * x * y + 2 * p1 * x + 2 * p2 * y  # the Jacobian is symmetric
        det = xx * yy - xy * xy
        guess[:, 0] -= (off[:, 0] * yy - off[:, 1] * xy) / det
        guess[:, 1] -= (off[:, 1] * xx - off[:, 0] * xy) / det
    return guess
