"""Watches in play whether the projector has been moved; see ``calibration.light_drift``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration.light_drift import ClothView

_STEADY = 4
"""Pictures in a row under the same light: a projector may be some pictures late."""
_LOOKS = 5
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class _Moment:
    picture: NDArray[np.uint8]
    light: NDArray[np.uint8]
    sequence: int


class ProjectorWatch:
    """Give it every picture; it looks closely only where the light changes on a quiet table.

    Args:
        table: what is looked at.
        limit_mm: the projector counts as moved from here on.
    """

    def __init__(self, table: Table, limit_mm: float) -> None:
        self.limit_mm = limit_mm
        self._table = table
        self._camera: CameraModel | None = None
        self._view: ClothView | None = None
        self.forget()

    def forget(self) -> None:
        """A new calibration: what was measured before says nothing of it."""
        self._steady: _Moment | None = None
        self._count = 0
        self._before: _Moment | None = None
        self._drifts: deque[float] = deque(maxlen=_LOOKS)

    @property
    def drift_mm(self) -> float | None:
        """How far off the light falls, by the latest looks; ``None`` before there are some."""
        return float(np.median(self._drifts)) if len(self._drifts) >= _FEWEST else None

    @property
    def moved(self) -> bool:
        """Whether the projector should be calibrated again."""
        drift = self.drift_mm
        return drift is not None and drift > self.limit_mm

    def look(
        self,
        picture: NDArray[np.uint8],
        light: tuple[NDArray[np.uint8], int] | None,
        state: m.TableState,
        camera: CameraModel | None,
    ) -> None:
        """Take in a picture.

        Args:
            picture: from the camera.
            light: the light map at its exposure, and its number.
            state: what was seen in the picture.
            camera: the calibration in force.
        """
        busy = state.cue is not None or any(b.moving or not b.visible for b in state.balls)
        if light is None or camera is None or busy or not state.quality.usable:
            self._steady, self._before, self._count = None, None, 0
            return
        lit, sequence = light
        if self._steady is not None and self._steady.sequence == sequence:
            self._count += 1
            if self._count == _STEADY:
                self._compare(_Moment(picture, lit, sequence), camera)
            return
        self._steady, self._count = _Moment(picture, lit, sequence), 1

    def _compare(self, now: _Moment, camera: CameraModel) -> None:
        before, self._before = self._before, now
        if before is None:
            return
        if camera is not self._camera:
            self._camera, self._view = camera, ClothView(self._table, camera)
        assert self._view is not None
        found = self._view.drift((before.picture, before.light), (now.picture, now.light))
        if found is not None:
            self._drifts.append(found.drift_mm)
