#!/usr/bin/env python3
"""Write down how the appliance is, for the person who looks once a week.

report.py weekly     health, disk, backups, failures of the last seven days
report.py monthly    that, and the security updates that wait
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deployment import files, health, program, releases
from deployment.backups import store
from deployment.errors import Failed
from deployment.layout import STANDARD_PREFIX, Layout
from deployment.shell import attempt

KEEP = 60
"""Reports that are kept: a year of weeks, and a few."""

MOST_ERRORS = 20

Part = Callable[[Layout], str]


def appliance(layout: Layout) -> str:
    """What it says of itself."""
    version = releases.current(layout)
    if version is None:
        return "nothing is installed"
    found = health.ask(program.port(layout, version))
    if found is None:
        return f"version {version} does not answer"
    return f"version {found.version}, {found.status}, source {found.source}\n{found.detail}".strip()


def failures(layout: Layout) -> str:
    """Units that failed, and the newest errors in the log."""
    failed = attempt(["systemctl", "--failed", "--plain", "--no-legend", "--no-pager"]).stdout
    log = layout.log_file
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    errors = [line for line in lines if "ERROR" in line or "CRITICAL" in line][-MOST_ERRORS:]
    return "\n".join([f"failed units: {failed.strip() or 'none'}", "errors today:", *errors])


def disk(layout: Layout) -> str:
    """How full it is."""
    found = shutil.disk_usage(layout.prefix)
    return f"{found.free / 1e9:.1f} of {found.total / 1e9:.1f} GB free"


def backups(layout: Layout) -> str:
    """The newest, and when a restore was last tried."""
    found = store.archives(layout)
    if not found:
        return f"THERE IS NO BACKUP\n{trial(layout)}"
    age_days = (time.time() - found[-1].written_s) / 86400
    text = f"{len(found)} archives, the newest ({found[-1].path.name}) {age_days:.1f} days old"
    return f"{text}\n{trial(layout)}"


def trial(layout: Layout) -> str:
    """How the last trial restore went, also when it was cut off."""
    ended = os.environ.get("SERVICE_RESULT", "success")  # systemd's word on this very run
    cut_off = "" if ended == "success" else f"\nTHIS MONTH'S TRIAL RESTORE FAILED: {ended}"
    record = layout.reports / "trial-restore.json"
    if not record.exists():
        return f"last trial restore: never{cut_off}"
    last = files.read_json(record)
    problem = last.get("problem")
    outcome = f"FAILED: {problem}" if problem else "good"
    return f"last trial restore: {last['tried']}, {outcome}{cut_off}"


def security(_layout: Layout) -> str:
    """Updates that the system knows of; it learns of new ones by ``apt-get update``."""
    listed = attempt(["apt-get", "--simulate", "--quiet", "upgrade"]).stdout.splitlines()
    waiting = [line for line in listed if line.startswith("Inst ") and "ecurity" in line]
    return "\n".join(waiting) or "none is waiting"


WEEKLY: dict[str, Part] = {
    "appliance": appliance,
    "failures": failures,
    "disk": disk,
    "backups": backups,
}
PARTS: dict[str, dict[str, Part]] = {
    "weekly": WEEKLY,
    "monthly": {**WEEKLY, "security updates": security},
}


def write(layout: Layout, kind: str) -> Path:
    """Write a report and forget the oldest ones.

    Returns:
        The report.
    """
    lines = [f"Billiards Trainer, {kind} report, {time.strftime('%Y-%m-%d %H:%M %Z')}"]
    for title, part in PARTS[kind].items():
        try:
            text = part(layout)
        except Failed as error:  # one thing that cannot be told must not hide the others
            text = f"cannot be told: {error}"
        lines += ["", f"## {title}", text]
    layout.reports.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = layout.reports / f"{time.strftime('%Y%m%d-%H%M%S')}-{kind}.txt"
    files.write(path, "\n".join(lines) + "\n", mode=0o600)
    for old in sorted(layout.reports.glob("*.txt"))[:-KEEP]:
        old.unlink()
    return path


def main(arguments: list[str]) -> int:
    """Write what the command line asks for, and show it."""
    parser = argparse.ArgumentParser(prog="report.py")
    parser.add_argument("kind", choices=sorted(PARTS))
    parser.add_argument("--system-dir", default=str(STANDARD_PREFIX), metavar="D")
    parser.add_argument("--root", default="/", help="a folder that stands for / (for trials)")
    asked = parser.parse_args(arguments)
    root = Path(asked.root)
    path = write(Layout(root / asked.system_dir.lstrip("/"), root), asked.kind)
    print(path.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
