"""``billiards-trainer detect``: table, balls and cue in pictures, as JSON or as a table."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billiards_trainer.errors import InputError
from billiards_trainer.table import Game, Table, TableError, build, parse_size, preset

if TYPE_CHECKING:
    from billiards_trainer.vision.still import Still

HELP = "find table, balls and cue in pictures"
_USUAL = {"pool": "pool-9ft", "snooker": "snooker-12ft", "carom": "carom-10ft"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Pictures, and what is known of the table."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", type=Path)
    add_table_arguments(parser)
    parser.add_argument(
        "--corners",
        metavar="X,Y,X,Y,X,Y,X,Y",
        help="pixels of the four corners of the cushion noses; found when not given",
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """What is known of the table; shared by the commands that look at pictures."""
    parser.add_argument(
        "--table-size",
        metavar="LxW",
        help="nose to nose in metres, e.g. 2.54x1.27; the game's usual size when not given",
    )
    parser.add_argument("--ball-diameter", metavar="D", type=float, help="metres")
    parser.add_argument("--balls", choices=tuple(_USUAL), help="which set; pool when not given")


def table_from(arguments: argparse.Namespace) -> Table | None:
    """The table that the flags describe, ``None`` when they say nothing.

    Raises:
        InputError: sizes that are not a table's.
    """
    if arguments.table_size is None and arguments.ball_diameter is None and arguments.balls is None:
        return None
    game: Game = arguments.balls or "pool"
    try:
        usual = preset(_USUAL[game])
        length, width = usual.length, usual.width
        if arguments.table_size is not None:
            length, width = parse_size(arguments.table_size)
        elif arguments.ball_diameter is None:
            return usual
        return build("given", game, length, width, ball_diameter=arguments.ball_diameter)
    except TableError as error:
        raise InputError(str(error)) from None


def corners_from(text: str | None) -> list[tuple[float, float]] | None:
    """Four pixels from ``x,y,x,y,x,y,x,y``.

    Raises:
        InputError: anything else.
    """
    if text is None:
        return None
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 8:
        raise InputError(f"--corners takes eight numbers, x,y,x,y,x,y,x,y, not {text!r}")
    return list(zip(values[::2], values[1::2], strict=True))


def run(arguments: argparse.Namespace) -> int:
    """Detect and print; status 2 when any picture failed."""
    import cv2

    from billiards_trainer.vision.picture_file import read_picture
    from billiards_trainer.vision.still import analyse

    cv2.setNumThreads(1)
    table, corners = table_from(arguments), corners_from(arguments.corners)
    entries: list[dict[str, Any]] = []
    for path in arguments.images:
        began = time.perf_counter()
        try:
            picture = read_picture(path)
            try:
                still = analyse(picture, table, corners=corners)
            except InputError as error:
                raise InputError(f"{path}: {error}") from None
        except InputError as error:
            print(f"billiards-trainer: {error}", file=sys.stderr)
            entries.append({"path": str(path), "error": str(error)})
            continue
        entry = describe(still)
        entry["elapsed_ms"] = round(1e3 * (time.perf_counter() - began), 1)
        height, width = picture.shape[:2]
        entries.append({"path": str(path), "width": width, "height": height, **entry})
    if arguments.json:
        print(json.dumps({"images": entries}, indent=1))
    else:
        for entry in entries:
            _show(entry)
    return 2 if any("error" in entry for entry in entries) else 0


def describe(still: Still) -> dict[str, Any]:
    """A still as plain values, in the form of the command line contract."""
    fit = still.table
    return {
        "table": {
            "corners_px": [[round(float(v), 2) for v in corner] for corner in fit.corners_px],
            "cloth_corners_px": [[round(float(v), 2) for v in c] for c in fit.cloth_corners_px],
            "source": fit.source,
            "confidence": round(fit.confidence, 3),
            "note": fit.note,
            "length_m": fit.table.length,
            "width_m": fit.table.width,
            "size_assumed": fit.table_assumed,
            "head_guessed": fit.head_guessed,
        },
        "balls": [
            {
                "x_px": round(ball.x_px, 2),
                "y_px": round(ball.y_px, 2),
                "radius_px": round(ball.radius_px, 2),
                "x_m": round(ball.x_m, 5),
                "y_m": round(ball.y_m, 5),
                "label": ball.label,
                "confidence": round(ball.confidence, 4),
            }
            for ball in still.balls
        ],
        "cue": None
        if still.cue is None
        else {
            "tip_px": [round(v, 2) for v in still.cue.tip_px],
            "direction_px": [round(v, 5) for v in still.cue.direction_px],
            "angle_rad": round(still.cue.angle_rad, 5),
            "elevation_rad": round(still.cue.elevation_rad, 4),
            "confidence": round(still.cue.confidence, 4),
        },
    }


def _show(entry: dict[str, Any]) -> None:
    """One picture for people."""
    if "error" in entry:
        return
    print(f"{entry['path']}: {len(entry['balls'])} balls, {entry['elapsed_ms']:.0f} ms")
    for ball in entry["balls"]:
        print(
            f"  {ball['label']:8} x {ball['x_m']:.3f} m  y {ball['y_m']:.3f} m  "
            f"pixel {ball['x_px']:.1f}, {ball['y_px']:.1f}  confidence {ball['confidence']:.2f}"
        )
    if entry["cue"]:
        cue = entry["cue"]
        print(
            f"  cue stick: tip at pixel {cue['tip_px'][0]:.1f}, {cue['tip_px'][1]:.1f}, "
            f"angle {cue['angle_rad']:.4f} rad, confidence {cue['confidence']:.2f}"
        )
