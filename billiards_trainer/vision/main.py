"""The process ``vision``: camera ring → table.state; serves the calibration commands.

It only reads the ring: whoever writes it (camera or virtual table) may stall, end or be replaced.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from billiards_trainer import messages as m
from billiards_trainer.bus import Request
from billiards_trainer.errors import InputError
from billiards_trainer.frames import Picture, RingPicture, RingReader
from billiards_trainer.models.registry import site_folder
from billiards_trainer.process import ChildProcess
from billiards_trainer.table import TableError
from billiards_trainer.vision.calibration.ball_colours import learn_colours
from billiards_trainer.vision.calibration.drift import measure_drift
from billiards_trainer.vision.calibrations import Calibrations
from billiards_trainer.vision.colour_lessons import ColourLessons
from billiards_trainer.vision.corrections import FOLDER, CorrectionArchive
from billiards_trainer.vision.detection import identity_network
from billiards_trainer.vision.pipeline import Pipeline
from billiards_trainer.vision.projector_calibrator import PAUSED, ProjectorCalibrator
from billiards_trainer.vision.projector_watch import ProjectorWatch
from billiards_trainer.vision.rack_watch import RackWatch
from billiards_trainer.vision.tracking.correcting import CorrectionError
from billiards_trainer.vision.upkeep import Upkeep

if TYPE_CHECKING:
    from billiards_trainer.vision.calibration.table_finder import TableFit

_SILENT_S = 1.0


def main() -> int:
    """Run until SIGTERM."""
    with ChildProcess("vision") as process:
        vision = Vision(process)
        process.ready()
        while process.running():
            vision.step()
    return 0


class Vision:
    """Looks at each new picture once and publishes what it shows."""

    def __init__(self, process: ChildProcess) -> None:
        self._process = process
        try:
            self._table = process.config.table.to_table()
        except TableError as error:
            raise InputError(f"table: {error}") from None
        self._identity = identity_network.choose_site(site_folder(process.state_dir))
        process.log.info(self._identity.status)
        self._calibrations = Calibrations(process.state_dir, self._table)
        self._corrections = CorrectionArchive(process.state_dir / FOLDER)
        self._racks = RackWatch()
        self._frames = process.bus.subscribe("camera.frame")
        self._game = process.bus.subscribe("game.state")
        self._commands = process.bus.serve()
        self._projector_watch = ProjectorWatch(
            self._table, process.config.vision.projector_drift_mm
        )
        self._projector = ProjectorCalibrator(
            process, self._calibrations, self._projector_watch.forget
        )
        self._state: m.TableState | None = None
        process.bus.announce("table.state")
        self._pictures = RingReader(process.camera_ring)
        self._light = RingReader(process.light_ring)
        self._source: m.SourceInfo | None = None
        self._take = 0
        self._pipeline = self._new_pipeline()
        self._load_table_finder()
        self._last: RingPicture | None = None
        self._seen_at = time.monotonic()
        self._times: deque[float] = deque(maxlen=60)
        limits = process.config.vision
        self._upkeep = Upkeep(
            self._table, check_s=limits.drift_check_s, limit_mm=limits.drift_limit_mm
        )
        self._kept_up: str | None = None
        self._lessons = ColourLessons()

    def _load_table_finder(self) -> None:
        """Load the optimiser now: between two pictures it would take longer than a heartbeat may.

        With a stored calibration it is hardly ever needed and may come up beside the work.
        """
        loading = threading.Thread(
            target=importlib.import_module,
            args=("billiards_trainer.vision.calibration.table_finder",),
            name="load-table-finder",
            daemon=True,
        )
        loading.start()
        if not self._calibrations.has_camera:
            loading.join()

    def step(self) -> None:
        """Wait for a picture or a command and deal with it."""
        self._process.bus.wait([self._frames, self._commands], timeout_ms=50)
        for request in self._commands.pending():
            self._answer(request)
        self._projector.step()
        game = self._game.receive()
        if isinstance(game, m.GameState) and self._racks.has_ended(game):
            self._pipeline.new_rack()
        announced = self._frames.receive()
        if not isinstance(announced, m.CameraFrame):
            self._maybe_silent()
            return
        picture = self._pictures.latest()
        if picture is not None:
            self._look(picture, announced.source, announced.take)

    def _look(self, picture: RingPicture, source: m.SourceInfo, take: int) -> None:
        height, width = picture.image.shape[:2]
        if source != self._source or (self._last and self._last.image.shape != picture.image.shape):
            self._source = source
            self._begin_with_stored(picture, source, width, height)
        elif take != self._take:
            self._pipeline.restart()
        self._take = take
        self._last = picture
        self._seen_at = time.monotonic()
        if self._projector.active and self._state is not None:
            self._projector.see(picture.image, picture.exposure_ns)
            self._publish(_paused(self._state, picture))
            return
        light = self._light.before(picture.exposure_ns)
        state = self._pipeline.process(
            picture.image,
            picture.frame,
            picture.exposure_ns,
            source,
            None if light is None else light.image,
        )
        self._state = state
        self._publish(state)
        self._keep_up(picture.image, state)
        shone = None if light is None else (light.image, light.sequence)
        self._projector_watch.look(picture.image, shone, state, self._pipeline.camera)

    def _publish(self, state: m.TableState) -> None:
        self._process.bus.publish("table.state", state)
        self._process.advance()
        self._report(state)

    # --- calibration ------------------------------------------------------------------------------

    def _new_pipeline(self) -> Pipeline:
        return Pipeline(self._table, profile=self._calibrations.colours(), on_found=self._keep)

    def _begin_with_stored(
        self, picture: RingPicture, source: m.SourceInfo, width: int, height: int
    ) -> None:
        """A new source: take its last calibration if the picture still agrees with it."""
        self._pipeline.search()
        stored = self._calibrations.for_source(source, width, height)
        if stored is None:
            return
        drift = measure_drift(picture.image, stored.camera, self._table).drift_mm
        if drift is None or drift > self._process.config.vision.drift_limit_mm:
            self._process.log.info("stored calibration does not fit", id=stored.id, drift_mm=drift)
            return
        self._pipeline.calibrate(
            stored.camera,
            stored.id,
            residual_mm=stored.residual_mm,
            head_guessed=bool(stored.data.get("head_guessed", True)),
        )

    def _keep(self, fit: TableFit) -> str:
        assert self._source is not None
        try:
            kept = self._calibrations.keep(fit, self._source)
        except OSError as error:
            self._process.log.error("calibration not stored", reason=str(error))
            return "unstored"
        self._process.log.info("table found", id=kept.id, residual_mm=round(fit.residual_mm, 2))
        return kept.id

    def _keep_up(self, picture: Picture, state: m.TableState) -> None:
        """Better calibrations out of more pictures; a knocked camera noticed and mended."""
        pipeline = self._pipeline
        if pipeline.camera is None or not state.quality.usable:
            return
        if pipeline.calibration != self._kept_up:
            self._kept_up = pipeline.calibration
            self._lessons.clear()
            self._upkeep.begin(pipeline.camera, refine=pipeline.fit is not None)
        busy = state.cue is not None or any(b.moving for b in state.balls)
        if not busy:
            self._lessons.see(picture, pipeline.detections, state.balls)
        better = self._upkeep.see(picture, busy=busy)
        if better is None:
            return
        moved = round(better.moved_mm, 1)
        if better.knocked:
            self._process.log.warning("the camera has moved", drift_mm=moved)
            pipeline.adopt(better.fit)
        else:
            self._process.log.info("calibration refined", moved_mm=moved)
            pipeline.refine(better.fit)
        self._kept_up = pipeline.calibration

    # --- commands ---------------------------------------------------------------------------------

    def _answer(self, request: Request) -> None:
        message = request.message
        if request.command == "calibration.status":
            fit = self._pipeline
            status = self._calibrations.status("" if fit.camera else fit.problem)
            watch = self._projector_watch
            request.reply(
                status.model_copy(
                    update={
                        "projector_drift_mm": watch.drift_mm,
                        "recalibrate_projector": watch.moved,
                    }
                )
            )
        elif request.command == "calibration.camera" and isinstance(message, m.CalibrateRequest):
            request.reply(self._calibrate(message))
        elif request.command == "calibration.projector":
            self._projector.begin(request, self._source if self._pipeline.camera else None)
        elif request.command == "vision.correct_ball" and isinstance(message, m.BallCorrection):
            request.reply(self._correct(message))
        elif request.command == "calibration.colours":
            request.reply(self._learn_colours())
        else:
            request.fail(f"vision does not know the command {request.command}")

    def _calibrate(self, request: m.CalibrateRequest) -> m.Done:
        if self._last is None or self._source is None:
            return m.Done(ok=False, detail="there is no picture from the camera")
        try:
            fit = self._pipeline.find_now(self._last.image, request.corners_px)
        except InputError as error:
            return m.Done(ok=False, detail=str(error))
        return m.Done(
            ok=True,
            detail=f"table found, residual {fit.residual_mm:.2f} mm, "
            f"stored as {self._pipeline.calibration}",
        )

    def _learn_colours(self) -> m.Done:
        camera, source = self._pipeline.camera, self._source
        if camera is None or source is None:
            return m.Done(ok=False, detail=f"colours: {self._pipeline.problem}")
        try:
            learned = learn_colours(self._lessons.looks, self._table, camera)
            kept = self._calibrations.keep_colours(learned, source.name)
        except InputError as error:
            return m.Done(ok=False, detail=str(error))
        except OSError as error:
            return m.Done(ok=False, detail=f"colours: cannot store: {error.strerror}")
        self._pipeline.use_colours(learned.profile)
        return m.Done(ok=True, detail=f"{learned.verdict}; stored as {kept.id}")

    # --- a person's word --------------------------------------------------------------------------

    def _correct(self, said: m.BallCorrection) -> m.Done:
        if self._last is None or self._state is None:
            return m.Done(ok=False, detail="there is no picture from the camera")
        try:
            balls = self._pipeline.correct(said)
        except CorrectionError as error:
            return m.Done(ok=False, detail=str(error))
        picture, state = self._last.image, self._state.model_copy(update={"balls": balls})
        # A disk may take longer than a picture lasts.
        threading.Thread(target=self._archive, args=(picture, state, said)).start()
        return m.Done(ok=True, detail="it holds for the rest of the rack")

    def _archive(self, picture: Picture, state: m.TableState, said: m.BallCorrection) -> None:
        try:
            kept = self._corrections.keep(picture, state, said)
        except OSError as error:
            self._process.log.error("correction not stored", reason=str(error))
        else:
            self._process.log.info("ball corrected", record=kept.name, track=said.track)

    # --- health -----------------------------------------------------------------------------------

    def _report(self, state: m.TableState) -> None:
        self._times.append(time.monotonic())
        span = self._times[-1] - self._times[0]
        fps = (len(self._times) - 1) / span if span > 0 else 0.0
        problem = state.quality.problem or self._upkeep.problem
        if self._identity.problem:
            problem = problem or self._identity.status
        measures = {"drift_mm": self._upkeep.drift_mm, "confidence": _confidence(state.balls)}
        self._process.report(
            m.Level.DEGRADED if problem else m.Level.HEALTHY,
            problem or "",
            **{name: value for name, value in measures.items() if value is not None},
            fps=fps,
            balls=float(len(state.balls)),
            total_ms=sum(state.stages_ms.values()),
        )

    def _maybe_silent(self) -> None:
        silent_s = time.monotonic() - self._seen_at
        if silent_s > _SILENT_S:
            self._process.report(m.Level.DEGRADED, f"no picture for {silent_s:.0f} s", fps=0.0)
            # Waiting for a camera is no hang.
            self._process.advance()


def _confidence(balls: Sequence[m.BallState]) -> float | None:
    """How sure it is of the balls that it sees, in the middle; ``None`` when it sees none."""
    seen = [ball.label_confidence for ball in balls if ball.visible]
    return median(seen) if seen else None


def _paused(state: m.TableState, picture: RingPicture) -> m.TableState:
    """The last state, held while patterns cover the cloth."""
    return state.model_copy(
        update={
            "frame": picture.frame,
            "exposure_ns": picture.exposure_ns,
            "cue": None,
            "quality": m.PictureQuality(usable=False, problem=PAUSED),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
