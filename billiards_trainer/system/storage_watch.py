"""Looks from time to time whether records can be written and configuration files can be read.

In a thread of its own: a disk that hangs must not hold up who restarts modules.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from billiards_trainer.errors import InputError
from billiards_trainer.messages import Check, Level
from billiards_trainer.system.monitoring import Background

LEAST_FREE = 50_000_000
"""Bytes below which shots may soon not be recorded."""
_SILENT_S = 30.0


def storage(folder: Path) -> Check | None:
    """Records can be written, and there is room."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno is not None else str(error)
        return Check(
            name="storage",
            level=Level.DEGRADED,
            detail=f"{folder} cannot be written: {reason}",
            advice="make room, or mend the disk; shots wait in memory meanwhile",
        )
    if free < LEAST_FREE:
        return Check(
            name="storage",
            level=Level.DEGRADED,
            detail=f"{folder} has {free / 1e6:.0f} MB free",
            advice="make room: shots are recorded there",
        )
    return None


class StorageWatch(Background):
    """The newest findings on storage and configuration.

    Args:
        folder: where records are kept.
        files_problem: tells in one sentence what is wrong with the configuration files, by
            ``InputError``.
        interval_s: between two looks.
    """

    def __init__(
        self, folder: Path, files_problem: Callable[[], None], interval_s: float = 5.0
    ) -> None:
        super().__init__("storage-watch", interval_s)
        self._folder = folder
        self._look_at_files = files_problem
        self._found: tuple[Check, ...] = ()
        self._looked_at = time.monotonic()

    def probe(self) -> None:
        """Look once."""
        checks = [storage(self._folder)]
        try:
            self._look_at_files()
        except InputError as error:
            checks.append(
                Check(
                    name="configuration",
                    level=Level.DEGRADED,
                    detail=str(error),
                    advice="mend the file, then reload the configuration",
                )
            )
        self._found = tuple(check for check in checks if check is not None)
        self._looked_at = time.monotonic()

    def findings(self, now: float) -> tuple[Check, ...]:
        """What is wrong; a look that does not come back is a finding too."""
        silent = now - self._looked_at
        if silent <= _SILENT_S:
            return self._found
        hangs = Check(
            name="storage",
            level=Level.UNHEALTHY,
            detail=f"the disk has not answered for {silent:.0f} s",
            advice="mend the disk",
        )
        return (hangs, *(check for check in self._found if check.name != "storage"))
