"""``billiards-trainer bench vision``: each stage's time on one core, on the virtual table.

What is measured is what runs in the appliance, ``Pipeline.process``, over pictures in a row:
a player aims, strokes, balls roll.  Tracking and the cue's following need the pictures in order.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from billiards_trainer.table import TABLE_NAMES, preset

if TYPE_CHECKING:
    from billiards_trainer.simulation.virtual_table import VirtualTable

PICTURES = 90
"""Three seconds of play: practice strokes, the stroke, balls that roll."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which table, and how long."""
    parser.add_argument("--table", choices=TABLE_NAMES, default="pool-9ft")
    parser.add_argument("--rounds", type=int, default=3, help="shots that are looked at")
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
    """Medians and 99th percentiles of each stage.

    ``all`` is everything; ``aiming`` the same of the pictures in which a cue is seen.  The parts of
    ``detection`` stand beside it.
    """
    import cv2
    import numpy as np

    from billiards_trainer import messages as m
    from billiards_trainer.simulation.virtual_table import VirtualTable
    from billiards_trainer.vision.pipeline import Pipeline

    cv2.setNumThreads(1)
    table = preset(name)
    virtual = VirtualTable(table, seed=seed)
    pipeline = Pipeline(table, virtual.camera, clock=time.thread_time)
    source = m.SourceInfo(kind="simulated", name=name)
    times: dict[str, list[float]] = {}
    seen = 0
    for _ in range(rounds):
        _skip_to_stroke(virtual)
        # Drawn before they are looked at: drawing would empty the processor's caches.
        pictures = [virtual.step().image for _ in range(PICTURES)]
        for number, picture in enumerate(pictures):
            # The first pictures of a shot find the tracks as the last one left them.
            state = pipeline.process(picture, seen, 1 + round(seen * 1e9 / virtual.fps), source)
            seen += 1
            if number == 0:
                continue
            stages = dict(state.stages_ms)
            stages["all"] = sum(stages.values())
            if state.cue is not None:
                stages["aiming"] = stages["all"]
            if pipeline.detector is not None:
                stages |= pipeline.detector.stages_ms
            for stage, ms in stages.items():
                times.setdefault(stage, []).append(ms)
    return {
        "table": name,
        "pictures": seen,
        "stages_ms": {
            stage: {
                "median": float(np.median(values)),
                "p99": float(np.percentile(values, 99)),
            }
            for stage, values in times.items()
        },
    }


def _skip_to_stroke(virtual: VirtualTable) -> None:
    """Play on until a player who has aimed begins to stroke."""
    for phase in ("aim", "stroke"):
        while virtual.world.act.phase(virtual.world.time) != phase:
            virtual.skip(0.1)
