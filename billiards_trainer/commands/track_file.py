"""Reads tracked shots: what ``billiards-trainer track --json`` prints, or a table as CSV.

A CSV file has a header with ``ball``, a time (``t_s`` or ``t``, seconds) and a place: ``x_m`` and
``y_m`` in metres, or ``x`` and ``y`` in a unit that must be told.  Where it has ``shot``,
``match`` or ``file``, they part the shots; of ``file`` the folder does, since files in one folder
are taken to hold the balls of one shot.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from billiards_trainer.errors import InputError
from billiards_trainer.physics.fitting.tracks import Track, TrackedShot
from billiards_trainer.table import Table

Sample = tuple[float, float, float]
Samples = dict[str, dict[str, list[Sample]]]
_LEAST_SHARE_ON_TABLE = 0.9


def read_tracks(path: Path, table: Table, unit: float = 1.0) -> list[TrackedShot]:
    """The shots in a file, places in metres in the table frame.

    Args:
        path: JSON lines or CSV.
        table: they should lie on.
        unit: metres in a unit of ``x`` and ``y`` of a CSV file.

    Raises:
        InputError: not such a file, or places that are not on the table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not a text file in UTF-8") from None
    if text.lstrip()[:1] == "{":
        samples = _from_lines(path, text.splitlines())
    else:
        samples = _from_table(path, text.splitlines(), unit)
    shots = []
    for shot, balls in samples.items():
        tracks = []
        for ball, rows in balls.items():
            columns = np.array(rows)
            tracks.append(Track.from_samples(ball, columns[:, 0], columns[:, 1:]))
        shots.append(TrackedShot(shot, tuple(track for track in tracks if len(track))))
    _check(path, shots, table)
    return shots


def _from_lines(path: Path, lines: Iterable[str]) -> Samples:
    """One shot, of which only what was really seen of each ball is taken."""
    balls: dict[str, list[Sample]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if record.get("type") != "state":
                continue
            for ball in record["balls"]:
                if not ball.get("visible", True):
                    continue
                name = f"{ball.get('label', 'ball')} ({ball.get('track', 0)})"
                sample = (float(record["t"]), float(ball["x_m"]), float(ball["y_m"]))
                balls.setdefault(name, []).append(sample)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"{path}: line {number} is not what `billiards-trainer track --json` prints"
            ) from None
    if not balls:
        raise InputError(f"{path}: holds no balls")
    return {path.stem: balls}


def _from_table(path: Path, lines: list[str], unit: float) -> Samples:
    reader = csv.DictReader(lines)
    columns = reader.fieldnames or []
    time = next((c for c in ("t_s", "t") if c in columns), None)
    metres = "x_m" in columns and "y_m" in columns
    place = ("x_m", "y_m") if metres else ("x", "y")
    missing = [c for c in ("ball", *place) if c not in columns]
    if missing or time is None:
        what = missing[0] if missing else "t_s"
        raise InputError(f"{path}: there is no column {what!r} in the first line")
    scale = 1.0 if metres else unit
    shots: Samples = {}
    for number, row in enumerate(reader, start=2):
        try:
            sample = (
                float(row[time]),
                float(row[place[0]]) * scale,
                float(row[place[1]]) * scale,
            )
        except (TypeError, ValueError):
            raise InputError(f"{path}: line {number}: time and place must be numbers") from None
        shot, ball = _names(row)
        shots.setdefault(shot, {}).setdefault(ball, []).append(sample)
    if not shots:
        raise InputError(f"{path}: holds no samples")
    return shots


def _names(row: dict[str, Any]) -> tuple[str, str]:
    """Names of the shot and of the ball that a row belongs to."""
    folder, _, file = (row.get("file") or "").rpartition("/")
    parts = (row.get("match"), row.get("shot"), folder or None)
    return "/".join(p for p in parts if p) or "shot", f"{row['ball']} {file}".strip()


def _check(path: Path, shots: list[TrackedShot], table: Table) -> None:
    places = np.concatenate([t.places for shot in shots for t in shot.tracks] or [np.zeros((0, 2))])
    if not len(places):
        raise InputError(f"{path}: holds no samples that are numbers")
    margin = 0.1
    inside = ((places > -margin) & (places < np.array([table.width, table.length]) + margin)).all(
        axis=1
    )
    if inside.mean() < _LEAST_SHARE_ON_TABLE:
        low, high = np.percentile(places, [1, 99], axis=0)
        raise InputError(
            f"{path}: places from ({low[0]:.2f}, {low[1]:.2f}) to ({high[0]:.2f}, {high[1]:.2f}) m "
            f"are not on a table of {table.width:.2f} x {table.length:.2f} m; is --unit wrong?"
        )
    if np.ptp(places, axis=0).max() < 0.1 * table.length:
        raise InputError(f"{path}: nothing moves farther than a hand's breadth; is --unit wrong?")
