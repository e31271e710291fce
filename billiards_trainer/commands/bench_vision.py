"""``billiards-trainer bench vision``: each stage's time on one core, on the virtual table."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from billiards_trainer.table import TABLE_NAMES, preset

PICTURES = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which table, and how long."""
    parser.add_argument("--table", choices=TABLE_NAMES, default="pool-9ft")
    parser.add_argument("--rounds", type=int, default=10, help="times that each picture is seen")
    parser.add_argument("--seed", type=int, default=1, help="of the virtual table")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print medians and 99th percentiles in milliseconds of processor time."""
    report = measure(arguments.table, max(1, arguments.rounds), arguments.seed)
    if arguments.json:
        print(json.dumps(report, indent=1))
        return 0
    print(f"{report['pictures']} pictures of {report['table']}, 1280x720, one core")
    for stage, figures in report["stages_ms"].items():
        print(f"  {stage:10} median {figures['median']:6.2f} ms   p99 {figures['p99']:6.2f} ms")
    return 0


def measure(name: str, rounds: int, seed: int) -> dict[str, Any]:
    """Medians and 99th percentiles of each stage; pictures of play with the player in view."""
    import cv2
    import numpy as np

    from billiards_trainer.simulation.virtual_table import VirtualTable
    from billiards_trainer.vision.cue.finder import find_cue
    from billiards_trainer.vision.detection.detector import BallDetector

    cv2.setNumThreads(1)
    table = preset(name)
    virtual = VirtualTable(table, seed=seed)
    virtual.skip(4.0)
    pictures = []
    for _ in range(PICTURES):
        pictures.append(virtual.step().image)
        virtual.skip(0.7)
    detector = BallDetector(table, virtual.camera)
    times: dict[str, list[float]] = {}
    for round_ in range(rounds + 1):
        for picture in pictures:
            began = time.thread_time_ns()
            balls = detector.detect(picture)
            middle = time.thread_time_ns()
            find_cue(picture, table, virtual.camera, balls, working=detector.working)
            end = time.thread_time_ns()
            if round_ == 0:
                continue
            for stage, ms in detector.stages_ms.items():
                times.setdefault(stage, []).append(ms)
            times.setdefault("detection", []).append((middle - began) / 1e6)
            times.setdefault("cue", []).append((end - middle) / 1e6)
            times.setdefault("all", []).append((end - began) / 1e6)
    return {
        "table": name,
        "pictures": len(pictures),
        "rounds": rounds,
        "stages_ms": {
            stage: {
                "median": float(np.median(values)),
                "p99": float(np.percentile(values, 99)),
            }
            for stage, values in times.items()
        },
    }
