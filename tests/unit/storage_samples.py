"""Shots to record in tests; also run as a program that records until it is killed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from billiards_trainer import messages as m
from billiards_trainer.storage.clock import BootClock
from billiards_trainer.storage.recorder import ShotRecorder
from billiards_trainer.storage.records import SessionRecord, ShotRecord

CLOCK = BootClock("11111111-2222-3333-4444-555555555555", 1_700_000_000_000_000_000)


def a_session(**changes: Any) -> SessionRecord:
    values: dict[str, Any] = {
        "table": "pool-9ft",
        "game": "pool",
        "width": 1.27,
        "length": 2.54,
        "ball_radius": 0.028575,
        "source": m.SourceInfo(kind="simulated", name="virtual table"),
        "started_ns": 1_000_000_000,
        "clock": CLOCK,
    }
    return SessionRecord(**(values | changes))


def a_shot(session: SessionRecord, number: int = 1, **changes: Any) -> ShotRecord:
    start = 1_000_000_000 + number * 10_000_000_000
    frames = tuple(start + i * 33_333_333 for i in range(90))
    cue = m.BallState(track=1, label="cue", x_m=0.4, y_m=0.6)
    three = m.BallState(track=4, label="3", x_m=0.7, y_m=1.9, confidence=0.98)
    values: dict[str, Any] = {
        "session": session,
        "number": number,
        "start_frame": 100,
        "start_ns": frames[0],
        "end_frame": 189,
        "end_ns": frames[-1],
        "before": (cue, three),
        "after": (cue,),
        "events": (
            an_event(0, m.EventKind.SHOT_START, frames[0]),
            an_event(1, m.EventKind.BALL_COLLISION, frames[9]),
            an_event(2, m.EventKind.POCKETED, frames[40], pocket="far-right"),
        ),
        "cue": m.CueState(tip_m=(0.4, 0.5, 0.03), angle_rad=1.4),
        "prediction": m.Prediction(
            frame=100,
            exposure_ns=frames[0],
            speed=2.0,
            angle_rad=1.4,
            paths=(m.PathPiece(label="3", points=((0.7, 1.9), (1.2, 2.5)), end="pocketed"),),
        ),
        "summary": m.ShotSummary(number=number, potted=("3",), cue_speed=2.1, error_mm=7.5),
        "frame_times_ns": frames,
        "calibration": "camera-7",
    }
    return ShotRecord(**(values | changes))


def an_event(sequence: int, kind: m.EventKind, at_ns: int, **changes: Any) -> m.ShotEvent:
    values: dict[str, Any] = {
        "frame": 100 + sequence,
        "exposure_ns": at_ns,
        "epoch": 5,
        "sequence": sequence,
        "kind": kind,
        "t": sequence * 0.3,
        "tracks": (1, 4),
        "labels": ("cue", "3"),
        "x_m": 0.7,
        "y_m": 1.9,
        "places_m": ((0.7, 1.9), (0.72, 1.95)),
    }
    return m.ShotEvent(**(values | changes))


def record_until_killed(state_dir: Path) -> None:
    """Record shot after shot and say on standard output which ones are reported as recorded."""
    recorder = ShotRecorder(state_dir)
    session = a_session()
    number = 0
    while True:
        if recorder.health().waiting < 50:
            number += 1
            recorder.record(a_shot(session, number))
        for done in recorder.finished():
            os.write(1, f"recorded {done.shot_id}\n".encode())
        time.sleep(0.0005)


if __name__ == "__main__":
    record_until_killed(Path(sys.argv[1]))
