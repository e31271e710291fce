"""``billiards-trainer evaluate vision``: accuracy on labelled pictures, and the worst of them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billiards_trainer.commands.detect import add_table_arguments, table_from
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table, preset

if TYPE_CHECKING:
    from billiards_trainer.vision.evaluation import LabelledPicture

HELP = "measure accuracy against labelled pictures"
_COLOURS = {"red", "yellow", "green", "brown", "blue", "pink", "black"}
_FIGURES = (
    ("precision", "{:.4f}"),
    ("recall", "{:.4f}"),
    ("label_accuracy", "{:.4f}"),
    ("median_px", "{:.2f}"),
    ("median_mm", "{:.2f}"),
    ("p95_mm", "{:.2f}"),
    ("corners_px", "{:.1f}"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is evaluated, and against which labels."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    what = "balls and their labels in pictures"
    vision = kinds.add_parser("vision", help=what, description=what)
    vision.add_argument("annotations", metavar="ANNOTATIONS", type=Path, help="a JSON file")
    vision.add_argument("--only", metavar="TEXT", help="pictures whose path contains the text")
    vision.add_argument(
        "--given-corners", action="store_true", help="use the labelled corners of the tables"
    )
    vision.add_argument("--sheet", metavar="PNG", type=Path, help="contact sheet of the worst")
    vision.add_argument("--worst", metavar="N", type=int, default=12, help="pictures on the sheet")
    vision.add_argument("--json", action="store_true", help="for machines")
    add_table_arguments(vision)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; status 2 when pictures could not be read."""
    import cv2

    from billiards_trainer.vision import evaluation
    from billiards_trainer.vision.detection.detector import Detection
    from billiards_trainer.vision.picture_file import read_picture
    from billiards_trainer.vision.still import analyse

    cv2.setNumThreads(1)
    pictures = _read(arguments.annotations, arguments.only)
    given = table_from(arguments)
    scores: dict[str, evaluation.Score] = {}
    shown: list[tuple[float, str, Any]] = []
    unreadable = 0
    for labelled in pictures:
        table = given or _usual(labelled)
        corners = labelled.corners_px if arguments.given_corners else None
        found: list[Detection] = []
        corners_found = None
        failed = 0
        try:
            picture = read_picture(arguments.annotations.parent / labelled.path)
        except InputError as error:
            print(f"billiards-trainer: {error}", file=sys.stderr)
            unreadable += 1
            continue
        try:
            still = analyse(picture, table, corners=corners)
            found, corners_found = still.balls, still.table.corners_px
        except InputError as error:
            print(f"billiards-trainer: {labelled.path}: {error}", file=sys.stderr)
            failed = 1
        score = evaluation.score_picture(labelled, found, corners_found, table.balls.diameter)
        score.failed = failed
        group = "/".join(
            Path(labelled.path).parts[:2][: max(1, len(Path(labelled.path).parts) - 1)]
        )
        scores.setdefault(group, evaluation.Score()).add(score)
        if arguments.sheet is not None:
            bad = score.missed + score.false + 0.5 * (score.named - score.named_right)
            title = f"{labelled.path[-60:]}  missed {score.missed} false {score.false}"
            shown.append((bad, title, evaluation.overlay(picture, labelled, found)))
            shown.sort(key=lambda item: -item[0])
            del shown[max(1, arguments.worst) :]
    everything = evaluation.Score()
    for score in scores.values():
        everything.add(score)
    if arguments.sheet is not None and shown:
        sheet = evaluation.contact_sheet([(title, picture) for _, title, picture in shown])
        if not cv2.imwrite(str(arguments.sheet), sheet):
            raise InputError(f"{arguments.sheet}: cannot be written")
    report = {
        "groups": {name: score.summary() for name, score in sorted(scores.items())},
        "all": everything.summary(),
        "reliability": evaluation.reliability(everything.stated),
    }
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        _show(report)
    return 2 if unreadable else 0


def _read(path: Path, only: str | None) -> list[LabelledPicture]:
    from billiards_trainer.vision.evaluation import read_annotations

    try:
        pictures = read_annotations(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not JSON, line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    chosen = [p for p in pictures if only is None or only in p.path]
    if not chosen:
        raise InputError(f"{path}: no labelled pictures" + (f" with {only!r}" if only else ""))
    return chosen


def _usual(labelled: LabelledPicture) -> Table:
    """The table that the labels' classes suggest, when nothing is said about it."""
    kinds = {ball.kind for ball in labelled.balls}
    return preset("snooker-12ft" if kinds & _COLOURS else "pool-9ft")


def _show(report: dict[str, Any]) -> None:
    """A markdown table."""
    print("| pictures | n | balls | " + " | ".join(name for name, _ in _FIGURES) + " |")
    print("|---" * (3 + len(_FIGURES)) + "|")
    for name, figures in [*report["groups"].items(), ("all", report["all"])]:
        cells = [
            "-" if figures[key] is None else form.format(figures[key]) for key, form in _FIGURES
        ]
        print(f"| {name} | {figures['pictures']} | {figures['balls']} | {' | '.join(cells)} |")
