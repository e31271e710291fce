"""Has somebody knocked the camera?  The noses in the present picture against the calibration.

Cheap enough to run every few seconds while nobody plays: four narrow strips are looked at, where
the calibration says the noses are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration import rails


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the noses lie from where the calibration puts them.

    Attributes:
        drift_mm: median over the rails' points of the distance, millimetres, of the rail that
            moved most; ``None`` where too little of the rails was seen to tell.
        rails_mm: outwards per rail, millimetres; ``None`` for a rail that was not seen.
    """

    drift_mm: float | None
    rails_mm: tuple[float | None, float | None, float | None, float | None]


def measure_drift(
    picture: NDArray[np.uint8], camera: CameraModel, table: Table, reach: float = 0.020
) -> Drift:
    """Compare a picture with a calibration.

    Args:
        picture: BGR uint8 (H, W, 3), of the size the camera was calibrated with.
        camera: the calibration in force.
        table: its table.
        reach: how far off an edge is looked for, metres.
    """
    corners = camera.to_pixels(
        np.column_stack([np.array(table.corners), np.full(4, table.cushion_height)])
    )
    size = (table.width, table.length)
    homography = rails.plane_homography(corners, *size)
    offsets: list[float | None] = []
    for side in range(4):
        strip = rails.sample_strip(picture, homography, size, side, (-2 * reach, 2 * reach))
        # Where the calibrated nose runs in this strip: the lens bends it off the straight line.
        at = camera.to_plane(strip.pixels.reshape(-1, 2), table.cushion_height)
        inwards = _inwards(at, side, table).reshape(strip.pixels.shape[:2])
        expected = np.array([np.interp(0.0, row, strip.depth) for row in inwards], dtype=np.float64)
        edge = rails.find_nose(strip, expected, reach)
        if edge is None or edge.strength < 2.0 or edge.share < 0.3:
            offsets.append(None)
            continue
        found = camera.to_plane(edge.pixels, table.cushion_height)
        offsets.append(-1e3 * float(np.median(_inwards(found, side, table))))
    seen = [abs(o) for o in offsets if o is not None]
    return Drift(
        max(seen) if len(seen) >= 2 else None,
        (offsets[0], offsets[1], offsets[2], offsets[3]),
    )


def _inwards(points: NDArray[np.float64], side: int, table: Table) -> NDArray[np.float64]:
    """Distance inwards from a nose line, metres, (n,)."""
    x, y = points.T
    return np.asarray([y, table.width - x, table.length - y, x][side])
