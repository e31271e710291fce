"""The projector's calibration as vision carries it out: patterns out, pictures in, a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.bus import Request
from billiards_trainer.camera_model import CameraModel
from billiards_trainer.vision.calibration.projector_session import ProjectorSession
from billiards_trainer.vision.calibrations import Calibrations

if TYPE_CHECKING:
    from billiards_trainer.process import ChildProcess
    from billiards_trainer.vision.calibration.projector_fit import ProjectorFit

_TRIES = 5
"""Somebody walks past the table: look again, until the command's deadline is near."""
PAUSED = "the projector is being calibrated"


class ProjectorCalibrator:
    """Serves ``calibration.projector``; call ``step`` in each round of vision's loop.

    Args:
        process: vision's.
        calibrations: where the result is kept.
        on_stored: told when a new calibration has come into force.
    """

    def __init__(
        self,
        process: ChildProcess,
        calibrations: Calibrations,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        self._process = process
        self._on_stored = on_stored
        self._calibrations = calibrations
        self._answers = process.bus.subscribe("projector.pattern_shown")
        process.bus.announce("projector.pattern", "calibration.stored")
        self._session: ProjectorSession | None = None
        self._waiting: list[Request] = []
        self._source = ""
        self._tries_left = 0

    @property
    def active(self) -> bool:
        """Whether patterns are being shown."""
        return self._session is not None

    def begin(self, request: Request, source: m.SourceInfo | None) -> None:
        """Answer at the end; who asks while it runs is told the same."""
        camera = self._calibrations.camera
        if camera is None or source is None:
            request.reply(m.Done(ok=False, detail="calibrate the camera first: no table is seen"))
            return
        self._waiting.append(request)
        if self._session is not None:
            return
        self._source = source.name
        self._tries_left = _TRIES
        self._start(camera.camera)

    def _start(self, camera: CameraModel) -> None:
        now = time.monotonic_ns()
        self._session = ProjectorSession(
            now // 1_000_000,
            camera,
            self._calibrations.table,
            now,
            settle_s=0.15 + self._process.config.projector.display_delay_s,
            camera_mm=self._calibrations.camera_mm(),
        )
        self._answers.drain()

    def see(self, picture: NDArray[np.uint8], exposure_ns: int) -> None:
        """A picture from the camera."""
        if self._session is not None:
            self._session.see(picture, exposure_ns)

    def step(self) -> None:
        """Ask for the pattern that is wanted, hear what the projector says, and finish."""
        session = self._session
        if session is None:
            return
        for answer in self._answers.drain():
            if isinstance(answer, m.PatternShown):
                session.shown(answer)
        session.wait(time.monotonic_ns())
        if session.over:
            self._session = None
            self._tries_left -= 1
            camera = self._calibrations.camera
            if session.fit is None and session.disturbed and self._tries_left and camera:
                self._start(camera.camera)
            else:
                self._finish(session)
            return
        self._process.bus.publish("projector.pattern", session.pattern)

    def _finish(self, session: ProjectorSession) -> None:
        done = m.Done(ok=False, detail=session.problem)
        if session.fit is not None:
            done = self._stored(session.fit)
        self._process.log.info("projector calibration", ok=done.ok, detail=done.detail)
        for request in self._waiting:
            request.reply(done)
        self._waiting = []

    def _stored(self, fit: ProjectorFit) -> m.Done:
        try:
            kept = self._calibrations.keep_projector(fit, self._source)
        except OSError as error:
            return m.Done(ok=False, detail=f"the calibration cannot be stored: {error.strerror}")
        self._process.bus.publish(
            "calibration.stored", m.CalibrationStored(id=kept.id, kind="projector")
        )
        self._on_stored()
        return m.Done(
            ok=True,
            detail=f"projector calibrated: residual {fit.residual_mm:.2f} mm on the cloth "
            f"({fit.dots} dots on {100 * fit.cover:.0f} % of it agree within "
            f"{fit.dots_mm:.2f} mm), stored as {kept.id}",
        )
