"""Keeps the camera's calibration good while the appliance runs.

A table found in one picture is found again in several, soon and once more later; every now and
then the noses are compared with where they should be, in play too.  A knocked camera is reported
at once, and calibrated anew when nobody plays.  The work is done beside the pictures.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration.drift import Drift, measure_drift, moved_mm

if TYPE_CHECKING:
    from billiards_trainer.vision.calibration.table_finder import TableFit

Picture = NDArray[np.uint8]

ROUNDS = ((7, 0.4), (15, 20.0))
"""Pictures, and seconds between them, from which a table is found again."""
_AFTER_A_KNOCK = (5, 0.3)
_KNOCKED_TIMES = 3
"""Looks in a row that must find the camera moved, or find no noses."""
_SUSPICIOUS_S = 1.0
_QUIET_S = 2.0
"""Seconds without cue and motion that mean that nobody plays."""
_SMALL_MM = 25.0
"""A refinement does not move the table farther, unless it is very sure."""
_SURE = 0.8

Submit = Callable[[Callable[[], "Drift | TableFit | None"]], "Future[Drift | TableFit | None]"]


@dataclass(frozen=True, slots=True)
class Better:
    """A calibration to put in force.

    Attributes:
        fit: the table as found.
        moved_mm: how far the corner that moved most was off.
        knocked: whether the camera has been moved; otherwise it is the same, better known.
    """

    fit: TableFit
    moved_mm: float
    knocked: bool


class Upkeep:
    """Told of every picture; says when there is a better calibration.

    Attributes:
        drift_mm: the middle one of the last three measured; ``None`` where it could not be.
        problem: one sentence while the camera hangs elsewhere than its calibration says.
    """

    def __init__(
        self,
        table: Table,
        *,
        check_s: float,
        limit_mm: float,
        clock: Callable[[], float] = time.monotonic,
        submit: Submit | None = None,
    ) -> None:
        """Set up.

        Args:
            table: what is looked at.
            check_s: seconds between two looks for drift.
            limit_mm: the camera counts as moved from here on.
            clock: seconds.
            submit: runs a job; in a thread of its own when ``None``.
        """
        self.drift_mm: float | None = None
        self.problem: str | None = None
        self._table = table
        self._check_s, self._limit_mm = check_s, limit_mm
        self._clock = clock
        self._submit = submit or ThreadPoolExecutor(1, "upkeep").submit
        self._job: Future[Drift | TableFit | None] | None = None
        self._refining = False
        self._camera: CameraModel | None = None
        self._rounds: list[tuple[int, float]] = []
        self._pictures: list[Picture] = []
        self._next_picture = self._next_check = self._busy_at = 0.0
        self._knocked = 0
        self._drifts: deque[float] = deque(maxlen=_KNOCKED_TIMES)

    def begin(self, camera: CameraModel, *, refine: bool) -> None:
        """A calibration has been put in force.

        Args:
            camera: the calibration.
            refine: whether it was found in a single picture.
        """
        self._camera, self._job = camera, None
        self._rounds = list(ROUNDS) if refine else []
        self._pictures = []
        self._knocked, self.problem, self.drift_mm = 0, None, None
        self._drifts.clear()
        now = self._clock()
        self._next_picture, self._next_check = now, now + self._check_s

    def see(self, picture: Picture, *, busy: bool) -> Better | None:
        """Take in a usable picture.

        Args:
            picture: BGR uint8; kept or looked at later, so it must not change.
            busy: whether somebody plays: a cue is seen or a ball rolls.
        """
        now = self._clock()
        if busy:
            self._busy_at = now
        if self._camera is None:
            return None
        if self._job is not None:
            # A table that shifts under rolling balls is a shot that cannot be made sense of.
            waits = busy and self._refining
            return self._finish(self._camera) if self._job.done() and not waits else None
        quiet = now - self._busy_at >= _QUIET_S
        if self._rounds and now >= self._next_picture and (quiet or self._knocked == 0):
            self._gather(picture, now, self._camera)
        elif now >= self._next_check:
            self._next_check = now + self._check_s
            camera = self._camera
            self._refining = False
            self._job = self._submit(lambda: measure_drift(picture, camera, self._table))
        return None

    def _gather(self, picture: Picture, now: float, camera: CameraModel) -> None:
        count, every_s = self._rounds[0]
        self._pictures.append(picture)
        self._next_picture = now + every_s
        if len(self._pictures) < count:
            return
        pictures, self._pictures = self._pictures, []
        self._rounds.pop(0)
        self._refining = True
        self._job = self._submit(lambda: _again(pictures, self._table, camera))

    def _finish(self, camera: CameraModel) -> Better | None:
        assert self._job is not None
        result, self._job = self._job.result(), None
        if isinstance(result, Drift):
            self._judge(result)
            return None
        if result is None:
            self._knocked = 0
            return None
        moved = moved_mm(camera, result.camera, self._table)
        knocked = self._knocked >= _KNOCKED_TIMES
        if not knocked and moved > _SMALL_MM and result.confidence < _SURE:
            return None
        self._camera = result.camera
        self._knocked, self.problem, self.drift_mm = 0, None, None
        self._drifts.clear()
        return Better(result, moved, knocked)

    def _judge(self, drift: Drift) -> None:
        if drift.drift_mm is not None:
            self._drifts.append(drift.drift_mm)
        self.drift_mm = None if drift.drift_mm is None else median(self._drifts)
        if drift.drift_mm is not None and drift.drift_mm <= self._limit_mm:
            self._knocked, self.problem = 0, None
            return
        self._knocked += 1
        self._next_check = self._clock() + _SUSPICIOUS_S
        if self._knocked < _KNOCKED_TIMES:
            return
        far = "" if drift.drift_mm is None else f" by about {drift.drift_mm:.0f} mm"
        # Edges of which none is the nose that should be there; a covered table shows none at all.
        if drift.drift_mm is not None or drift.rails_mm.count(None) <= 1:
            self.problem = (
                f"the camera has been moved{far}: it is calibrated anew when nobody plays"
            )
        if not self._rounds or self._rounds[0] != _AFTER_A_KNOCK:
            # Pictures from before the knock would spoil the next ones.
            self._rounds, self._pictures = [_AFTER_A_KNOCK, *ROUNDS[1:]], []


def _again(pictures: list[Picture], table: Table, camera: CameraModel) -> TableFit | None:
    # Here rather than at the top: the optimiser takes long to load and is seldom needed.
    from billiards_trainer.vision.calibration.refinement import find_again

    try:
        return find_again(pictures, table, camera)
    except InputError:
        return None
