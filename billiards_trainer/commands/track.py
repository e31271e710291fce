"""``billiards-trainer track VIDEO``: the balls in every frame of a film, and what happened.

Vision and shot segmentation as libraries, from the outside: nothing else of the appliance runs.
"""

from __future__ import annotations

import argparse
import json
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billiards_trainer import messages as m
from billiards_trainer.commands.table_flags import (
    Corners,
    add_corners_argument,
    add_table_arguments,
    chosen_table,
    parse_corners,
)
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table

if TYPE_CHECKING:
    from billiards_trainer.camera_model import CameraModel

_CONFIRMED_AFTER = 3
"""Frames that a ball may have been seen before it is believed."""
_BALL_KEYS = (
    "track",
    "label",
    "x_px",
    "y_px",
    "radius_px",
    "x_m",
    "y_m",
    "vx",
    "vy",
    "moving",
    "visible",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("video", metavar="VIDEO", help="a film")
    add_table_arguments(parser)
    add_corners_argument(parser)
    parser.add_argument("--json", action="store_true", help="JSON lines instead of sentences")


def run(args: argparse.Namespace) -> int:
    """Track and print, line by line.

    Raises:
        InputError: not a film, not a table, or no table is seen in the film.
    """
    table = chosen_table(args.table_size, args.ball_diameter, args.balls)
    corners, film = parse_corners(args.corners), Path(args.video)
    if args.table_size is None:
        table = judged_table(film, table, corners)
    for line in track(film, table, corners):
        if args.json:
            print(json.dumps(line, allow_nan=False), flush=True)
        elif line["type"] == "event":
            who = " and ".join(line["balls"])
            where = f"x {line['x_m']:.3f} m, y {line['y_m']:.3f} m"
            what = line["event"].replace("_", " ")
            print(f"frame {line['frame']:5d}  {line['t']:8.3f} s  {what:17} {who:14} {where}")
    return 0


def judged_table(path: Path, table: Table, corners: Corners | None) -> Table:
    """The table of the size that the balls in the film's first picture tell.

    Raises:
        InputError: there is no such film.
    """
    from billiards_trainer.vision import table_size
    from billiards_trainer.vision.calibration.table_finder import find_table

    with closing(read_film(path)) as film:
        _, picture = next(film)
    try:
        return table_size.judged(
            picture, find_table(picture, table, size_known=False, corners=corners)
        ).table
    except InputError:
        return table


def track(path: Path, table: Table, corners: Corners | None) -> Iterator[dict[str, Any]]:
    """The lines that the command prints; nothing before the table has been found.

    Raises:
        InputError: not a film, or no table is seen in it.
    """
    from billiards_trainer.core.shots.segmenter import ShotSegmenter
    from billiards_trainer.vision.pipeline import Pipeline

    pipeline = Pipeline(table, corners_px=corners, epoch=0)
    segmenter = ShotSegmenter(table)
    source = m.SourceInfo(kind="film", name=path.name)
    waiting: deque[m.TableState] = deque()
    held: list[m.TableState] = []
    for frame, (exposure_ns, picture) in enumerate(read_film(path)):
        state = pipeline.process(picture, frame, exposure_ns, source)
        if pipeline.camera is None:
            held.append(state)
            continue
        waiting.extend(held)
        held = []
        _backfill(waiting, state)
        waiting.append(state)
        while len(waiting) > _CONFIRMED_AFTER:
            yield _state_line(waiting.popleft())
        for event in segmenter.update(state):
            yield from _event_lines(event, pipeline.camera, table)
    if pipeline.camera is None:
        why = (held[-1].quality.problem if held else None) or pipeline.problem
        raise InputError(f"{path}: {why}")
    for state in waiting:
        yield _state_line(state)
    for event in segmenter.finish():
        yield from _event_lines(event, pipeline.camera, table)


def read_film(path: Path) -> Generator[tuple[int, Any]]:
    """Time (ns from the first frame's) and picture of each frame, as the film itself says.

    Raises:
        InputError: there is no such film.
    """
    import cv2

    cv2.setNumThreads(1)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        fps = capture.get(cv2.CAP_PROP_FPS) if capture.isOpened() else 0.0
        if not 1.0 <= fps <= 1000.0:
            raise InputError(f"{path}: not a film that can be read")
        frame = 0
        while True:
            found, picture = capture.read()
            if not found:
                break
            yield round(frame * 1e9 / fps), picture
            frame += 1
    finally:
        capture.release()
    if frame < 2:
        raise InputError(f"{path}: not a film of at least two pictures")


def _backfill(waiting: deque[m.TableState], state: m.TableState) -> None:
    """A ball that is believed now was there in the frames that made it believed."""
    if not waiting:
        return
    known = {ball.track for ball in waiting[-1].balls}
    fresh = [b for b in state.balls if b.track not in known and not b.moving and b.visible]
    if not fresh:
        return
    for i in range(max(0, len(waiting) - _CONFIRMED_AFTER + 1), len(waiting)):
        old = waiting[i]
        there = [b.model_copy(update={"measured_m": None}) for b in fresh]
        waiting[i] = old.model_copy(update={"balls": (*old.balls, *there)})


def _state_line(state: m.TableState) -> dict[str, Any]:
    return {
        "type": "state",
        "frame": state.frame,
        "t": state.exposure_ns / 1e9,
        "balls": [
            {
                **ball.model_dump(include=set(_BALL_KEYS)),
                "confidence": ball.confidence,
                "label_confidence": ball.label_confidence,
            }
            for ball in state.balls
            if not ball.in_hand
        ],
    }


def _event_lines(event: m.ShotEvent, camera: CameraModel, table: Table) -> Iterable[dict[str, Any]]:
    """One line for each ball concerned: its own label first, and where its centre was."""
    import numpy as np

    from billiards_trainer.vision.detection.geometry import discs

    places = event.places_m or ((event.x_m, event.y_m),)
    middles, _ = discs(camera, np.array(places), table.balls.radius)
    for i, (place, middle) in enumerate(zip(places, middles, strict=True)):
        labels = [*event.labels[i : i + 1], *event.labels[:i], *event.labels[i + 1 :]]
        line: dict[str, Any] = {
            "type": "event",
            "event": event.kind.value,
            "frame": event.frame,
            "t": event.exposure_ns / 1e9,
            "balls": labels,
            "x_m": place[0],
            "y_m": place[1],
            "x_px": float(middle[0]),
            "y_px": float(middle[1]),
        }
        if event.pocket is not None:
            line["pocket"] = event.pocket
        yield line
