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


def corners_px(camera: CameraModel, table: Table, margin: float = 0.0, rise: float = 0.0) -> Array:
    """(4, 2) pixels of the nose rectangle, in the table's order.

    Args:
        camera: who sees it.
        table: its table.
        margin: by how much the rectangle is grown, metres.
        rise: by how much it is lifted above the noses, metres.
    """
    outwards = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    points = np.array(table.corners) + margin * outwards
    return camera.to_pixels(np.column_stack([points, np.full(4, table.cushion_height + rise)]))


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
        along, bend = bend_of(camera, table, homography, side)
        wide = (
            min(reach[0], -least) + float(bend.min()),
            max(reach[1], least) + float(bend.max()),
        )
        strip = rails.sample_strip(picture, homography, size, side, wide)
        out.append((strip, np.interp(strip.along, along, bend)))
    return out


def bend_of(
    camera: CameraModel,
    table: Table,
    homography: Array,
    side: int,
    margin: float = 0.0,
    rise: float = 0.0,
) -> tuple[Array, Array]:
    """Where a line along a rail runs beside the straight line between the nose corners' pixels.

    Args:
        camera: the lens bends the line off the straight one.
        table: its table.
        homography: 3x3 from the nose rectangle to the pixels of its corners.
        side: 0…3.
        margin: how far outside the nose the line lies, metres.
        rise: how far above it, metres.

    Returns:
        Positions along the rail, 0…1, and metres inwards, in the strip's own coordinates.
    """
    outwards = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    corners = np.array(table.corners) + margin * outwards
    t = np.linspace(0.0, 1.0, 25)[:, None]
    line = corners[side] * (1 - t) + corners[(side + 1) % 4] * t
    height = np.full(len(line), table.cushion_height + rise)
    seen = camera.to_pixels(np.column_stack([line, height]))
    x, y = rails.project(np.asarray(np.linalg.inv(homography), dtype=np.float64), seen).T
    w, length = table.width, table.length
    along = [x / w, y / length, 1 - x / w, 1 - y / length][side]
    return np.asarray(along), _inwards(np.column_stack([x, y]), side, table)


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
