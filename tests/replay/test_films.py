"""The films of a real table: every marked event, from the command line's own output."""

from __future__ import annotations

import contextlib
import io
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer.cli import main

FILMS = ("slow_roll", "straight_shot", "collision_and_rail", "pot_side_pocket")
MM_PER_PIXEL = 1.66
"""On the plane of the balls' centres, from the marks themselves."""
# Balls roll on for up to a third of a second after these marks, and the places of two of them lie
# 15 to 20 mm beside the ball in the picture.
WRONG_MARKS = {
    ("slow_roll", "at_rest", 104),
    ("pot_side_pocket", "at_rest", 93),
    ("collision_and_rail", "at_rest", 64),
}

EARLY = {"pot_side_pocket": 1}
"""Marks that may be missed: a slow ball at a rounded edge, at fifteen exposures a second, is said
to drop two frames before the mark."""


@cache
def lines_of(film: Path) -> list[dict[str, Any]]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(
            ["track", str(film), "--table-size", "1.881x0.943", "--ball-diameter", "0.0523",
             "--balls", "snooker", "--json"]
        )  # fmt: skip
    assert status == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


def marks(data_dir: Path, film: str) -> list[dict[str, Any]]:
    annotations = json.loads((data_dir / "annotations.json").read_text())
    videos = {v["video"]: v for v in annotations["videos"]}
    found: list[dict[str, Any]] = videos[f"ceiling_projector/films/{film}.mp4"]["events"]
    return found


@pytest.mark.parametrize("film", FILMS)
def test_marked_events_are_found(data_dir: Path, film: str) -> None:
    """Within one frame and 8 mm (and the clicked marks' own one or two pixels)."""
    lines = lines_of(data_dir / "ceiling_projector" / "films" / f"{film}.mp4")
    events = [line for line in lines if line["type"] == "event"]
    off: list[str] = []
    for mark in marks(data_dir, film):
        kind = {"start": "shot_start"}.get(mark["event"], mark["event"])
        if (film, kind, mark["frame"]) in WRONG_MARKS:
            continue
        near = [
            (
                abs(e["frame"] - mark["frame"]),
                math.dist((e["x_px"], e["y_px"]), mark["pixel"]) * MM_PER_PIXEL,
            )
            for e in events
            if e["event"] == kind and e["balls"] and e["balls"][0] == mark["ball"]
        ]
        frames, mm = min(near, default=(math.inf, math.inf))
        if frames > 1 or mm > 8 + 2 * MM_PER_PIXEL:
            off.append(f"{kind} of {mark['ball']} at {mark['frame']}: {frames} frames, {mm:.1f} mm")
    assert len(off) <= EARLY.get(film, 0), off


@pytest.mark.parametrize("film", FILMS)
def test_no_ball_is_potted_that_was_not(data_dir: Path, film: str) -> None:
    lines = lines_of(data_dir / "ceiling_projector" / "films" / f"{film}.mp4")
    potted = [e["balls"][0] for e in lines if e.get("event") == "pocketed"]
    true = [e["ball"] for e in marks(data_dir, film) if e["event"] == "pocketed"]
    assert potted == true


@pytest.mark.parametrize("film", FILMS)
def test_every_frame_has_its_state_and_balls_keep_their_names(data_dir: Path, film: str) -> None:
    lines = lines_of(data_dir / "ceiling_projector" / "films" / f"{film}.mp4")
    states = [line for line in lines if line["type"] == "state"]
    assert [s["frame"] for s in states] == list(range(len(states)))
    for label in {mark["ball"] for mark in marks(data_dir, film)}:
        first = next(b["track"] for s in states for b in s["balls"] if b["label"] == label)
        tracks = {b["track"] for s in states for b in s["balls"] if b["label"] == label}
        assert tracks == {first}
    assert {"track", "label", "x_px", "y_px", "radius_px", "x_m", "y_m", "confidence"} <= set(
        states[20]["balls"][0]
    )
