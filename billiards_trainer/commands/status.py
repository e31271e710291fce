"""``billiards-trainer status``: how the running appliance is, on one screen."""

from __future__ import annotations

import argparse
import sys

from billiards_trainer import messages as m
from billiards_trainer import places
from billiards_trainer.bus import Bus, CommandError
from billiards_trainer.commands import settings

_EXIT = {m.Level.HEALTHY: 0, m.Level.DEGRADED: 0, m.Level.UNKNOWN: 1, m.Level.UNHEALTHY: 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which appliance."""
    settings.add_config_arguments(parser)
    parser.add_argument("--runtime-dir", metavar="DIR", help="the appliance's runtime folder")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 while it works, 1 when it does not, 3 when it does not run."""
    flags = {"system": {"runtime_dir": arguments.runtime_dir}} if arguments.runtime_dir else {}
    # How it is does not depend on a camera being named.
    arguments.environment = arguments.environment or "development"
    config, _ = settings.load(arguments, flags)
    runtime_dir = places.runtime_dir(config)
    if not runtime_dir.is_dir():
        return _not_running(f"no appliance is running in {runtime_dir}")
    bus = Bus(runtime_dir, "status")
    try:
        status = bus.request("system.status", m.Empty())
    except CommandError as error:
        return _not_running(f"no answer from the appliance: {error}")
    finally:
        bus.close()
    assert isinstance(status, m.SystemStatus)
    print(status.model_dump_json() if arguments.json else screen(status))
    return _EXIT[status.status]


def screen(status: m.SystemStatus) -> str:
    """The status for people: how it is, why, and what to do."""
    minutes, seconds = divmod(round(status.uptime_s), 60)
    hours, minutes = divmod(minutes, 60)
    score = "" if status.score is None else f", performance {status.score} of 100"
    lines = [
        f"Billiards Trainer {status.version}: {status.status.value}{score}",
        f"running for {hours} h {minutes} min {seconds} s, source {status.source}",
    ]
    if status.source_kind in ("simulated", "film"):
        lines.append("NOT A REAL TABLE: these pictures come from a virtual table or a film")
    if status.safe_mode:
        lines.append(status.safe_mode.upper())
    elif status.detail:
        lines.append(status.detail)
    width = max((len(name) for name in status.modules), default=0)
    for name, module in status.modules.items():
        restarts = f"{module.restarts} restarts" if module.restarts else ""
        parts = (name.ljust(width), module.status.value.ljust(9), restarts, module.detail)
        lines.append("  " + "  ".join(part for part in parts if part))
    for alert in status.alerts:
        noted = f" (noted by {alert.acknowledged_by})" if alert.acknowledged_by else ""
        lines.append(f"{alert.severity}: {alert.text}{noted}")
    lines += [f"TO DO: {advice}" for advice in todo(status)]
    return "\n".join(lines)


def todo(status: m.SystemStatus) -> tuple[str, ...]:
    """What staff can do, each thing once."""
    checks = [check for module in status.modules.values() for check in module.checks]
    advice = [*(alert.advice for alert in status.alerts), *(c.advice for c in checks)]
    return tuple(dict.fromkeys(one for one in advice if one))


def _not_running(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 3
