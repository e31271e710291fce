"""From one picture to everything that vision knows of the table at that time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer import messages as m
from billiards_trainer.camera_model import CameraModel
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table
from billiards_trainer.vision.cue.watch import CueWatch
from billiards_trainer.vision.detection.colours import ColourProfile
from billiards_trainer.vision.detection.detector import LEAST_CONFIDENCE, BallDetector, Detection
from billiards_trainer.vision.detection.geometry import discs
from billiards_trainer.vision.picture_quality import QualityWatch
from billiards_trainer.vision.pocket_edges import PocketEdges
from billiards_trainer.vision.tracking.correcting import CorrectionError
from billiards_trainer.vision.tracking.cue import CueTracker
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.tracker import Tracker

if TYPE_CHECKING:
    from billiards_trainer.vision.calibration.table_finder import TableFit

Picture = NDArray[np.uint8]

_HUNTING = 0.1
"""Least confidence of a detection while balls roll or are out of sight: a streak of motion blur is
a doubtful ball, unless one is expected right there."""
_UNSEEN_MM = 1.7
"""A calibration's error beyond its residual, as it takes to hold 95 % of the balls of many virtual
tables in their ellipses: a few calibrations are much worse than their residuals say."""
_WORST_MM = 4.0
_FIRST_RETRY_S = 0.25
_LONGEST_RETRY_S = 8.0


OnFound = Callable[["TableFit"], str]
"""Told of a table that was found; answers with the id of the stored calibration."""


def _unstored(_fit: TableFit) -> str:
    return "unstored"


class Pipeline:
    """Picture → table → balls → cue → tracks.

    Attributes:
        table: the table looked for.
        camera: the camera model in force, ``None`` until the table has been found.
        calibration: its id.
        problem: why there is no table yet, one sentence.
        fit: the table as this pipeline found it itself.
        detections: the balls of the last picture that was looked at, by themselves.
    """

    def __init__(
        self,
        table: Table,
        camera: CameraModel | None = None,
        *,
        calibration: str | None = None,
        head_guessed: bool = True,
        corners_px: ArrayLike | None = None,
        residual_mm: float = 0.5,
        profile: ColourProfile | None = None,
        on_found: OnFound = _unstored,
        epoch: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Set up.

        Args:
            table: what is looked for.
            camera: calibration in force, if there is one.
            calibration: its id.
            head_guessed: whether its head end was guessed.
            corners_px: (4, 2) cushion-nose corners known from outside; refined.
            residual_mm: of the calibration in force.
            profile: colours learned on this table.
            on_found: told of a table that was found.
            epoch: of the track numbers; made from the clock when ``None``.
            clock: seconds, for the stages' durations.
        """
        self.table = table
        self.camera: CameraModel | None = None
        self.calibration: str | None = None
        self.head_guessed = head_guessed
        self.problem = "the table has not been found yet"
        self.fit: TableFit | None = None
        self._corners = corners_px
        self._profile = profile
        self._on_found = on_found
        self._clock = clock
        self._quality = QualityWatch()
        self._retry_s = _FIRST_RETRY_S
        self._next_try_ns: int | None = None
        self._detector: BallDetector | None = None
        self._epoch = time.monotonic_ns() // 1000 if epoch is None else epoch
        self._residual_mm = residual_mm
        self._tracker = Tracker(table)
        self._cue_tracker = CueTracker(table)
        self._cue_watch: CueWatch | None = None
        self._cue: m.CueState | None = None
        self._anything_moves = self._hunting = self._coasted = False
        self._seen_ns: int | None = None
        self.detections: Sequence[Detection] = ()
        if camera is not None:
            self.calibrate(camera, calibration, residual_mm=residual_mm, head_guessed=head_guessed)

    @property
    def epoch(self) -> int:
        """Changes whenever track numbers start anew."""
        return self._epoch

    @property
    def detector(self) -> BallDetector | None:
        """The detector in use, once there is a calibration."""
        return self._detector

    def calibrate(
        self,
        camera: CameraModel,
        calibration: str | None,
        *,
        residual_mm: float = 0.5,
        head_guessed: bool = True,
    ) -> None:
        """Put a calibration in force; what was tracked in the old one is forgotten."""
        self.camera, self.calibration = camera, calibration
        self.head_guessed = head_guessed
        self._residual_mm = residual_mm
        self._renew_detector(camera)
        self.restart()

    def refine(self, fit: TableFit) -> None:
        """The same camera, better known: tracks go on."""
        self.fit, self.camera, self.calibration = fit, fit.camera, self._on_found(fit)
        self._residual_mm = fit.residual_mm
        self._renew_detector(fit.camera)

    def use_colours(self, profile: ColourProfile) -> None:
        """Tell balls apart by colours learned on this table; tracks go on."""
        self._profile = profile
        if self.camera is not None:
            self._renew_detector(self.camera)

    def _renew_detector(self, camera: CameraModel) -> None:
        self._detector = BallDetector(self.table, camera, self._profile)
        self._pockets = PocketEdges(self.table, camera, self._detector.view)
        self._cue_watch = CueWatch(self._detector.view)

    def restart(self) -> None:
        """What comes does not continue what was seen: track numbers start anew."""
        self._epoch += 1
        self._forget_tracks()

    def search(self, corners_px: ArrayLike | None = None) -> None:
        """Give up the calibration in force and find the table in the next picture."""
        self.camera = self._detector = self.fit = None
        self.calibration = None
        self._corners = corners_px
        self._next_try_ns, self._retry_s = None, _FIRST_RETRY_S

    def correct(self, said: m.BallCorrection) -> tuple[m.BallState, ...]:
        """Take a person's word about a ball; the balls as they are called now.

        Raises:
            CorrectionError: why it cannot be; nothing has changed.
        """
        if said.epoch != self._epoch or self._seen_ns is None:
            raise CorrectionError("the balls have been numbered anew since; look again")
        self._tracker.correct(said)
        return tuple(self._with_pixels(self._tracker.states(self._seen_ns)))

    def new_rack(self) -> None:
        """The rack has ended: what a person said of its balls no longer holds."""
        self._tracker.new_rack()

    def find_now(self, picture: Picture, corners_px: ArrayLike | None = None) -> TableFit:
        """Calibrate on this picture; the calibration in force stays when it fails.

        Raises:
            InputError: no table is seen, or the corners are not a quadrilateral.
        """
        fit = _find_table(picture, self.table, corners_px)
        self.adopt(fit)
        return fit

    def process(
        self,
        picture: Picture,
        frame: int,
        exposure_ns: int,
        source: m.SourceInfo,
        light: Picture | None = None,
    ) -> m.TableState:
        """Everything that one picture tells.

        Args:
            picture: BGR uint8 (H, W, 3).
            frame: its number.
            exposure_ns: middle of its exposure.
            source: where it comes from.
            light: the projector's light map at that time, see ``light_map``.
        """
        stages: dict[str, float] = {}
        started = self._clock()
        quality, repeated = self._quality.look(picture, exposure_ns, live=source.is_real)
        started = self._lap(stages, "quality", started)
        height, width = picture.shape[:2]
        if self.camera is not None and (width, height) != (self.camera.width, self.camera.height):
            self.search(self._corners)
        if self.camera is None and quality.usable:
            self._find(picture, exposure_ns)
            started = self._lap(stages, "table", started)
        balls: list[m.BallState] = []
        cue: m.CueState | None = None
        detector = self._detector
        if detector is not None and not quality.usable:
            balls = self._tracker.coast(exposure_ns, blind=True)
        elif detector is not None and repeated and self._anything_moves and not self._coasted:
            # One exposure twice (a film of 15 pictures a second shown at 30): nothing new.
            self._coasted = True
            balls, cue = self._tracker.coast(exposure_ns), self._cue
        elif detector is not None:
            self._coasted = False
            least = _HUNTING if self._hunting else LEAST_CONFIDENCE
            detections = detector.detect(picture, light, least_confidence=least)
            self.detections = detections
            started = self._lap(stages, "detection", started)
            seen = None
            if self._cue_watch is not None and detector.working is not None:
                seen = self._cue_watch.look(detector.working, detections, exposure_ns, light)
            started = self._lap(stages, "cue", started)
            balls = self._tracker.update(detections, frame, exposure_ns, detector.look)
            cue = self._cue_tracker.update(seen, balls, exposure_ns)
            if detector.working is not None:
                self._pockets.look(detector.working.unlike, balls)
            self._lap(stages, "tracking", started)
        self._cue = cue
        self._seen_ns = exposure_ns
        self._anything_moves = any(b.moving for b in balls)
        self._hunting = any(b.moving or not b.visible for b in balls)
        return m.TableState(
            frame=frame,
            exposure_ns=exposure_ns,
            epoch=self._epoch,
            table=self.table.name,
            width=self.table.width,
            length=self.table.length,
            ball_radius=self.table.balls.radius,
            source=source,
            calibration=self.calibration,
            head_guessed=self.head_guessed,
            cloth_colour=_cloth_colour(detector),
            pocket_radii=() if detector is None else self._pockets.radii,
            balls=tuple(self._with_pixels(balls)),
            cue=cue,
            quality=quality if self.camera is not None else _without_table(quality, self.problem),
            stages_ms=stages,
        )

    def _find(self, picture: Picture, exposure_ns: int) -> None:
        """Look for the table, less and less often while it is not found."""
        if self._next_try_ns is not None and exposure_ns < self._next_try_ns:
            return
        try:
            fit = _find_table(picture, self.table, self._corners)
        except InputError as error:
            self.problem = str(error)
            self._next_try_ns = exposure_ns + round(self._retry_s * 1e9)
            self._retry_s = min(_LONGEST_RETRY_S, 2 * self._retry_s)
            return
        self._retry_s = _FIRST_RETRY_S
        self.adopt(fit)

    def adopt(self, fit: TableFit) -> None:
        """Put a table that was found in force, and have it kept."""
        self.fit = fit
        self.calibrate(
            fit.camera,
            self._on_found(fit),
            residual_mm=fit.residual_mm,
            head_guessed=fit.head_guessed,
        )

    def _forget_tracks(self) -> None:
        # Averaging removes the noise of single pictures, not the calibration's error.
        error_mm = min(_WORST_MM, math.hypot(self._residual_mm, _UNSEEN_MM))
        settings = replace(TrackerSettings(), systematic=error_mm / math.sqrt(2) / 1000)
        self._tracker = Tracker(self.table, settings)
        self._cue_tracker = CueTracker(self.table)
        self._cue = None
        if self._cue_watch is not None:
            self._cue_watch.forget()
        self._anything_moves = self._hunting = self._coasted = False

    def _with_pixels(self, balls: list[m.BallState]) -> list[m.BallState]:
        """Balls that were not detected in this picture: where they would appear."""
        camera = self.camera
        unseen = [i for i, b in enumerate(balls) if b.x_px is None]
        if camera is None or not unseen:
            return balls
        centres = np.array([(balls[i].x_m, balls[i].y_m) for i in unseen])
        middles, radii = discs(camera, centres, self.table.balls.radius)
        filled = list(balls)
        for i, middle, radius in zip(unseen, middles, radii, strict=True):
            filled[i] = balls[i].model_copy(
                update={
                    "x_px": float(middle[0]),
                    "y_px": float(middle[1]),
                    "radius_px": float(radius),
                }
            )
        return filled

    def _lap(self, stages: dict[str, float], name: str, started: float) -> float:
        now = self._clock()
        stages[name] = 1e3 * (now - started)
        return now


def _cloth_colour(detector: BallDetector | None) -> str | None:
    """``#rrggbb``, in steps that do not change from picture to picture."""
    if detector is None or detector.working is None:
        return None
    blue, green, red = (min(255, 16 * round(float(v) / 16)) for v in detector.working.cloth.colour)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _find_table(picture: Picture, table: Table, corners_px: ArrayLike | None) -> TableFit:
    # Here rather than at the top: the optimiser takes longer to load than all the rest of vision,
    # and with a stored calibration it is not needed.
    from billiards_trainer.vision.calibration.table_finder import find_table

    return find_table(picture, table, corners=corners_px)


def _without_table(quality: m.PictureQuality, problem: str) -> m.PictureQuality:
    if not quality.usable:
        return quality
    return quality.model_copy(update={"usable": False, "problem": problem})
