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


def expected_strips(
    picture: NDArray[np.uint8], camera: CameraModel, table: Table, reach: tuple[float, float]
) -> list[tuple[rails.Strip, Array]]:
    """Strips along the four rails, and the depths (S,) at which each nose is expected in them.

    Args:
        picture: BGR uint8 (H, W, 3).
        camera: where the noses are expected.
        table: its table.
        reach: from and to, metres inwards from the nose; widened to a few pixels where the rail
            is seen at a flat angle.
    """
    size = (table.width, table.length)
    homography = rails.plane_homography(corners_px(camera, table), *size)
    out = []
    for side in range(4):
        least = 5.0 * rails.metres_per_pixel(homography, size, side)
        wide = (min(reach[0], -least), max(reach[1], least))
        strip = rails.sample_strip(picture, homography, size, side, wide)
        # Where the expected nose runs in this strip: the lens bends it off the straight line.
        at = camera.to_plane(strip.pixels.reshape(-1, 2), table.cushion_height)
        inwards = _inwards(at, side, table).reshape(strip.pixels.shape[:2])
        out.append((strip, np.array([np.interp(0.0, row, strip.depth) for row in inwards])))
    return out


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
    found: list[NoseEdge | None] = []
    reach = (-3.0 * tolerance, 3.0 * tolerance)
    for strip, expected in expected_strips(picture, camera, table, reach):
        edge = rails.find_nose(strip, expected, tolerance)
        if edge is None or edge.strength < 2.0 or edge.share < 0.25:
            found.append(None)
            continue
        points = camera.to_plane(edge.pixels, table.cushion_height)
        found.append(NoseEdge(edge, -_inwards(points, strip.side, table)))
    return found


def _inwards(points: Array, side: int, table: Table) -> Array:
    x, y = points.T
    return np.asarray([y, table.width - x, table.length - y, x][side])
