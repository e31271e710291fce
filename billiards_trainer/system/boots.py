"""Counts starts that failed in a row; too many of them end in safe mode: page only, saying why.

A start has failed when the orchestrator was killed, or restarted itself, before it had run for
``system.boot_s``.  One that was told to stop has not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import structlog

from billiards_trainer.atomic_file import write_atomic

_FILE = "boots.json"
RETRY_S = 600.0
"""After so long in safe mode everything is tried once more."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Boot:
    """This start.

    Attributes:
        failed: starts before it that failed in a row.
        safe: whether it is safe mode.
    """

    failed: int
    safe: bool

    @property
    def reason(self) -> str:
        """Why it is safe mode, one sentence; empty when it is not."""
        if not self.safe:
            return ""
        return (
            f"safe mode: {self.failed} starts in a row failed; only the page runs. "
            "Read the log, mend what it names, then restart"
        )


def begin(state_dir: Path, limit: int) -> Boot:
    """Count this start as failed until it is known to be good.

    Args:
        state_dir: where the count is kept.
        limit: failed starts in a row before safe mode; 0 for never.
    """
    failed = _read(state_dir)
    boot = Boot(failed, bool(limit) and failed >= limit)
    # After safe mode everything is tried once more: one more failure leads back here.
    _write(state_dir, limit - 1 if boot.safe else failed + 1)
    return boot


def good(state_dir: Path, boot: Boot) -> None:
    """This start has lasted, or was ended by a person."""
    if not boot.safe:
        _write(state_dir, 0)


def _read(state_dir: Path) -> int:
    try:
        return max(0, int(json.loads((state_dir / _FILE).read_bytes())["failed"]))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("the count of failed starts cannot be read", reason=str(error))
        return 0


def _write(state_dir: Path, failed: int) -> None:
    try:
        write_atomic(state_dir / _FILE, json.dumps({"failed": failed}).encode())
    except OSError as error:
        _log.warning("the count of failed starts cannot be kept", reason=str(error))
