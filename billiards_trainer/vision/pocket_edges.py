"""How far each pocket's hole reaches, as the picture shows it: there a ball begins to fall.

Tables of one game differ by centimetres in this.  Along rays from the hole's centre onto the table
the cloth begins where the hole ends; the median over rays and pictures is the hole's radius.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.messages import BallState
from billiards_trainer.table import Pocket, Table
from billiards_trainer.vision.detection.view import View

_RAYS_RAD = np.radians(np.arange(-30.0, 31.0, 10.0))
_STEP_M = 0.001
_SHORTEST, _LONGEST = 0.6, 2.0
"""Shares of the usual radius between which a hole's radius is believed."""
_AGREE_M = 0.006
"""Rays that end so near to their median show an edge, metres; the others end at a line of light,
a chalk mark or a jaw."""
_MOST = 0.6
"""Share of the rays that must agree."""
_UNLIKE = 170
"""What differs from cloth this much, of 255, is the hole; less is its blurred and shaded rim."""
_PICTURES = 25
_ENOUGH = 3
_EVERY = 5


class PocketEdges:
    """Watches the pockets of a table.

    Attributes:
        radii: metres, in the order of the table's pockets; the usual ones until others are seen.
    """

    def __init__(self, table: Table, camera: CameraModel, view: View) -> None:
        self._ball = table.balls.radius
        self._pockets = table.pockets
        self._rays = [_ray_pixels(pocket, camera, view) for pocket in table.pockets]
        self._seen: list[deque[float]] = [deque(maxlen=_PICTURES) for _ in table.pockets]
        self._pictures = 0
        self.radii = tuple(p.radius for p in table.pockets)

    def look(self, unlike: NDArray[np.uint8], balls: Sequence[BallState]) -> None:
        """Take in a picture.

        Args:
            unlike: how unlike cloth each working pixel is, 0…255.
            balls: those known of; a pocket with one near it is left out.
        """
        self._pictures += 1
        if self._pictures % _EVERY != 1:
            return
        for pocket, rays, seen in zip(self._pockets, self._rays, self._seen, strict=True):
            clear = _LONGEST * pocket.radius + self._ball
            if any(math.dist((b.x_m, b.y_m), pocket.centre) < clear for b in balls):
                continue
            radius = _radius(unlike, rays, pocket)
            if radius is not None:
                seen.append(radius)
        self.radii = tuple(
            float(np.median(seen)) if len(seen) >= _ENOUGH else pocket.radius
            for pocket, seen in zip(self._pockets, self._seen, strict=True)
        )


def _ray_pixels(pocket: Pocket, camera: CameraModel, view: View) -> NDArray[np.intp]:
    """Working pixels (column, row) along the rays, shape (rays, steps, 2)."""
    (cx, cy), (mx, my) = pocket.centre, pocket.mouth_centre
    angles = math.atan2(my - cy, mx - cx) + _RAYS_RAD
    along = _SHORTEST * pocket.radius + np.arange(_steps(pocket)) * _STEP_M
    x = cx + np.cos(angles)[:, None] * along
    y = cy + np.sin(angles)[:, None] * along
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    pixels = np.rint(view.to_work(camera.to_pixels(points))).astype(np.intp)
    return pixels.reshape(*x.shape, 2)


def _radius(unlike: NDArray[np.uint8], rays: NDArray[np.intp], pocket: Pocket) -> float | None:
    """Where cloth begins, metres from the hole's centre; ``None`` where that is not clear."""
    height, width = unlike.shape
    columns, rows = rays[..., 0], rays[..., 1]
    if columns.min() < 0 or rows.min() < 0 or columns.max() >= width or rows.max() >= height:
        return None
    dark = unlike[rows, columns] > _UNLIKE
    steps = np.where(dark.any(axis=1), dark.shape[1] - np.argmax(dark[:, ::-1], axis=1), 0)
    ends = _SHORTEST * pocket.radius + (steps - 0.5) * _STEP_M
    agreeing = ends[(np.abs(ends - np.median(ends)) < _AGREE_M) & (steps > 0)]
    if len(agreeing) < _MOST * len(ends):
        return None
    radius = float(np.median(agreeing))
    return radius if radius < _LONGEST * pocket.radius - 2 * _STEP_M else None


def _steps(pocket: Pocket) -> int:
    return round((_LONGEST - _SHORTEST) * pocket.radius / _STEP_M)
