"""One calibration of the projector, from the first pattern to the result: decisions only.

Each pattern is asked for until the projector says when it came on.  Pictures exposed a little later
are averaged; then the next pattern's turn comes.  A pattern shown without any dot stands at the
beginning and at the end: where the two differ something has moved, and dots count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration import projector_dots
from billiards_trainer.vision.calibration.projector_fit import (
    ProjectorFit,
    ProjectorNotSolved,
    fit_projector,
    on_cloth,
)

_PICTURES = 3
"""Averaged for each pattern."""
_PATIENCE_NS = 8_000_000_000
"""A pattern that has not been seen after so long will not be."""
_MOVED_LEVELS = 30.0
_MOVED_REACH_PX = 15


@dataclass(frozen=True, slots=True)
class _Step:
    digit: int | None
    dark: bool = False


_STEPS = (
    _Step(None, dark=True),
    _Step(None),
    *(_Step(k) for k in range(projector_dots.DIGITS)),
    _Step(None, dark=True),
)


class ProjectorSession:
    """Feed it the projector's answers and the camera's pictures until ``fit`` is there.

    Args:
        number: of the first pattern; later ones count on, so that old answers are told from new.
        camera: the camera calibration in force.
        table: what is calibrated on.
        now_ns: monotonic time.
        settle_s: between a flip and the first picture that certainly shows it, seconds.
        camera_mm: uncertainty of the camera's calibration, millimetres on the cloth.

    Attributes:
        fit: the result, at the end.
        size: (width, height) of the projector's picture, once it is known.
        problem: why there will be no result, one sentence.
        disturbed: something moved meanwhile, and it may be better next time.
    """

    def __init__(
        self,
        number: int,
        camera: CameraModel,
        table: Table,
        now_ns: int,
        *,
        settle_s: float = 0.15,
        camera_mm: float = 0.0,
    ) -> None:
        self.fit: ProjectorFit | None = None
        self.size: tuple[int, int] | None = None
        self.problem = ""
        self.disturbed = False
        self._first = number
        self._camera, self._table = camera, table
        self._settle_ns = round(settle_s * 1e9)
        self._camera_mm = camera_mm
        self._step = 0
        self._since_ns = now_ns
        self._lit_ns: int | None = None
        self._sum: NDArray[np.float32] | None = None
        self._count = 0
        self._pictures: list[NDArray[np.float32]] = []

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.fit is not None or bool(self.problem)

    @property
    def pattern(self) -> m.Pattern:
        """What the projector shall show now."""
        step = _STEPS[min(self._step, len(_STEPS) - 1)]
        places = projector_dots.dot_places()[projector_dots.shown_dots(step.digit)]
        dots = () if step.dark else tuple((float(u), float(v)) for u, v in places)
        return m.Pattern(number=self._first + self._step, dots=dots, radius=projector_dots.RADIUS)

    def shown(self, answer: m.PatternShown) -> None:
        """The projector says that a pattern has come on."""
        if answer.number != self._first + self._step or self._lit_ns is not None:
            return
        if self.size not in (None, (answer.width, answer.height)):
            self.problem = "the projector's display changed meanwhile: try again"
        self.size = (answer.width, answer.height)
        self._lit_ns = answer.flip_ns

    def see(self, picture: NDArray[np.uint8], exposure_ns: int) -> None:
        """A camera picture; every one may be given."""
        if self.over or self._lit_ns is None or exposure_ns < self._lit_ns + self._settle_ns:
            return
        if picture.shape[:2] != (self._camera.height, self._camera.width):
            self.problem = "the camera's picture changed its size meanwhile: try again"
            return
        if self._sum is None:
            self._sum = np.zeros(picture.shape, np.float32)
        self._sum += picture
        self._count += 1
        if self._count == _PICTURES:
            self._next(exposure_ns)

    def wait(self, now_ns: int) -> None:
        """Time passes; patience ends."""
        if not self.over and now_ns - self._since_ns > _PATIENCE_NS:
            self.problem = (
                "the projector does not show the pattern: is it switched on and its module running?"
                if self._lit_ns is None
                else "no pictures come from the camera"
            )

    def _next(self, now_ns: int) -> None:
        assert self._sum is not None
        self._pictures.append((self._sum / self._count).astype(np.float32))
        self._step += 1
        self._sum, self._count, self._lit_ns, self._since_ns = None, 0, None, now_ns
        if self._step == len(_STEPS):
            self._solve()

    def _solve(self) -> None:
        dark, lit, *digits, last = self._pictures
        self._pictures = []
        moved = (np.abs(last - dark).max(axis=2) > _MOVED_LEVELS).astype(np.uint8)
        moved = cv2.dilate(moved, np.ones((_MOVED_REACH_PX, _MOVED_REACH_PX), np.uint8))
        assert self.size is not None
        seen = projector_dots.find_dots(dark, lit, digits)
        places = self._camera.to_plane(seen.pixel, 0.0)
        columns, rows = np.rint(seen.pixel).astype(int).T
        usable = on_cloth(self._table, places) & (moved[rows, columns] == 0)
        pixels = projector_dots.dot_places()[seen.number] * self.size - 0.5
        try:
            self.fit = fit_projector(
                pixels[usable],
                places[usable],
                self._table,
                self.size,
                height=float(self._camera.position[2]),
                camera_mm=self._camera_mm,
            )
        except ProjectorNotSolved as error:
            self.problem = str(error)
            self.disturbed = bool(moved.any())
