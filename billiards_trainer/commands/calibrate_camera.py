"""``calibrate camera``: the table, the camera's pose and its lens, from pictures or films.

All pictures must come from one camera that hung still: they are put together, pixel by pixel the
median, so that players and balls that move disappear.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billiards_trainer.commands.table_flags import (
    add_corners_argument,
    described_table,
    parse_corners,
)
from billiards_trainer.errors import InputError
from billiards_trainer.table import BALL_SETS, TABLE_NAMES, Table, preset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from billiards_trainer.vision.calibration.table_finder import TableFit

FROM_A_FILM = 9
"""Pictures taken from each film, spread over its length."""
_MOST_PICTURES = 25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Pictures, and what is known of table and camera."""
    parser.add_argument("files", nargs="+", metavar="PICTURE|FILM", help="of one camera at rest")
    add_table_arguments(parser)
    add_corners_argument(parser)
    parser.add_argument("--as-given", action="store_true", help="do not refine the corners")
    parser.add_argument("--camera-height", type=float, metavar="M", help="lens above the cloth")
    parser.add_argument("--store", type=Path, metavar="FOLDER", help="where to keep the result")


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """What is known of the table."""
    table = parser.add_mutually_exclusive_group()
    table.add_argument("--table", choices=TABLE_NAMES, help="a table of the usual kind")
    table.add_argument("--table-size", metavar="LxW", help="nose to nose, metres, e.g. 2.54x1.27")
    parser.add_argument("--ball-diameter", metavar="D", type=float, help="metres")
    parser.add_argument("--balls", choices=sorted(BALL_SETS), help="which game; pool if not given")


def run(arguments: argparse.Namespace) -> int:
    """Calibrate, store and print; 2 when some of the pictures could not be used.

    Raises:
        InputError: bad input, or no table in the pictures.
    """
    height = arguments.camera_height
    if height is not None and not 0.5 <= height <= 20.0:
        raise InputError(f"--camera-height: {height:g} is not between 0.5 and 20 metres")
    corners = parse_corners(arguments.corners)
    if arguments.as_given and corners is None:
        raise InputError("--as-given: there are no --corners to take as they are")
    table = table_from(arguments)

    from billiards_trainer.vision.calibration.refinement import combined
    from billiards_trainer.vision.calibration.table_finder import TableNotFound, find_table

    used, pictures = read_pictures([Path(name) for name in arguments.files])
    try:
        fit = find_table(
            combined(pictures),
            table,
            corners=corners,
            refine=not arguments.as_given,
            camera_height=height,
        )
    except TableNotFound as error:
        raise InputError(f"{', '.join(str(path) for path in used)}: {error}") from None
    names = tuple(path.name for path in used)
    print(json.dumps(_stored(fit, names, arguments), indent=1, allow_nan=False))
    return 0 if len(used) == len(arguments.files) else 2


def table_from(arguments: argparse.Namespace) -> Table | None:
    """The table that the flags describe, ``None`` when they say nothing."""
    if arguments.table is not None:
        return preset(arguments.table)
    return described_table(arguments)


def read_pictures(paths: list[Path]) -> tuple[list[Path], list[NDArray[np.uint8]]]:
    """The files that can be used, and their pictures; a sentence on stderr for each other file.

    Raises:
        InputError: none can be used; the sentence is the last one's.
    """
    used: list[Path] = []
    pictures: list[NDArray[np.uint8]] = []
    faults: list[str] = []
    for path in paths:
        try:
            found = _pictures(path)
            if pictures and found[0].shape != pictures[0].shape:
                raise InputError(f"{path}: its size differs from that of {used[0]}")
        except InputError as error:
            faults.append(str(error))
            continue
        used.append(path)
        pictures += found
    for fault in faults if pictures else faults[:-1]:
        print(f"billiards-trainer: {fault}", file=sys.stderr)
    if not pictures:
        raise InputError(faults[-1])
    step = max(1, -(-len(pictures) // _MOST_PICTURES))
    return used, pictures[::step]


def _pictures(path: Path) -> list[NDArray[np.uint8]]:
    """A picture, or some of a film's.

    Raises:
        InputError: neither.
    """
    import cv2

    from billiards_trainer.vision.picture_file import read_picture

    cv2.setNumThreads(1)
    try:
        return [read_picture(path)]
    except InputError:
        found = _from_film(path)
        if len(found) < 2:  # a damaged picture may open like a film of one
            raise
        return found


def _from_film(path: Path) -> list[NDArray[np.uint8]]:
    import cv2
    import numpy as np

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    found: list[NDArray[np.uint8]] = []
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        wanted = set(np.linspace(0, max(count - 1, 0), FROM_A_FILM).astype(int).tolist())
        for number in range(count):
            if not capture.grab():
                break
            if number in wanted:
                read, frame = capture.retrieve()
                if read:
                    found.append(np.asarray(frame, dtype=np.uint8))
    finally:
        capture.release()
    return found


def _stored(fit: TableFit, names: tuple[str, ...], arguments: argparse.Namespace) -> dict[str, Any]:
    """Store the fit; what the command prints about it."""
    from billiards_trainer.calibration_store import CalibrationStore

    folder = arguments.store or usual_folder()
    table = {"name": fit.table.name, "width": fit.table.width, "length": fit.table.length}
    about = {
        "camera": fit.camera.to_dict(),
        "table": table,
        "source": {"kind": "film", "name": names[0]},
        "head_guessed": fit.head_guessed,
        "cushion_width": fit.cushion_width,
        "confidence": fit.confidence,
    }
    try:
        record = CalibrationStore(folder).save(
            about, residual_mm=fit.residual_mm, solved_from=names
        )
    except OSError as error:
        raise InputError(f"cannot store into {folder}: {error.strerror}") from None
    return {
        "id": record.id,
        "stored": str(folder / f"{record.id}.json"),
        "residual_mm": fit.residual_mm,
        "residual_px": fit.residual_px,
        "confidence": fit.confidence,
        "note": fit.note,
        "table": table,
        "table_assumed": fit.table_assumed,
        "head_guessed": fit.head_guessed,
        "source": fit.source,
        "solved_from": list(names),
        "corners_px": fit.corners_px.tolist(),
        "cloth_corners_px": fit.cloth_corners_px.tolist(),
        "camera_height_m": float(fit.camera.position[2]),
        "camera": fit.camera.to_dict(),
    }


def usual_folder() -> Path:
    """Where the appliance keeps its calibrations."""
    from billiards_trainer.config.schema import Config
    from billiards_trainer.places import state_dir

    return state_dir(Config()) / "calibrations"
