"""The life of a supervised process, the same for all of them.

It dies with its parent, ends cleanly on SIGTERM, tells the orchestrator five times a second that it
lives and how much it has done, and takes in new configuration.  The heartbeat is sent by the loop
that does the work (``running``), so a loop that hangs falls silent.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from billiards_trainer import logs, places
from billiards_trainer import messages as m
from billiards_trainer.bus import Bus
from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import read_snapshot
from billiards_trainer.errors import InputError

HEARTBEAT_S = 0.2
_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends, however it ends.

    Raises:
        SystemExit: the parent has ended already.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise SystemExit(1)


def _give_memory_back() -> None:
    """Collect what is unreachable, and hand what the allocator keeps back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others may not
    if trim is not None:
        trim(0)


class ChildProcess:
    """Context of a process's main; see the module's text.

    Attributes:
        name: as in the process table.
        config: the configuration in force.
        config_number: its number.
        bus: connection to the others.
        runtime_dir: folder of sockets.
        state_dir: folder of records.
        camera_ring: path of the ring of camera pictures.
        light_ring: path of the ring of light maps.
    """

    def __init__(self, name: str, argv: list[str] | None = None) -> None:
        parser = argparse.ArgumentParser(prog=f"billiards-trainer {name}")
        parser.add_argument("--name", default=name, help="as in the process table")
        parser.add_argument("--snapshot", required=True, help="configuration, a file")
        parser.add_argument("--parent", type=int, required=True, help="process id of the parent")
        arguments = parser.parse_args(argv)
        die_with_parent(arguments.parent)
        self.name: str = arguments.name
        self._stop = False
        # Ctrl-C in a terminal reaches the whole group; the orchestrator alone decides the order.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_term)
        faulthandler.enable()
        self.config_number, self.config = read_snapshot(Path(arguments.snapshot))
        logs.configure(self.config.logging, self.name)
        self.log: structlog.stdlib.BoundLogger = structlog.get_logger(name)
        self.runtime_dir = places.runtime_dir(self.config)
        self.state_dir = places.state_dir(self.config)
        self.camera_ring = places.ring_path(self.config, "camera")
        self.light_ring = places.ring_path(self.config, "light")
        self.bus = Bus(self.runtime_dir, self.name)
        self._snapshots = self.bus.subscribe("config.snapshot")
        self._cares = self.bus.subscribe("system.care")
        self._on_reset: list[Callable[[], None]] = []
        self._on_config: list[Callable[[Config], None]] = []
        self._ready = False
        self._progress = 0
        self._level, self._detail = m.Level.HEALTHY, "starting"
        self._measures: dict[str, float] = {}
        self._next_beat = 0.0

    def __enter__(self) -> Self:
        import cv2

        # One core each: several pools of threads would fight for the machine's few cores.
        cv2.setNumThreads(1)
        self._beat()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, InputError):
            self.log.error(str(error))
            self.bus.close()
            sys.exit(2)
        if isinstance(error, Exception):
            self.log.critical("the process failed", exc_info=error)
        self.bus.close()
        if isinstance(error, Exception):
            sys.exit(1)

    def ready(self) -> None:
        """Set-up is done; from now on the work loop must call ``running``."""
        self._ready = True
        self._detail = ""
        self._beat()

    def running(self) -> bool:
        """Whether to go on; sends the heartbeat and takes in new configuration."""
        if time.monotonic() >= self._next_beat:
            self._take_configuration()
            self._take_care()
            self._beat()
        return not self._stop

    def stop(self) -> None:
        """End the work loop from within."""
        self._stop = True

    def advance(self, count: int = 1) -> None:
        """Count work done: frames, messages, requests."""
        self._progress += count

    def report(self, level: m.Level, detail: str = "", **measures: float) -> None:
        """What the next heartbeat says: a level, one sentence, and numbers worth watching."""
        self._level, self._detail = level, detail
        self._measures.update(measures)

    def on_config(self, callback: Callable[[Config], None]) -> None:
        """Call back with each new configuration."""
        self._on_config.append(callback)

    def on_reset(self, callback: Callable[[], None]) -> None:
        """Call back when the state that the process believes in is to be forgotten."""
        self._on_reset.append(callback)

    def _on_term(self, _signal: int, _frame: object) -> None:
        self._stop = True

    def _beat(self) -> None:
        self._next_beat = time.monotonic() + HEARTBEAT_S
        self.bus.publish(
            "heartbeat",
            m.Heartbeat(
                process=self.name,
                pid=os.getpid(),
                sent_ns=time.monotonic_ns(),
                ready=self._ready,
                progress=self._progress,
                config_number=self.config_number,
                level=self._level,
                detail=self._detail,
                measures=self._measures,
            ),
        )

    def _take_care(self) -> None:
        for message in self._cares.drain():
            if not isinstance(message, m.Care) or message.module not in ("*", self.name):
                continue
            self.log.info("asked by the orchestrator", what=message.what)
            if message.what == "clear_cache":
                _give_memory_back()
            else:
                for callback in self._on_reset:
                    callback()

    def _take_configuration(self) -> None:
        for message in self._snapshots.drain():
            if not isinstance(message, m.ConfigSnapshot) or message.number <= self.config_number:
                continue
            try:
                self.config_number, self.config = read_snapshot(Path(message.path))
            except InputError as error:
                self.log.error("new configuration not taken", reason=str(error))
                continue
            logs.configure(self.config.logging, self.name)
            for callback in self._on_config:
                callback(self.config)
