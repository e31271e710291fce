"""Which geometry the projector works with, and which one its light really obeys."""

from __future__ import annotations

from dataclasses import replace

from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.camera_model import CameraModel
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError
from billiards_trainer.projector.projection import Projection, ProjectionError
from billiards_trainer.source_address import SIMULATED
from billiards_trainer.table import Table
from billiards_trainer.virtual_projector import misset_projector

_SAME_SHAPE = 0.01


def configured(config: Config, table: Table, width: int, height: int) -> Projection:
    """The configuration's corners, in proportion to the display; else the nominal placement.

    Raises:
        InputError: the corners are not those of a convex shape.
    """
    corners = config.projector.corners_px
    if corners is None:
        return Projection.centred(table, width, height)
    x, y = width / config.projector.width, height / config.projector.height
    a, b, c, d = (((u + 0.5) * x - 0.5, (v + 0.5) * y - 0.5) for u, v in corners)
    try:
        return Projection.from_corners(table, (a, b, c, d), width, height, name="corners")
    except ProjectionError as error:
        raise InputError(f"projector.corners_px: {error}") from None


def calibrated(
    store: CalibrationStore, table: Table, width: int, height: int
) -> tuple[Projection | None, str]:
    """The newest calibration of this table's projector, and one sentence if it cannot be used."""
    newest = store.latest("projector")
    if newest is None:
        return None, ""
    about = {"name": table.name, "width": table.width, "length": table.length}
    if newest.data.get("table") != about:
        return None, f"{newest.id} was made on another table: calibrate the projector"
    try:
        model = newest.camera
    except InputError as error:
        return None, str(error)
    x, y = width / model.width, height / model.height
    if abs(x / y - 1) > _SAME_SHAPE:
        return None, (
            f"{newest.id} was made for a display of {model.width} x {model.height}: "
            "calibrate the projector"
        )
    return Projection.from_model(_scaled(model, width, height, x), newest.id), ""


def _scaled(model: CameraModel, width: int, height: int, scale: float) -> CameraModel:
    """The same optics behind a display of another resolution."""
    (fx, fy), (cx, cy) = model.focal, model.centre
    return replace(
        model,
        width=width,
        height=height,
        focal=(fx * scale, fy * scale),
        centre=((cx + 0.5) * scale - 0.5, (cy + 0.5) * scale - 0.5),
    )


def true_geometry(config: Config, table: Table, believed: Projection) -> Projection:
    """How light really falls: as calibrated, but on the virtual table as its own optics say."""
    if config.source.url != SIMULATED:
        return believed
    width, height = believed.width, believed.height
    if config.simulation.projector == "random":
        model = misset_projector(table, config.simulation.seed, width, height)
        return Projection.from_model(model)
    return configured(config, table, width, height)
