"""The processes themselves: started, signalled, and seen to end.  Effects only, no decisions."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import structlog

from billiards_trainer.system import nursery
from billiards_trainer.system.process_table import ProcessRow

_log = structlog.get_logger(__name__)

_ENVIRONMENT = {
    # Several pools of threads would fight for the machine's few cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    # Looking for plugins reads every installed package's metadata at each start.
    "PYDANTIC_DISABLE_PLUGINS": "1",
}
_PR_SET_CHILD_SUBREAPER = 36
_FORK_LIMIT_S = 2.0
_AGAIN_S = 10.0


class Nursery:
    """The orchestrator's end of the nursery; without it processes are started the long way.

    Args:
        rows: whose modules it imports.
    """

    def __init__(self, rows: Iterable[ProcessRow]) -> None:
        self._modules = list(dict.fromkeys(m for row in rows for m in (row.module, *row.preload)))
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._ready = False
        self._began = 0.0

    def open(self, snapshot: Path) -> None:
        """Start it; call from the main thread only."""
        self.close()
        self._began = time.monotonic()
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    nursery.__name__,
                    "--parent",
                    str(os.getpid()),
                    "--socket",
                    str(theirs.fileno()),
                    "--snapshot",
                    str(snapshot),
                    *self._modules,
                ],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT},
                pass_fds=(theirs.fileno(),),
            )
        except OSError as error:
            ours.close()
            _log.warning("no nursery", reason=str(error))
            return
        finally:
            theirs.close()
        self._socket = ours

    def is_ready(self) -> bool:
        """Whether it has imported everything."""
        if not self._ready and self._socket is not None:
            self._ready = self._receive(0.0) == nursery.READY
        return self._ready

    def is_coming(self) -> bool:
        """Whether it is not ready yet, but lives."""
        return not self.is_ready() and self._process is not None and self._process.poll() is None

    def keep(self, snapshot: Path) -> None:
        """Start it again when it is gone."""
        gone = self._process is None or self._process.poll() is not None
        if gone and time.monotonic() - self._began > _AGAIN_S:
            _log.warning("the nursery is started anew")
            self.open(snapshot)

    def bear(self, row: ProcessRow, arguments: list[str]) -> int | None:
        """A new process's id; ``None`` when it must be started the long way."""
        if not self.is_ready() or self._socket is None:
            return None
        request = {"name": row.name, "module": row.module, "arguments": arguments}
        try:
            self._socket.send(json.dumps(request).encode())
        except OSError:
            self.close()
            return None
        answer = self._receive(_FORK_LIMIT_S)
        if answer.isdigit():
            return int(answer)
        _log.warning("the nursery failed", reason=answer.decode(errors="replace") or "no answer")
        self.close()
        return None

    def close(self) -> None:
        """End it; processes that it has borne go on."""
        self._ready = False
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _receive(self, timeout_s: float) -> bytes:
        assert self._socket is not None
        self._socket.settimeout(max(timeout_s, 1e-3))
        try:
            return self._socket.recv(4096)
        except OSError:  # a timeout is one
            return b""


class Child:
    """One process of the table, as the operating system knows it."""

    def __init__(self, row: ProcessRow, nursery: Nursery | None = None) -> None:
        self.row = row
        self.pid: int | None = None
        """Its process id while it lives."""
        self._nursery = nursery

    def start(self, snapshot: Path) -> int:
        """Start it; call from the main thread only, its life hangs on the thread that forks.

        Returns:
            Its process id.

        Raises:
            OSError: the system cannot start processes.
        """
        arguments = ["--name", self.row.name, "--snapshot", str(snapshot)]
        arguments += ["--parent", str(os.getpid())]
        self.pid = self._nursery.bear(self.row, arguments) if self._nursery is not None else None
        if self.pid is None:
            command = [sys.executable, "-m", self.row.module, *arguments]
            self.pid = os.posix_spawn(
                sys.executable,
                command,
                {**os.environ, **_ENVIRONMENT},
                file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            )
        return self.pid

    def exit_code(self) -> int | None:
        """How it ended, once; ``None`` while it lives or is not there."""
        if self.pid is None:
            return None
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # somebody else has collected it: how it ended is not known
            self.pid = None
            return 1
        if pid == 0:
            return None
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def cpu_s(self) -> float:
        """Processor time that it has used, seconds; 0 when it is not there."""
        if self.pid is None:
            return 0.0
        try:
            used = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(used.user + used.system)

    def is_stopped(self) -> bool:
        """Whether something has stopped it (SIGSTOP), so that it cannot run."""
        if self.pid is None:
            return False
        try:
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.Error:
            return False

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, even when it is stopped or hangs."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
