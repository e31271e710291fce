"""``bench pipeline``: the whole appliance, from the middle of an exposure to the projector's flip.

It starts the appliance in folders of its own, on the virtual table or a film, lets it settle, and
listens on the bus as any other process would.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from typing import Any

from billiards_trainer import messages as m
from billiards_trainer.commands.own_appliance import OwnAppliance, own_appliance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, and with what."""
    parser.add_argument("--seconds", type=float, default=20.0, help="measured, after settling")
    parser.add_argument("--settle", type=float, default=5.0, help="seconds left out at the start")
    parser.add_argument("--source", default="simulated", help="as for run")
    parser.add_argument(
        "--drawn-ahead",
        action="store_true",
        help="the virtual table drawn before, shown at 60 fps: the cost of what follows the camera",
    )
    parser.add_argument("--table-size", metavar="LxW", help="as for run")
    parser.add_argument("--balls", help="as for run")
    parser.add_argument("--ball-diameter", help="as for run")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    flags = ["--source", arguments.source]
    if arguments.drawn_ahead:
        flags += ["--set", "simulation.drawn_ahead_s=4", "--set", "source.fps=60"]
    for flag in ("table_size", "balls", "ball_diameter"):
        if (value := getattr(arguments, flag)) is not None:
            flags += ["--" + flag.replace("_", "-"), value]
    with own_appliance(flags) as appliance:
        result = _listen(appliance, arguments.settle, arguments.seconds)
    print(json.dumps(result, indent=2) if arguments.json else _table(result))
    return 0


def _listen(appliance: OwnAppliance, settle_s: float, seconds: float) -> dict[str, Any]:
    topics = ("table.state", "game.state", "projector.flip", "system.metrics")
    readers = [appliance.bus.subscribe(topic) for topic in topics]
    # The first seconds carry the calibration and cold caches.
    settled = time.monotonic() + settle_s
    while time.monotonic() < settled:
        appliance.bus.wait(readers, 100)
        for reader in readers:
            reader.drain()
    tally = _Tally()
    begin = time.monotonic()
    while (now := time.monotonic()) < begin + seconds:
        appliance.check()
        appliance.bus.wait(readers, 100)
        for reader in readers:
            for message in reader.drain():
                tally.take(message)
    return {"healthy_after_s": round(appliance.healthy_after_s, 2), **tally.result(now - begin)}


class _Tally:
    """What was heard, by kind."""

    def __init__(self) -> None:
        self.frames = 0
        self.values: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, list[float]] = defaultdict(list)
        self.rss: dict[str, list[float]] = defaultdict(list)
        self._last_flipped = -1

    def take(self, message: m.Message) -> None:
        match message:
            case m.TableState():
                self.frames += 1
                for stage, duration in message.stages_ms.items():
                    self.values[f"vision {stage} ms"].append(duration)
                self.values["vision total ms"].append(sum(message.stages_ms.values()))
                age = (time.monotonic_ns() - message.exposure_ns) / 1e6
                self.values["exposure to table state ms"].append(age)
            case m.GameState(prediction=prediction) if prediction is not None:
                self.values["prediction ms"].append(prediction.compute_ms)
            case m.Flip():
                # A scene shown again at the next flip is not late, it has been there.
                if message.frame != self._last_flipped:
                    self._last_flipped = message.frame
                    self.values["exposure to flip ms"].append(message.latency_s * 1e3)
                    self.values["projector draw ms"].append(message.draw_ms)
            case m.SystemMetrics():
                for name, usage in message.processes.items():
                    self.cpu[name].append(usage.cpu_percent)
                    self.rss[name].append(usage.rss_bytes / 1e6)

    def result(self, seconds: float) -> dict[str, Any]:
        import numpy as np

        measures = {
            name: {
                "median": round(float(np.median(values)), 2),
                "p99": round(float(np.percentile(values, 99)), 2),
                "count": len(values),
            }
            for name, values in sorted(self.values.items())
        }
        processes = {
            name: {
                "cpu_percent": round(float(np.median(self.cpu[name])), 1),
                "rss_mb": round(float(np.median(self.rss[name])), 1),
            }
            for name in sorted(self.cpu)
        }
        return {
            "seconds": round(seconds, 1),
            "cores": os.cpu_count(),
            "fps": round(self.frames / seconds, 2),
            "measures": measures,
            "processes": processes,
        }


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"healthy after {result['healthy_after_s']} s; "
        f"{result['fps']} frames a second over {result['seconds']} s on {result['cores']} cores"
    ]
    lines += [
        f"  {name:28} median {v['median']:8.2f}   p99 {v['p99']:8.2f}   n {v['count']}"
        for name, v in result["measures"].items()
    ]
    lines += [
        f"  {name:28} {v['cpu_percent']:6.1f} % of a core   {v['rss_mb']:7.1f} MB"
        for name, v in result["processes"].items()
    ]
    return "\n".join(lines)
