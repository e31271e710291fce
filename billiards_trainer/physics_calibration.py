"""A table's own physics: kept as a calibration, and put in place of the game's standard.

Written by ``billiards-trainer calibrate physics``; read by core when it makes its predictions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from billiards_trainer.calibration_store import Calibration, CalibrationStore
from billiards_trainer.errors import InputError
from billiards_trainer.physics.parameters import (
    Models,
    ParameterError,
    PhysicsParameters,
    for_table,
    replaced,
)
from billiards_trainer.table import Table

KIND = "physics"
_SAME_SIZE_M = 0.05
"""A table whose length and width differ by less is taken to be the same one, measured again."""


@dataclass(frozen=True, slots=True)
class TablePhysics:
    """Attributes:

    parameters: of balls, cloth and cushions.
    calibration: id of the calibration they come from; ``None`` for the game's standard.
    models: that treat the contacts.
    """

    parameters: PhysicsParameters
    calibration: str | None = None
    models: Models = field(default_factory=Models)


def keep(
    folder: Path,
    table: Table,
    estimates: dict[str, dict[str, float]],
    about: dict[str, Any],
    *,
    models: Models,
    residual_mm: float,
    solved_from: tuple[str, ...],
) -> Calibration:
    """Store what was fitted; on the disk when this returns.

    Args:
        folder: of the calibrations.
        table: it was fitted to.
        estimates: by parameter: ``value``, ``std`` and ``count``.
        about: what else is worth keeping.
        models: that the figures belong to.
        residual_mm: of the samples about the fitted ways.
        solved_from: files.

    Raises:
        OSError: nothing was stored.
    """
    data = {
        "table": _about(table),
        "models": {
            "ball_ball": models.ball_ball.name.lower(),
            "cushion": models.cushion.name.lower(),
        },
        "parameters": estimates,
        **about,
    }
    return CalibrationStore(folder).save(
        data, residual_mm=residual_mm, solved_from=solved_from, kind=KIND
    )


def in_force(folder: Path, table: Table, models: Models | None = None) -> TablePhysics:
    """The newest calibration made of this table, else the standard of its game.

    Figures of cushions and balls count only with the models they were fitted with.

    Raises:
        InputError: the calibration of this table holds figures that no table has.
    """
    standard, chosen = for_table(table), models or Models()
    record = next((r for r in _newest_first(CalibrationStore(folder)) if _is_of(r, table)), None)
    if record is None:
        return TablePhysics(standard, models=chosen)
    fitted_with = record.data.get("models") or {}
    values: dict[str, float] = {}
    try:
        for name, estimate in record.data["parameters"].items():
            if "cushion" in name and fitted_with.get("cushion") != chosen.cushion.name.lower():
                continue
            if name == "e_ball" and fitted_with.get("ball_ball") != chosen.ball_ball.name.lower():
                continue
            values[name] = float(estimate["value"])
        return TablePhysics(replaced(standard, values), record.id, chosen)
    except (KeyError, TypeError, ValueError, AttributeError, ParameterError) as error:
        raise InputError(f"calibration {record.id}: field parameters: {error}") from None


def _newest_first(store: CalibrationStore) -> Iterator[Calibration]:
    """All that can be read: one store may hold those of several tables."""
    newest = store.latest(KIND)
    if newest is None:
        return
    yield newest
    for number in range(int(newest.id.rpartition("-")[2]) - 1, 0, -1):
        try:
            yield store.load(f"{KIND}-{number}")
        except InputError:
            continue  # missing, or damaged: it must not keep the appliance from the one before it


def _is_of(record: Calibration, table: Table) -> bool:
    about = record.data.get("table")
    if not isinstance(about, dict) or about.get("game") != table.game:
        return False
    try:
        return (
            abs(float(about["length"]) - table.length) < _SAME_SIZE_M
            and abs(float(about["width"]) - table.width) < _SAME_SIZE_M
        )
    except (KeyError, TypeError, ValueError):
        return False


def _about(table: Table) -> dict[str, object]:
    return {
        "name": table.name,
        "game": table.game,
        "width": table.width,
        "length": table.length,
        "ball_diameter": table.balls.diameter,
    }
