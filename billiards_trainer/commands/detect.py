"""``billiards-trainer detect``: table, balls and cue in pictures, as JSON or as a table."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billiards_trainer.commands.table_flags import (
    add_corners_argument,
    add_table_arguments,
    chosen_table,
    parse_corners,
)
from billiards_trainer.errors import InputError

if TYPE_CHECKING:
    from billiards_trainer.vision.still import Still

HELP = "find table, balls and cue in pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Pictures, and what is known of the table."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", type=Path)
    add_table_arguments(parser)
    add_corners_argument(parser)
    parser.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """Detect and print; status 2 when any picture failed."""
    import cv2

    from billiards_trainer.vision.picture_file import read_picture
    from billiards_trainer.vision.still import analyse

    cv2.setNumThreads(1)
    table = chosen_table(arguments.table_size, arguments.ball_diameter, arguments.balls)
    corners = parse_corners(arguments.corners)
    sized = arguments.table_size is not None
    entries: list[dict[str, Any]] = []
    for path in arguments.images:
        began = time.perf_counter()
        try:
            picture = read_picture(path)
            try:
                still = analyse(picture, table, size_known=sized, corners=corners)
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
