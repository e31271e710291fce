"""``calibrate colours``: this table's cloth and ball colours under its own lamp.

From pictures or films of a rack or of play; or, where no file is named, by the running appliance
from what its camera sees now.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from billiards_trainer import messages as m
from billiards_trainer import places
from billiards_trainer.bus import Bus, CommandError
from billiards_trainer.commands import calibrate_camera, settings
from billiards_trainer.errors import InputError

if TYPE_CHECKING:
    from billiards_trainer.table import Table
    from billiards_trainer.vision.calibration.ball_colours import LearnedColours


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Pictures and what is known of the table, or which appliance."""
    parser.add_argument(
        "files", nargs="*", metavar="PICTURE|FILM", help="none: the running appliance's camera"
    )
    calibrate_camera.add_table_arguments(parser)
    parser.add_argument("--store", type=Path, metavar="FOLDER", help="where to keep the result")
    settings.add_config_arguments(parser)
    parser.add_argument("--runtime-dir", metavar="DIR", help="the appliance's runtime folder")


def run(arguments: argparse.Namespace) -> int:
    """Learn, store and print.

    2 when some files could not be used, 1 when the appliance could not learn, 3 when none answers.

    Raises:
        InputError: bad input, or balls that cannot be told.
    """
    return _from_files(arguments) if arguments.files else _in_the_appliance(arguments)


def _from_files(arguments: argparse.Namespace) -> int:
    from billiards_trainer.vision.calibration.ball_colours import Look, learn_colours
    from billiards_trainer.vision.calibration.refinement import combined
    from billiards_trainer.vision.calibration.table_finder import find_table
    from billiards_trainer.vision.detection.detector import BallDetector

    table = calibrate_camera.table_from(arguments)
    used, pictures = calibrate_camera.read_pictures([Path(name) for name in arguments.files])
    try:
        fit = find_table(combined(pictures), table)
        detector = BallDetector(fit.table, fit.camera)
        looks = [Look(picture, detector.detect(picture)) for picture in pictures]
        learned = learn_colours(looks, fit.table, fit.camera)
    except InputError as error:
        raise InputError(f"{', '.join(str(path) for path in used)}: {error}") from None
    names = tuple(path.name for path in used)
    folder = arguments.store or calibrate_camera.usual_folder()
    print(json.dumps(_stored(learned, fit.table, names, folder), indent=1, allow_nan=False))
    return 0 if len(used) == len(arguments.files) else 2


def _stored(
    learned: LearnedColours, table: Table, names: tuple[str, ...], folder: Path
) -> dict[str, object]:
    from billiards_trainer.calibration_store import CalibrationStore

    about = learned.profile.to_dict() | {"table": table.name}
    try:
        # Colours have no residual: how well they can be told apart is said beside them.
        record = CalibrationStore(folder).save(
            about | {"separability": learned.apart.least},
            residual_mm=0.0,
            solved_from=names,
            kind="colours",
        )
    except OSError as error:
        raise InputError(f"cannot store into {folder}: {error.strerror}") from None
    return {
        "id": record.id,
        "stored": str(folder / f"{record.id}.json"),
        "separability": round(learned.apart.least, 2),
        "worst_pair": list(learned.apart.pair),
        "verdict": learned.verdict,
        "measured": list(learned.apart.seen),
        "pictures": learned.looks,
        "solved_from": list(names),
        "colours_lab": {
            k: [round(v, 1) for v in lab] for k, lab in learned.profile.colours.items()
        },
        "cloth_bgr": learned.profile.cloth,
    }


def _in_the_appliance(arguments: argparse.Namespace) -> int:
    flags = {"system": {"runtime_dir": arguments.runtime_dir}} if arguments.runtime_dir else {}
    arguments.environment = arguments.environment or "development"
    config, _ = settings.load(arguments, flags)
    runtime_dir = places.runtime_dir(config)
    if not runtime_dir.is_dir():
        raise InputError(
            f"calibrate colours: no appliance is running in {runtime_dir}; start it, or name "
            "pictures or films of the table"
        )
    bus = Bus(runtime_dir, "calibrate")
    try:
        done = bus.request("calibration.colours", m.Empty())
        status = bus.request("calibration.status", m.Empty())
    except CommandError as error:
        print(f"calibrate colours: {error}", file=sys.stderr)
        return 3
    finally:
        bus.close()
    assert isinstance(done, m.Done)
    assert isinstance(status, m.CalibrationStatus)
    if not done.ok:
        print(f"calibrate colours: {done.detail}", file=sys.stderr)
        return 1
    print(json.dumps({"id": status.colours, "detail": done.detail}, indent=1))
    return 0
