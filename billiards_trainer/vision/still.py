"""Everything that vision says about one picture on its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer.table import Table
from billiards_trainer.vision import table_size
from billiards_trainer.vision.calibration import picture_check
from billiards_trainer.vision.calibration.table_finder import TableFit, TableNotFound, find_table
from billiards_trainer.vision.cue.finder import CueObservation, find_cue
from billiards_trainer.vision.detection.colours import ColourProfile
from billiards_trainer.vision.detection.detector import BallDetector, Detection


@dataclass(frozen=True, slots=True)
class Still:
    """Table, balls and cue of one picture."""

    table: TableFit
    balls: list[Detection]
    cue: CueObservation | None


def analyse(
    picture: NDArray[np.uint8],
    table: Table | None = None,
    *,
    size_known: bool = True,
    corners: ArrayLike | None = None,
    profile: ColourProfile | None = None,
) -> Still:
    """Find table, balls and cue.

    Args:
        picture: BGR uint8.
        table: its size and balls; 9-ft pool when ``None``.
        size_known: whether the size is more than the game's usual one; else the balls judge it.
        corners: (4, 2) pixels of the cushion-nose corners, where they are known.
        profile: the balls' colours, where they were learned.

    Raises:
        TableNotFound: nothing, or no table, is seen.
        InputError: not a picture, or no corners.
    """
    fault = picture_check.describe_fault(picture)
    if fault:
        raise TableNotFound(fault)
    fit = find_table(picture, table, size_known=size_known, corners=corners)
    if table is None or not size_known:
        fit = table_size.judged(picture, fit, profile)
    detector = BallDetector(fit.table, fit.camera, profile)
    balls = detector.detect(picture)
    cue = None
    if detector.working is not None:
        cue = find_cue(picture, fit.table, fit.camera, balls, working=detector.working)
    return Still(fit, balls, cue)
