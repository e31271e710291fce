"""``bench recovery``: modules killed and frozen in play, and how long until healthy again."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import time
from typing import Any

from billiards_trainer import messages as m
from billiards_trainer.commands.own_appliance import OwnAppliance, own_appliance
from billiards_trainer.errors import InputError

FAULTS = {"killed": signal.SIGKILL, "frozen": signal.SIGSTOP}
_LIMIT_S = 60.0
# Longer than the life that forgives a failure: each fault meets a module in good standing.
_PAUSE_S = 11.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How often, and which modules."""
    parser.add_argument("--times", type=int, default=3, help="faults of each kind for each module")
    parser.add_argument("--modules", help="with commas; all when left out")
    parser.add_argument("--faults", default="killed,frozen", help="with commas")
    parser.add_argument("--source", default="simulated", help="as for run")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the faults")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    faults = arguments.faults.split(",")
    for fault in faults:
        if fault not in FAULTS:
            raise InputError(f"--faults: unknown fault {fault!r}; known are {', '.join(FAULTS)}")
    moments = random.Random(arguments.seed)
    result: dict[str, dict[str, Any]] = {}
    with own_appliance(["--source", arguments.source]) as appliance:
        known = list(appliance.next_status().modules)
        modules = arguments.modules.split(",") if arguments.modules else known
        for module in modules:
            if module not in known:
                raise InputError(f"--modules: unknown module {module!r}")
            for fault in faults:
                times = []
                for _ in range(arguments.times):
                    time.sleep(_PAUSE_S + moments.random())
                    times.append(_recover(appliance, module, FAULTS[fault]))
                result[f"{module} {fault}"] = _summary(times)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        for name, row in result.items():
            print(
                f"  {name:20} median {row['median_s']:6.2f} s   p99 {row['p99_s']:6.2f} s   "
                f"n {row['count']}"
            )
    return 0


def _recover(appliance: OwnAppliance, module: str, number: signal.Signals) -> float:
    """Seconds from the signal until the module has a successor and all is healthy."""
    pid = appliance.next_status().modules[module].pid
    if pid is None:
        raise InputError(f"{module} was not running")
    os.kill(pid, number)
    began = time.monotonic()
    while True:
        status = appliance.next_status()
        replaced = status.modules[module].pid not in (None, pid)
        if replaced and status.status is m.Level.HEALTHY:
            return time.monotonic() - began
        if time.monotonic() - began > _LIMIT_S:
            raise InputError(f"{module} was not healthy {_LIMIT_S:g} s after signal {number}")


def _summary(times: list[float]) -> dict[str, Any]:
    import numpy as np

    return {
        "median_s": round(float(np.median(times)), 2),
        "p99_s": round(float(np.percentile(times, 99)), 2),
        "max_s": round(max(times), 2),
        "count": len(times),
    }
