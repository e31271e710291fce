"""``calibrate physics TRACKS``: frictions, restitutions and slope of a table from tracked shots."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billiards_trainer.commands import settings
from billiards_trainer.errors import InputError

if TYPE_CHECKING:
    from billiards_trainer.physics.fitting.table_fit import Estimate, TableFit

_WHAT = {
    "mu_slide": "sliding friction of the cloth",
    "mu_roll": "rolling friction of the cloth",
    "e_cushion": "restitution of the cushions",
    "mu_cushion": "friction of the cushions",
    "e_ball": "restitution between balls",
}
_STEEP = 3.0
"""A slope this many standard deviations from level is worth a word."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tracks, and what is known of the table."""
    parser.add_argument(
        "files", nargs="+", metavar="TRACKS", help="JSON lines of `track --json`, or CSV"
    )
    settings.add_table_arguments(parser)
    settings.add_config_arguments(parser)
    parser.add_argument(
        "--unit", type=float, default=1.0, metavar="M", help="metres in a unit of a CSV's x and y"
    )
    parser.add_argument(
        "--find-frame",
        action="store_true",
        help="place and size of the frame are only roughly known: find them by the rails",
    )
    parser.add_argument(
        "--ball-ball", help="model between balls; the configuration's when left out"
    )
    parser.add_argument("--cushion", help="model of the cushions, likewise")
    parser.add_argument("--store", type=Path, metavar="FOLDER", help="where to keep the result")
    parser.add_argument("--no-store", action="store_true", help="only print")
    parser.add_argument("--json", action="store_true", help="JSON instead of sentences")


def run(arguments: argparse.Namespace) -> int:
    """Fit, store and print.

    Raises:
        InputError: bad input, or shots that say too little.
    """
    if not 1e-4 <= arguments.unit <= 10.0:
        raise InputError(f"--unit: {arguments.unit:g} is not between 0.0001 and 10 metres")
    config, _ = settings.load(arguments, {"table": settings.table_settings(arguments)})
    table = config.table.to_table()

    from billiards_trainer import places
    from billiards_trainer.commands.track_file import read_tracks
    from billiards_trainer.physics.fitting.table_fit import FitError, fit_table
    from billiards_trainer.physics.parameters import Models, ParameterError

    try:
        models = Models.named(
            arguments.ball_ball or config.physics.ball_ball,
            arguments.cushion or config.physics.cushion,
        )
    except ParameterError as error:
        raise InputError(str(error)) from None
    paths = [Path(name) for name in arguments.files]
    shots = [shot for path in paths for shot in read_tracks(path, table, arguments.unit)]
    try:
        fit = fit_table(table, shots, models=models, find_frame=arguments.find_frame)
    except FitError as error:
        raise InputError(f"{', '.join(arguments.files)}: {error}") from None
    report = _report(fit, table.name)
    if not arguments.no_store:
        folder = arguments.store or places.state_dir(config) / "calibrations"
        report |= _stored(fit, table, folder, report, tuple(path.name for path in paths))
    if arguments.json:
        print(json.dumps(report, indent=1, allow_nan=False))
    else:
        _print(report)
    return 0


def _report(fit: TableFit, table: str) -> dict[str, Any]:
    """Everything that was found, ready for JSON; what is not determined is null."""
    x, y = fit.drift
    return {
        "table": table,
        "parameters": {
            name: _plain(fit.estimates[name]) if name in fit.estimates else None for name in _WHAT
        },
        "drift_m_s2": {"x": _plain(x), "y": _plain(y)},
        # A ball that rolls down a slope gains 5/7 of what one that slides would.
        "slope_mm_per_m": {
            "x": 1e3 * 1.4 * x.value / fit.gravity,
            "y": 1e3 * 1.4 * y.value / fit.gravity,
        },
        "models": {
            "ball_ball": fit.models.ball_ball.name.lower(),
            "cushion": fit.models.cushion.name.lower(),
        },
        "residual_mm": fit.residual_mm,
        "legs": fit.legs,
        "outliers": fit.outliers,
        "cushion_model_error": fit.model_error,
        "frame": None
        if fit.frame is None
        else {"scale": fit.frame.scale.tolist(), "shift_m": fit.frame.shift.tolist()},
    }


def _plain(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "std": estimate.std, "count": estimate.count}


def _stored(
    fit: TableFit, table: Any, folder: Path, report: dict[str, Any], names: tuple[str, ...]
) -> dict[str, str]:
    from billiards_trainer import physics_calibration

    found = {name: value for name, value in report["parameters"].items() if value is not None}
    about = {key: report[key] for key in ("drift_m_s2", "legs", "outliers", "frame")}
    try:
        record = physics_calibration.keep(
            folder,
            table,
            found,
            about,
            models=fit.models,
            residual_mm=fit.residual_mm,
            solved_from=names,
        )
    except OSError as error:
        raise InputError(f"cannot store into {folder}: {error.strerror}") from None
    return {"id": record.id, "stored": str(folder / f"{record.id}.json")}


def _print(report: dict[str, Any]) -> None:
    print(
        f"{report['legs']} ways between contacts, {report['residual_mm']:.1f} mm about them, "
        f"{report['outliers']:.1%} outliers"
    )
    for name, what in _WHAT.items():
        found = report["parameters"][name]
        if found is None:
            print(f"  {what:32s} not determined by these shots")
        else:
            print(
                f"  {what:32s} {found['value']:.5f} ± {found['std']:.5f}  ({found['count']} {name})"
            )
    for axis, slope in report["slope_mm_per_m"].items():
        drift = report["drift_m_s2"][axis]
        sure = abs(drift["value"]) > _STEEP * drift["std"]
        std = abs(slope) * drift["std"] / max(abs(drift["value"]), 1e-12)
        print(
            f"  slope along {axis:20s} {slope:+.2f} ± {std:.2f} mm per metre"
            f"{': level the table' if sure and abs(slope) > 0.5 else ''}"
        )
    if "stored" in report:
        print(f"stored as {report['id']} in {report['stored']}")
