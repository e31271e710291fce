"""The processes themselves: started, signalled, and seen to end.  Effects only, no decisions."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from billiards_trainer.system.process_table import ProcessRow

_ENVIRONMENT = {
    # Several pools of threads would fight for the machine's few cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    # Looking for plugins reads every installed package's metadata at each start.
    "PYDANTIC_DISABLE_PLUGINS": "1",
}


class Child:
    """One process of the table, as the operating system knows it."""

    def __init__(self, row: ProcessRow) -> None:
        self.row = row
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self._process.pid if self._process is not None else None

    def start(self, snapshot: Path) -> int:
        """Start it; call from the main thread only, its life hangs on the thread that forks.

        Returns:
            Its process id.

        Raises:
            OSError: the system cannot start processes.
        """
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                self.row.module,
                "--name",
                self.row.name,
                "--snapshot",
                str(snapshot),
                "--parent",
                str(os.getpid()),
            ],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT},
        )
        return self._process.pid

    def exit_code(self) -> int | None:
        """How it ended, once; ``None`` while it lives or is not there."""
        if self._process is None:
            return None
        code = self._process.poll()
        if code is not None:
            self._process = None
        return code

    def cpu_s(self) -> float:
        """Processor time that it has used, seconds; 0 when it is not there."""
        if self._process is None:
            return 0.0
        try:
            used = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(used.user + used.system)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, even when it is stopped or hangs."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
