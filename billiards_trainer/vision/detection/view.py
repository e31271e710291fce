"""What is known about a picture before it is looked at: where balls can lie and how large they are.

A ``View`` is made once for a camera and a table.  Candidates are searched in a *working image*: the
part of the picture that shows the playing area, halved until a ball is a handful of pixels wide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.detection import geometry
from billiards_trainer.vision.detection.arrays import Array, Mask, Single
from billiards_trainer.vision.detection.lookup import Lookup

WORK_RADIUS = 4.2
"""Halving stops before a ball's mean radius falls below this many working pixels."""
SLACK = 0.35
"""Ball radii by which a resting ball may seem to press into a cushion (calibration error)."""
RAYS = 40
"""Points on an outline."""
GRID = 8
"""Working pixels between the points at which the geometry is computed; bilinear in between."""


@dataclass(frozen=True)
class View:
    """Geometry of one camera over one table, in the working image.

    Attributes:
        camera: the camera.
        table: the table.
        shrink: full-resolution pixels in one working pixel.
        left: first full-resolution column of the working image.
        top: first full-resolution row.
        width: of the working image.
        height: of the working image.
        radius: ball radius in working pixels at each working pixel, float32 (height, width).
        centre: pixel of a disc's middle → where the ball's centre lies, (2,) metres.
        spokes: pixel of a disc's middle → its outline relative to it, (RAYS, 2) pixels.
        cloth: 255 where the picture shows the bed inside the noses, uint8 (height, width).
        centres: 255 where a ball's centre may be seen.
        search: 255 where a ball may show.
        shaft: 255 where the edges of a cue's shaft are looked for: the bed without its rim.
        mean_radius: mean ball radius in working pixels.
    """

    camera: CameraModel
    table: Table
    shrink: int
    left: int
    top: int
    width: int
    height: int
    radius: Single
    centre: Lookup
    spokes: Lookup
    cloth: Mask
    centres: Mask
    search: Mask
    shaft: Mask
    mean_radius: float

    def working_image(self, picture: Mask) -> Mask:
        """Cut out and shrink; shape (height, width, 3)."""
        k = self.shrink
        part = picture[
            self.top : self.top + self.height * k, self.left : self.left + self.width * k
        ]
        if k == 1:
            return np.ascontiguousarray(part)
        return cv2.resize(part, (self.width, self.height), interpolation=cv2.INTER_AREA)

    def to_full(self, points: Array) -> Array:
        """Working pixels (column, row), shape (N, 2), as pixels of the picture."""
        k = self.shrink
        return (points + 0.5) * k - 0.5 + [self.left, self.top]

    def to_work(self, points: Array) -> Array:
        """Pixels of the picture, shape (N, 2), as working pixels."""
        k = self.shrink
        return (points - [self.left, self.top] + 0.5) / k - 0.5

    def polygon(self, outline: Array, z: float = 0.0) -> Mask:
        """Mask of a table polygon, shape (N, 2) metres, at height z; edges follow the lens."""
        closed = np.vstack([outline, outline[:1]])
        steps = np.linspace(0, 1, 16, endpoint=False)[:, None]
        dense = np.vstack([a + steps * (b - a) for a, b in pairwise(closed)])
        points = np.column_stack([dense, np.full(len(dense), z)])
        pixels = self.to_work(self.camera.to_pixels(points))
        mask = np.zeros((self.height, self.width), np.uint8)
        cv2.fillPoly(mask, [np.round(pixels * 16).astype(np.int32)], 255, shift=4)
        return mask


def make_view(table: Table, camera: CameraModel) -> View:
    """Precompute the view; takes some ten milliseconds.

    Raises:
        ValueError: the picture shows no part of the playing area.
    """
    ball = table.balls.radius
    along = np.linspace(0, 1, 24)
    rim = np.vstack(
        [np.column_stack([along * table.width, np.full(24, v)]) for v in (0.0, table.length)]
        + [np.column_stack([np.full(24, v), along * table.length]) for v in (0.0, table.width)]
    )
    middles, radii = geometry.discs(camera, rim, ball)
    mean = float(np.median(radii))
    shrink = 1
    while mean / (2 * shrink) >= WORK_RADIUS:
        shrink *= 2
    pad = 1.6 * float(radii.max())
    left = max(0, int(middles[:, 0].min() - pad))
    top = max(0, int(middles[:, 1].min() - pad))
    right = min(camera.width, int(middles[:, 0].max() + pad) + 1)
    bottom = min(camera.height, int(middles[:, 1].max() + pad) + 1)
    width, height = (right - left) // shrink, (bottom - top) // shrink
    if width < 16 or height < 16:
        raise ValueError("the picture shows no part of the playing area")
    columns, rows = _grid(width), _grid(height)
    u, v = np.meshgrid(columns, rows)
    full = np.column_stack([u.ravel(), v.ravel()])
    full = (full + 0.5) * shrink - 0.5 + [left, top]
    centre = np.nan_to_num(geometry.centres_from_discs(camera, full, ball), nan=9.0)
    # Far outside the table the size is of no interest, and a lens model may fold over there.
    centre = np.clip(centre, [-1.0, -1.0], [table.width + 1.0, table.length + 1.0])
    ring = geometry.outlines(camera, centre, ball, RAYS)
    spokes = ring - ring.mean(axis=1, keepdims=True)
    size = np.linalg.norm(spokes, axis=2).mean(axis=1)
    shape = u.shape
    size_map = _spread((size / shrink).reshape(shape), columns, rows, width, height)
    x = _spread(centre[:, 0].reshape(shape), columns, rows, width, height)
    y = _spread(centre[:, 1].reshape(shape), columns, rows, width, height)
    origin = (
        columns[0] * shrink + (shrink - 1) / 2 + left,
        rows[0] * shrink + (shrink - 1) / 2 + top,
    )
    step = ((columns[1] - columns[0]) * shrink, (rows[1] - rows[0]) * shrink)
    blank = np.zeros((height, width), np.uint8)
    view = View(
        camera=camera,
        table=table,
        shrink=shrink,
        left=left,
        top=top,
        width=width,
        height=height,
        radius=size_map,
        centre=Lookup(origin, step, centre.reshape(*shape, 2)),
        spokes=Lookup(origin, step, spokes.reshape(*shape, RAYS, 2)),
        cloth=blank,
        centres=blank,
        search=blank,
        shaft=blank,
        mean_radius=mean / shrink,
    )
    corners = np.array(table.corners)
    bed = view.polygon(corners) & view.polygon(corners, table.cushion_height)
    allowed = _allowed_centres(table, x, y)
    edge = 0.7 * ball
    inner = corners + np.where(corners > 0, -edge, edge)
    size = 2 * round(1.4 * float(size_map.max())) + 1
    search = cv2.dilate(allowed, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    shaft = view.polygon(inner) & bed
    return replace(view, cloth=bed, centres=allowed, search=search, shaft=shaft)


def _allowed_centres(table: Table, x: Single, y: Single) -> Mask:
    ball = table.balls.radius
    reach = ball * (1 - SLACK)
    allowed = (x >= reach) & (x <= table.width - reach) & (y >= reach) & (y <= table.length - reach)
    for pocket in table.pockets:
        (cx, cy), (mx, my) = pocket.centre, pocket.mouth_centre
        (ax, ay), (bx, by) = pocket.jaws
        half = np.hypot(ax - bx, ay - by) / 2
        hole = np.hypot(x - cx, y - cy)
        # A ball may stand in the jaws, but not beyond the edge where it would have dropped.
        throat = (np.hypot(x - mx, y - my) < half - 0.5 * ball) & (hole > pocket.radius)
        allowed = (allowed | throat) & (hole > pocket.radius)
    return np.where(allowed, 255, 0).astype(np.uint8)


def _grid(size: int) -> Array:
    count = max(2, -(-size // GRID) + 1)
    return np.linspace(0, size - 1, count)


def _spread(coarse: Array, columns: Array, rows: Array, width: int, height: int) -> Single:
    """Bilinear interpolation of grid values onto every working pixel."""
    map_x = np.interp(np.arange(width), columns, np.arange(len(columns))).astype(np.float32)
    map_y = np.interp(np.arange(height), rows, np.arange(len(rows))).astype(np.float32)
    grid_x, grid_y = np.meshgrid(map_x, map_y)
    return cv2.remap(coarse.astype(np.float32), grid_x, grid_y, cv2.INTER_LINEAR)
