"""``billiards-trainer bench physics``: shots a second, live prediction, cold start."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--table", default="pool-9ft", help="preset table (default: pool-9ft)")
    parser.add_argument("--shots", type=int, default=20_000, help="shots in each figure")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--no-cold-start", action="store_true", help="leave out starting fresh processes"
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print: processor time of one core, except where it says all cores."""
    report = measure(args.table, max(args.shots, 100), args.seed)
    if not args.no_cold_start:
        report["cold_start"] = cold_start()
    report["memory_peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if args.json:
        json.dump(report, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        print_report(report)
    return 0


def measure(table_name: str, shots: int, seed: int) -> dict[str, Any]:
    """All figures that one process can measure of itself."""
    import numpy as np

    from billiards_trainer.errors import InputError
    from billiards_trainer.physics import sampling
    from billiards_trainer.physics.batch import simulate_batch
    from billiards_trainer.physics.compilation import processor_name
    from billiards_trainer.physics.engine import simulate
    from billiards_trainer.physics.parameters import BallBallModel, CushionModel, Models
    from billiards_trainer.physics.state import BallsState
    from billiards_trainer.physics.strike import Strike
    from billiards_trainer.table import TableError, preset

    try:
        table = preset(table_name)
    except TableError as error:
        raise InputError(f"--table: {error}") from None
    rng = np.random.default_rng(seed)
    simulate_batch(table, *sampling.random_shots(rng, table, 2, 10), threads=1)

    def rate(positions: Any, strikes: Any, models: Models | None = None) -> dict[str, float]:
        # Processor time: another process on the same core does not count.
        began = time.process_time()
        done = simulate_batch(table, positions, strikes, models=models, threads=1)
        seconds = time.process_time() - began
        return {
            "shots_per_second": len(done.events) / seconds,
            "events_per_shot": float(done.events.mean()),
            "hits": float((done.first_hit[:, 0] >= 0).mean()),
            "complete": float(done.complete.mean()),
        }

    report: dict[str, Any] = {
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "table": table_name,
        "shots": shots,
    }
    for balls, name in ((2, "two_balls"), (3, "three_balls")):
        report[name] = rate(*sampling.random_shots(rng, table, balls, shots))
    breaks = max(shots // 20, 10)
    report["nine_ball_break"] = rate(*sampling.breaks(rng, table, "nine", breaks))
    report["eight_ball_break"] = rate(*sampling.breaks(rng, table, "eight", breaks))
    three = sampling.random_shots(rng, table, 3, max(shots // 4, 10))
    report["three_balls_by_model"] = {
        f"{b.name.lower()}, {c.name.lower()}": rate(*three, Models(b, c))["shots_per_second"]
        for b in BallBallModel
        for c in CushionModel
    }
    three = sampling.random_shots(rng, table, 3, shots)
    began = time.perf_counter()
    simulate_batch(table, *three)
    report["three_balls_all_cores"] = {"shots_per_second": shots / (time.perf_counter() - began)}
    # What a live aim costs: 16 balls, one call, with every event kept.
    positions, strikes = sampling.random_shots(rng, table, 16, 1000)
    taken, worked = np.empty(len(positions)), np.empty(len(positions))
    for k in range(-50, len(positions)):
        state = BallsState.at_rest(positions[k], table.balls.radius)
        strike = Strike(0, *(float(v) for v in strikes[k, 1:]))
        began, used = time.perf_counter(), time.process_time()
        simulate(table, state, strike)
        taken[k], worked[k] = time.perf_counter() - began, time.process_time() - used
    report["live_16_balls_ms"] = {
        "median": float(np.median(taken) * 1e3),
        "p99": float(np.percentile(taken, 99) * 1e3),
        # Without what other processes took of the core meanwhile.
        "p99_processor": float(np.percentile(worked, 99) * 1e3),
    }
    return report


_FIRST_SHOT = """
import time
began = time.perf_counter()
from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.state import BallsState
from billiards_trainer.physics.strike import Strike
from billiards_trainer.table import preset
table = preset("pool-9ft")
state = BallsState.at_rest([[0.6, 0.6], [0.6, 1.5]], table.balls.radius)
simulate(table, state, Strike(0, 2.0, 1.5))
print(time.perf_counter() - began, time.process_time())
"""


def cold_start(repeats: int = 5, empty_cache: bool = True) -> dict[str, float]:
    """Seconds from a fresh interpreter to its first predicted shot: cache filled, and empty."""

    def first_shot(**environment: str) -> tuple[float, float, float]:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _FIRST_SHOT],
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        )
        first, processor = (float(part) for part in done.stdout.split())
        return time.perf_counter() - began, first, processor

    first_shot()
    taken = sorted(first_shot() for _ in range(repeats))[repeats // 2]
    report = {"process_s": taken[0], "first_shot_s": taken[1], "processor_s": taken[2]}
    if empty_cache:
        with tempfile.TemporaryDirectory() as folder:
            report["first_shot_empty_cache_s"] = first_shot(NUMBA_CACHE_DIR=folder)[1]
    return report


def print_report(report: dict[str, Any]) -> None:
    """The figures as lines for people."""
    print(f"{report['processor']}, {report['cores']} cores, {report['table']}, one core:")
    for name in ("two_balls", "three_balls", "nine_ball_break", "eight_ball_break"):
        r = report[name]
        print(
            f"  {name.replace('_', ' '):18s} {r['shots_per_second']:10,.0f} shots/s"
            f"   {r['events_per_shot']:.1f} events a shot, {r['hits']:.0%} hit a ball"
        )
    print("three balls, other models:")
    for name, shots in report["three_balls_by_model"].items():
        print(f"  {name:24s} {shots:10,.0f} shots/s")
    print(f"all cores: {report['three_balls_all_cores']['shots_per_second']:,.0f} shots/s")
    live = report["live_16_balls_ms"]
    print(f"live, 16 balls: median {live['median']:.3f} ms, p99 {live['p99']:.3f} ms")
    if "cold_start" in report:
        cold = report["cold_start"]
        empty = cold.get("first_shot_empty_cache_s")
        aside = "" if empty is None else f" ({empty:.1f} s with an empty cache)"
        print(f"cold start: first shot after {cold['first_shot_s']:.2f} s{aside}")
    print(f"memory: {report['memory_peak_mb']:.0f} MB at most")
