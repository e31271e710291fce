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
from billiards_trainer.vision.calibration.noses import find_noses


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the noses lie from where the calibration puts them.

    Attributes:
        drift_mm: the rail that moved most, millimetres; ``None`` where fewer than two rails were
            seen and nothing can be said.
        rails_mm: outwards per rail, median along it, millimetres; ``None`` for a rail not seen.
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
    rails_mm = [
        None if nose is None else 1e3 * float(np.median(nose.outwards))
        for nose in find_noses(picture, camera, table, reach)
    ]
    seen = [abs(mm) for mm in rails_mm if mm is not None]
    return Drift(
        max(seen) if len(seen) >= 2 else None,
        (rails_mm[0], rails_mm[1], rails_mm[2], rails_mm[3]),
    )
