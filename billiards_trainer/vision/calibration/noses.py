"""The nose edges in a picture, looked for where a camera model says they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration import rails

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NoseEdge:
    """One rail's nose as seen.

    Attributes:
        edge: the edge in the picture.
        outwards: (n,) metres on the noses' plane from where the camera model puts the nose.
    """

    edge: rails.Edge
    outwards: Array


def corners_px(camera: CameraModel, table: Table, margin: float = 0.0) -> Array:
    """(4, 2) pixels of the nose rectangle grown by ``margin`` metres, in the table's order."""
    outwards = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    points = np.array(table.corners) + margin * outwards
    return camera.to_pixels(np.column_stack([points, np.full(4, table.cushion_height)]))


def find_noses(
    picture: NDArray[np.uint8], camera: CameraModel, table: Table, tolerance: float
) -> list[NoseEdge | None]:
    """Look for each rail's nose near its expected place.

    Args:
        picture: BGR uint8 (H, W, 3).
        camera: where the noses are expected.
        table: its table.
        tolerance: how far off an edge may well be, metres.

    Returns:
        Four entries; ``None`` for a rail whose nose is not seen.
    """
    size = (table.width, table.length)
    homography = rails.plane_homography(corners_px(camera, table), *size)
    found: list[NoseEdge | None] = []
    for side in range(4):
        reach = max(3.0 * tolerance, 5.0 * rails.metres_per_pixel(homography, size, side))
        strip = rails.sample_strip(picture, homography, size, side, (-reach, reach))
        # Where the expected nose runs in this strip: the lens bends it off the straight line.
        at = camera.to_plane(strip.pixels.reshape(-1, 2), table.cushion_height)
        inwards = _inwards(at, side, table).reshape(strip.pixels.shape[:2])
        rows = [np.interp(0.0, row, strip.depth) for row in inwards]
        edge = rails.find_nose(strip, np.array(rows), tolerance)
        if edge is None or edge.strength < 2.0 or edge.share < 0.25:
            found.append(None)
            continue
        points = camera.to_plane(edge.pixels, table.cushion_height)
        found.append(NoseEdge(edge, -_inwards(points, side, table)))
    return found


def _inwards(points: Array, side: int, table: Table) -> Array:
    x, y = points.T
    return np.asarray([y, table.width - x, table.length - y, x][side])
