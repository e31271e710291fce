"""Does the projector's light still fall where it should?  Told from what is drawn in play.

When the drawing changes while nothing moves, the difference of the camera's pictures before and
after is the light's own change.  Laid out on the cloth it is compared with the change that the
light maps expect; the shift that makes them agree is the drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.light_map import LightMap, map_to_table
from billiards_trainer.table import Table

Picture = NDArray[np.uint8]
Single = NDArray[np.float32]

_REACH = 12
"""Cells of the light map that a drift is looked for in each direction."""
_LEAST_LIT = 120
"""Cells whose light must have changed."""
_LEAST_LIGHT = 24.0
_AGREES = 0.35
"""Correlation from which the two changes are the same drawing."""
_AS_GOOD = 0.97
"""A line says nothing of shifts along itself: of shifts about as good the smallest counts."""


@dataclass(frozen=True, slots=True)
class LightDrift:
    """Attributes:

    shift_mm: (x, y) by which light falls beside its place, millimetres on the cloth.
    agreement: correlation of what was expected, so shifted, with what was seen.
    """

    shift_mm: tuple[float, float]
    agreement: float

    @property
    def drift_mm(self) -> float:
        """Length of the shift."""
        return float(np.hypot(*self.shift_mm))


class ClothView:
    """Lays camera pictures out on the light map's grid."""

    def __init__(self, table: Table, camera: CameraModel) -> None:
        cells = map_to_table(table)
        rows, columns = cells.shape[:2]
        pixels = camera.to_pixels(cells.reshape(-1, 2)).reshape(rows, columns, 2)
        self._x, self._y = cv2.convertMaps(
            pixels[..., 0].astype(np.float32), pixels[..., 1].astype(np.float32), cv2.CV_16SC2
        )
        edge = round(LightMap.MARGIN / LightMap.RESOLUTION) + 4
        self._cloth = np.s_[edge : rows - edge, edge : columns - edge]

    def drift(
        self, before: tuple[Picture, Picture], after: tuple[Picture, Picture]
    ) -> LightDrift | None:
        """Compare two moments, each a camera picture and the light map at its exposure.

        Returns:
            ``None`` where too little has changed to tell, or something else has changed as well.
        """
        expected = _brightness(after[1]) - _brightness(before[1])
        lit = np.abs(expected[self._cloth]) > _LEAST_LIGHT
        if int(lit.sum()) < _LEAST_LIT:
            return None
        seen = self._laid_out(after[0]) - self._laid_out(before[0])
        inner = np.s_[_REACH:-_REACH, _REACH:-_REACH]
        field, pattern = seen[self._cloth], expected[self._cloth][inner]
        scores = np.asarray(
            cv2.matchTemplate(
                np.ascontiguousarray(field), np.ascontiguousarray(pattern), cv2.TM_CCOEFF_NORMED
            ),
            dtype=np.float32,
        )
        best = float(scores.max())
        if not best > _AGREES:
            return None
        row, column = _smallest(scores, _AS_GOOD * best)
        y, x = row - _REACH, column - _REACH
        mm = 1e3 * LightMap.RESOLUTION
        return LightDrift((mm * (x + _peak(scores[row], column)),
                           mm * (y + _peak(scores[:, column], row))), best)  # fmt: skip

    def _laid_out(self, picture: Picture) -> Single:
        flat = np.asarray(cv2.remap(picture, self._x, self._y, cv2.INTER_LINEAR), dtype=np.uint8)
        return np.asarray(cv2.GaussianBlur(_brightness(flat), (0, 0), 0.8), dtype=np.float32)


def _brightness(picture: Picture) -> Single:
    return np.asarray(picture.astype(np.float32).sum(axis=2) / 3, dtype=np.float32)


def _smallest(scores: Single, least: float) -> tuple[int, int]:
    """Of all shifts that agree well enough, the one nearest to none."""
    rows, columns = np.nonzero(scores >= least)
    away = (rows - _REACH) ** 2 + (columns - _REACH) ** 2
    k = int(np.argmin(away - 1e-3 * scores[rows, columns]))
    return int(rows[k]), int(columns[k])


def _peak(line: Single, at: int) -> float:
    """Fraction of a cell between a value and the top of the parabola through its neighbours."""
    if not 0 < at < len(line) - 1:
        return 0.0
    a, b, c = (float(v) for v in line[at - 1 : at + 2])
    bend = a - 2 * b + c
    return min(0.5, max(-0.5, 0.5 * (a - c) / bend)) if bend < -1e-9 else 0.0
