"""The table found again in several pictures together, when one has led the way.

Of each pixel the median over the pictures is taken: players, balls and cues that move disappear,
and so does most of the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration.drift import moved_mm
from billiards_trainer.vision.calibration.noses import corners_px
from billiards_trainer.vision.calibration.table_finder import TableFit, find_table, turned_round

Picture = NDArray[np.uint8]


def combined(pictures: Sequence[Picture]) -> Picture:
    """Of each pixel the median.

    Args:
        pictures: BGR uint8, all of one shape (H, W, 3); at least one.
    """
    if len(pictures) == 1:
        return pictures[0]
    middle = np.median(np.stack(pictures), axis=0)
    return np.asarray(np.round(middle), dtype=np.uint8)


def find_again(pictures: Sequence[Picture], table: Table, before: CameraModel) -> TableFit:
    """Find the table anew, its head end where it was.

    Args:
        pictures: of one camera that hung still.
        table: its table.
        before: the calibration that was in force.

    Raises:
        TableNotFound: no table is seen.
    """
    fit = find_table(combined(pictures), table)
    turned = turned_round(fit.camera, table)
    if moved_mm(before, turned, table) >= moved_mm(before, fit.camera, table):
        return fit
    return replace(
        fit,
        camera=turned,
        corners_px=corners_px(turned, table),
        cloth_corners_px=np.roll(fit.cloth_corners_px, 2, axis=0),
    )
