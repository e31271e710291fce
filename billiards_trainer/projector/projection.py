"""Which projector pixel lights which point of the cloth.

Points are projected, never surfaces: a scene stays sharp under any keystone.  A projection is a
homography from table (x, y) at z = 0 to pixels, or a whole ``CameraModel`` used the other way
round; only the model has a lens and knows where the projector hangs, and thus what a ball hides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Point, Table

Array = NDArray[np.float64]

SILHOUETTE_POINTS = 32
_ANGLES = np.linspace(0.0, 2 * np.pi, SILHOUETTE_POINTS, endpoint=False)
_CIRCLE = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])


class ProjectionError(ValueError):
    """Not a projection of the table; the message is one sentence."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Table metres to display pixels; the middle of the top left pixel is (0, 0).

    Attributes:
        width: display width in pixels.
        height: display height in pixels.
        homography: 3x3 from table (x, y, 1) at z = 0 to pixels, before the lens.
        name: the calibration's name, ``None`` for the nominal placement.
        model: the whole projector, where it is known.
    """

    width: int
    height: int
    homography: Array
    name: str | None = None
    model: CameraModel | None = None

    @classmethod
    def centred(cls, table: Table, width: int, height: int, fill: float = 0.94) -> Projection:
        """The nominal placement: seen from above, head to the left, as large as ``fill`` allows."""
        scale = fill * min(width / table.length, height / table.width)
        u0 = (width - 1 - scale * table.length) / 2
        v0 = (height - 1 - scale * table.width) / 2
        h = np.array([[0.0, scale, u0], [scale, 0.0, v0], [0.0, 0.0, 1.0]])
        return cls(width, height, h)

    @classmethod
    def from_corners(
        cls,
        table: Table,
        corners_px: tuple[Point, Point, Point, Point],
        width: int,
        height: int,
        name: str | None = None,
    ) -> Projection:
        """Any keystone, from the pixels that light the nose corners (0,0), (w,0), (w,l), (0,l).

        Raises:
            ProjectionError: the four pixels are not the corners of a convex quadrilateral.
        """
        pixels = np.array(corners_px, dtype=np.float32)
        sides = np.roll(pixels, -1, axis=0) - pixels
        following = np.roll(sides, -1, axis=0)
        turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
        if not (np.all(turns > 1.0) or np.all(turns < -1.0)):
            raise ProjectionError("the projector's four corner pixels must form a convex shape")
        corners = np.array(table.corners, dtype=np.float32)
        h = cv2.getPerspectiveTransform(corners, pixels)
        return cls(width, height, np.asarray(h, dtype=np.float64), name)

    @classmethod
    def from_model(cls, model: CameraModel, name: str | None = None) -> Projection:
        """A projector whose lens and pose are known."""
        return cls(model.width, model.height, model.homography(), name, model)

    @property
    def is_curved(self) -> bool:
        """Whether straight lines on the cloth are bent in the projector's picture."""
        return self.model is not None and self.model.is_distorted

    @cached_property
    def _rows(self) -> tuple[Array, Array]:
        return self.homography[:, :2].T.copy(), self.homography[:, 2].copy()

    @cached_property
    def _root_determinant(self) -> float:
        return float(np.sqrt(abs(np.linalg.det(self.homography))))

    def to_pixels(self, points: ArrayLike) -> Array:
        """Pixels that light points of the cloth, shape (N, 2); NaN where none can."""
        p = np.asarray(points, dtype=np.float64)
        if self.is_curved and self.model is not None:
            return self.model.to_pixels(p)
        slope, offset = self._rows
        q = p @ slope + offset
        with np.errstate(divide="ignore", invalid="ignore"):
            return q[:, :2] / np.where(q[:, 2:] > 0, q[:, 2:], np.nan)

    def pixels_per_metre(self, points: ArrayLike) -> Array:
        """Scale at points of the cloth, shape (N,): geometric mean over the two directions.

        For a homography q = H p the Jacobian's determinant is det(H) / q_3^3; the lens's own part
        is left out, being a few per cent.
        """
        p = np.asarray(points, dtype=np.float64)
        slope, offset = self._rows
        depth: Array = np.abs(p @ slope[:, 2] + offset[2])
        return self._root_determinant * depth**-1.5

    def silhouettes(self, centres: ArrayLike, radius: float) -> Array:
        """Outlines of balls as the projector sees them.

        Args:
            centres: (N, 2) where balls lie on the cloth.
            radius: metres.

        Returns:
            (N, SILHOUETTE_POINTS, 2) pixels.  With a model this is the sphere's tangent cone from
            the projector's lens; without one, the disc below the ball.
        """
        c = np.asarray(centres, dtype=np.float64).reshape(-1, 2)
        if self.model is None:
            outlines = c[:, None, :] + radius * _CIRCLE
            return self.to_pixels(outlines.reshape(-1, 2)).reshape(len(c), SILHOUETTE_POINTS, 2)
        touched = _tangent_circles(c, radius, self.model.position).reshape(-1, 3)
        return self.model.to_pixels(touched).reshape(len(c), SILHOUETTE_POINTS, 2)


def _tangent_circles(centres: Array, radius: float, eye: Array) -> Array:
    """Where the rays from an eye touch spheres that lie on the cloth, shape (N, K, 3).

    A sphere of radius R whose centre C is d away is touched along the circle of radius
    R sqrt(1 - R²/d²) around C + (R²/d²)(E - C), perpendicular to E - C.
    """
    c = np.column_stack([centres, np.full(len(centres), radius)])
    towards = eye - c
    distance = np.linalg.norm(towards, axis=1, keepdims=True)
    axis = towards / distance
    across = np.cross(axis, [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    other = np.cross(axis, across)
    ratio = radius / distance
    middle = c + axis * (radius * ratio)
    touch = radius * np.sqrt(1 - ratio**2)
    ring = _CIRCLE[None, :, :1] * across[:, None, :] + _CIRCLE[None, :, 1:] * other[:, None, :]
    circles: Array = middle[:, None, :] + touch[:, None, :] * ring
    return circles
