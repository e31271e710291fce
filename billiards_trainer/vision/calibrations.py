"""Which stored calibration is in force, and the keeping of new ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from billiards_trainer import messages as m
from billiards_trainer.calibration_store import Calibration, CalibrationStore
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table
from billiards_trainer.vision.detection.colours import ColourProfile

if TYPE_CHECKING:
    from billiards_trainer.vision.calibration.ball_colours import LearnedColours
    from billiards_trainer.vision.calibration.projector_fit import ProjectorFit
    from billiards_trainer.vision.calibration.table_finder import TableFit

FOLDER = "calibrations"
CAMERA_SYSTEMATIC_MM = 0.55
"""What a camera calibration is off by beyond its residual: where along a cushion's rounding the
nose's edge is seen.  The median over the virtual table's random rooms."""


class Calibrations:
    """The calibrations of one appliance: those that fit its table and its picture source."""

    def __init__(self, state_dir: Path, table: Table) -> None:
        self._store = CalibrationStore(state_dir / FOLDER)
        self.table = table
        self.camera: Calibration | None = None

    @property
    def has_camera(self) -> bool:
        """Whether any camera calibration is stored."""
        return self._store.latest("camera") is not None

    def for_source(self, source: m.SourceInfo, width: int, height: int) -> Calibration | None:
        """The newest camera calibration made of this source, table and size of picture."""
        newest = self._store.latest("camera")
        if newest is None or newest.data.get("table") != self._about_table():
            return None
        if newest.data.get("source") != source.model_dump(include={"kind", "name"}):
            return None
        try:
            camera = newest.camera
        except InputError:
            return None
        if (camera.width, camera.height) != (width, height):
            return None
        self.camera = newest
        return newest

    def keep(self, fit: TableFit, source: m.SourceInfo) -> Calibration:
        """Store a table that was found; on the disk when this returns.

        Raises:
            OSError: nothing was stored.
        """
        self.camera = self._store.save(
            {
                "camera": fit.camera.to_dict(),
                "table": self._about_table(),
                "source": source.model_dump(include={"kind", "name"}),
                "head_guessed": fit.head_guessed,
                "cushion_width": fit.cushion_width,
                "confidence": fit.confidence,
            },
            residual_mm=fit.residual_mm,
            solved_from=(source.name,),
        )
        return self.camera

    def camera_mm(self) -> float:
        """Uncertainty of the camera calibration in force, millimetres on the cloth."""
        residual = self.camera.residual_mm if self.camera else 0.0
        return math.hypot(residual, CAMERA_SYSTEMATIC_MM)

    def keep_projector(self, fit: ProjectorFit, source: str) -> Calibration:
        """Store a projector that was solved; on the disk when this returns.

        Raises:
            OSError: nothing was stored.
        """
        return self._store.save(
            {
                "camera": fit.model.to_dict(),
                "table": self._about_table(),
                "made_with": self.camera.id if self.camera else None,
                "dots_mm": fit.dots_mm,
                "worst_mm": fit.worst_mm,
                "dots": fit.dots,
                "cover": fit.cover,
            },
            residual_mm=fit.residual_mm,
            solved_from=(source,),
            kind="projector",
        )

    def keep_colours(self, learned: LearnedColours, source: str) -> Calibration:
        """Store colours that were learned; on the disk when this returns.

        Raises:
            OSError: nothing was stored.
        """
        return self._store.save(
            learned.profile.to_dict()
            | {"table": self.table.name, "separability": learned.apart.least},
            residual_mm=0.0,
            solved_from=(source,),
            kind="colours",
        )

    def colours(self) -> ColourProfile | None:
        """The colours learned on this table, if there are any."""
        newest = self._store.latest("colours")
        if newest is None:
            return None
        try:
            profile = ColourProfile.from_dict(newest.data)
        except (KeyError, TypeError, ValueError):
            return None
        # Another game's balls were learned before the table was changed.
        return profile if profile.game == self.table.game else None

    def status(self, detail: str) -> m.CalibrationStatus:
        """What is calibrated, when and how well."""
        projector, colours = self._store.latest("projector"), self._store.latest("colours")
        return m.CalibrationStatus(
            camera=self.camera.id if self.camera else None,
            camera_date=self.camera.date if self.camera else None,
            camera_residual_mm=self.camera.residual_mm if self.camera else None,
            projector=projector.id if projector else None,
            projector_date=projector.date if projector else None,
            projector_residual_mm=projector.residual_mm if projector else None,
            colours=colours.id if colours else None,
            detail=detail,
            camera_model=self._geometry(),
        )

    def _geometry(self) -> m.CameraGeometry | None:
        if self.camera is None:
            return None
        return m.CameraGeometry.model_validate(self.camera.camera.to_dict())

    def _about_table(self) -> dict[str, object]:
        table = self.table
        return {"name": table.name, "width": table.width, "length": table.length}
