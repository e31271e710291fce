"""``billiards-trainer evaluate vision``: accuracy on labelled pictures, and the worst of them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billiards_trainer.commands.table_flags import add_table_arguments, described_table
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table, preset

if TYPE_CHECKING:
    from billiards_trainer.vision.evaluation import LabelledPicture, Score

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
    vision.add_argument(
        "annotations",
        metavar="ANNOTATIONS",
        type=Path,
        help="a JSON file, a folder with images and labels (YOLO), or a folder of single balls "
        "sorted into folders by their names",
    )
    vision.add_argument("--only", metavar="TEXT", help="pictures whose path contains the text")
    vision.add_argument(
        "--given-corners", action="store_true", help="use the labelled corners of the tables"
    )
    vision.add_argument("--sheet", metavar="PNG", type=Path, help="contact sheet of the worst")
    vision.add_argument("--diagram", metavar="PNG", type=Path, help="reliability diagram")
    vision.add_argument("--worst", metavar="N", type=int, default=12, help="pictures on the sheet")
    vision.add_argument("--json", action="store_true", help="for machines")
    add_table_arguments(vision)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; status 2 when pictures could not be read."""
    import cv2

    from billiards_trainer.vision import evaluation, evaluation_sets, evaluation_sheets

    cv2.setNumThreads(1)
    source: Path = arguments.annotations
    unreadable = 0
    if source.is_dir() and not evaluation_sets.is_yolo(source):
        scores = _score_crops(source, described_table(arguments))
    else:
        scores, unreadable = _score_pictures(arguments)
    everything = evaluation.Score()
    for score in scores.values():
        everything.add(score)
    bins = evaluation.reliability(everything.stated)
    if arguments.diagram is not None:
        _write(arguments.diagram, evaluation_sheets.reliability_diagram(bins))
    report = {
        "groups": {name: score.summary() for name, score in sorted(scores.items())},
        "all": everything.summary(),
        "reliability": bins,
    }
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        _show(report)
    return 2 if unreadable else 0


def _score_pictures(arguments: argparse.Namespace) -> tuple[dict[str, Score], int]:
    """Scores by group of pictures, and how many could not be read."""
    from billiards_trainer.vision import evaluation, evaluation_sheets
    from billiards_trainer.vision.detection.detector import Detection
    from billiards_trainer.vision.picture_file import read_picture
    from billiards_trainer.vision.still import analyse

    source: Path = arguments.annotations
    folder = source if source.is_dir() else source.parent
    given, sized = described_table(arguments), arguments.table_size is not None
    scores: dict[str, Score] = {}
    shown: list[tuple[float, str, Any]] = []
    unreadable = 0
    for labelled in _read(source, arguments.only):
        table = given or _usual(labelled)
        corners = labelled.corners_px if arguments.given_corners else None
        found: list[Detection] = []
        corners_found = None
        failed = 0
        try:
            picture = read_picture(folder / labelled.path)
        except InputError as error:
            print(f"billiards-trainer: {error}", file=sys.stderr)
            unreadable += 1
            continue
        try:
            still = analyse(picture, table, size_known=sized, corners=corners)
            found, corners_found = still.balls, still.table.corners_px
        except InputError as error:
            print(f"billiards-trainer: {labelled.path}: {error}", file=sys.stderr)
            failed = 1
        score = evaluation.score_picture(labelled, found, corners_found, table.balls.diameter)
        score.failed = failed
        parts = Path(labelled.path).parts
        scores.setdefault(
            "/".join(parts[: min(2, max(1, len(parts) - 1))]), evaluation.Score()
        ).add(score)
        if arguments.sheet is not None:
            bad = score.missed + score.false + 0.5 * (score.named - score.named_right)
            title = f"{labelled.path[-60:]}  missed {score.missed} false {score.false}"
            shown.append((bad, title, evaluation_sheets.overlay(picture, labelled, found)))
            shown.sort(key=lambda item: -item[0])
            del shown[max(1, arguments.worst) :]
    if arguments.sheet is not None and shown:
        pictures = [(title, picture) for _, title, picture in shown]
        _write(arguments.sheet, evaluation_sheets.contact_sheet(pictures))
    return scores, unreadable


def _score_crops(folder: Path, table: Table | None) -> dict[str, Score]:
    """Scores of single balls, by group."""
    from billiards_trainer.vision import evaluation_sets
    from billiards_trainer.vision.detection import identity_network
    from billiards_trainer.vision.detection.colours import default_profile
    from billiards_trainer.vision.detection.identity import Identifier

    if table is None:
        kinds = {kind for _, kind, _ in evaluation_sets.crop_files(folder)}
        table = preset("snooker-12ft" if kinds & _COLOURS else "pool-9ft")
    network = identity_network.in_force().network
    identifier = Identifier(table.balls, default_profile(table.balls), network)
    return evaluation_sets.score_crops(folder, table.balls, identifier)


def _write(path: Path, picture: Any) -> None:
    import cv2

    if not cv2.imwrite(str(path), picture):
        raise InputError(f"{path}: cannot be written")


def _read(path: Path, only: str | None) -> list[LabelledPicture]:
    from billiards_trainer.vision.evaluation import read_annotations
    from billiards_trainer.vision.evaluation_sets import read_yolo

    try:
        pictures = (
            read_yolo(path)
            if path.is_dir()
            else read_annotations(json.loads(path.read_text(encoding="utf-8")))
        )
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
    if report["reliability"]:
        print("\n| stated | right | names |\n|---|---|---|")
        for stated, right, count in report["reliability"]:
            print(f"| {stated:.2f} | {right:.2f} | {count} |")
