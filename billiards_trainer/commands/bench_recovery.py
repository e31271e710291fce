"""``bench recovery``: modules killed and frozen in play, and how long until healthy again.

Beside the times it is watched that no other module stops meanwhile, and that every shot that was
said to be recorded is in the log at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from billiards_trainer import messages as m
from billiards_trainer.commands.own_appliance import OwnAppliance, own_appliance
from billiards_trainer.errors import InputError

FAULTS = {"killed": signal.SIGKILL, "frozen": signal.SIGSTOP}
_LIMIT_S = 60.0
# Longer than the life that forgives a failure: each fault meets a module in good standing.
_PAUSE_S = 10.5


@dataclass(slots=True)
class Fault:
    """What one fault led to; seconds from the signal."""

    module_s: float
    """Until the module had a successor that is healthy."""
    whole_s: float
    """Until the whole was healthy."""
    cpu_s: float
    """Processor time that the successor had used by then."""
    stopped: list[str] = field(default_factory=list)
    """Other modules that stopped meanwhile."""


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
    found: dict[str, list[Fault]] = {}
    with own_appliance(["--source", arguments.source]) as appliance:
        known = list(appliance.next_status().modules)
        modules = arguments.modules.split(",") if arguments.modules else known
        for module in modules:
            if module not in known:
                raise InputError(f"--modules: unknown module {module!r}")
        recorded = appliance.bus.subscribe("shot.recorded")
        said: set[str] = set()
        # Module by module in turn: whatever else loads the machine, loads all of them alike.
        for _ in range(arguments.times):
            for fault in faults:
                for module in modules:
                    time.sleep(_PAUSE_S + moments.random())
                    one = _recover(appliance, module, FAULTS[fault])
                    found.setdefault(f"{module} {fault}", []).append(one)
                    print(f"{module} {fault}: {one}", file=sys.stderr, flush=True)
                    said |= {
                        str(shot.shot_id)
                        for shot in recorded.drain()
                        if isinstance(shot, m.ShotSummary)
                    }
        lost = len(said - _in_the_log(appliance))
    result = {name: _summary(times) for name, times in found.items()}
    result["shots"] = {"recorded": len(said), "lost": lost}
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        _print(result)
    return 0


def _recover(appliance: OwnAppliance, module: str, number: signal.Signals) -> Fault:
    """Send the signal and wait until the module has a successor and all is healthy."""
    before = {name: status.pid for name, status in appliance.next_status().modules.items()}
    pid = before[module]
    if pid is None:
        raise InputError(f"{module} was not running")
    os.kill(pid, number)
    began = time.monotonic()
    module_s: float | None = None
    while True:
        status = appliance.next_status()
        passed = time.monotonic() - began
        successor = status.modules[module]
        if successor.pid not in (None, pid) and successor.status is m.Level.HEALTHY:
            module_s = module_s or passed
            if status.status is m.Level.HEALTHY:
                others = {name: now.pid for name, now in status.modules.items() if name != module}
                stopped = [name for name, now in others.items() if now != before[name]]
                used = psutil.Process(successor.pid).cpu_times()
                return Fault(module_s, passed, used.user + used.system, stopped)
        if passed > _LIMIT_S:
            raise InputError(
                f"{module} was not healthy {_LIMIT_S:g} s after signal {number}: {status.detail}"
            )


def _in_the_log(appliance: OwnAppliance) -> set[str]:
    from billiards_trainer.storage.shot_log import ShotLog

    log = ShotLog(appliance.state_dir)
    try:
        ids: set[str] = set()
        before = None
        while True:
            page = log.shots(100, before)
            ids |= {shot.id for shot in page.shots}
            before = page.next_before
            if before is None:
                return ids
    finally:
        log.close()


def _summary(faults: list[Fault]) -> dict[str, Any]:
    import numpy as np

    whole = [fault.whole_s for fault in faults]
    return {
        "median_s": round(float(np.median(whole)), 2),
        "p99_s": round(float(np.percentile(whole, 99)), 2),
        "max_s": round(max(whole), 2),
        "module_median_s": round(float(np.median([fault.module_s for fault in faults])), 2),
        "cpu_median_s": round(float(np.median([fault.cpu_s for fault in faults])), 2),
        "others_stopped": sum(len(fault.stopped) for fault in faults),
        "count": len(faults),
    }


def _print(result: dict[str, dict[str, Any]]) -> None:
    for name, row in result.items():
        if name == "shots":
            print(f"  of {row['recorded']} shots said to be recorded {row['lost']} were lost")
            continue
        print(
            f"  {name:20} median {row['median_s']:6.2f} s   p99 {row['p99_s']:6.2f} s   "
            f"n {row['count']}   others stopped {row['others_stopped']}"
        )
