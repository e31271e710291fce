"""Samples of the machine and of our processes, taken by a thread of their own.

Reading a sensor or a disk that hangs must not hold up who restarts modules: the main loop takes the
newest sample and notices when there is none.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from billiards_trainer.messages import ProcessUsage, SystemMetrics
from billiards_trainer.system.sensors import Throttling, temperatures_c

_SENSORS_NS = 5_000_000_000
_HANGS_S = 10.0
"""A look that takes longer hangs in a sensor or a disk."""


class _Traffic(NamedTuple):
    """Counters since the machine started, bytes."""

    read: int
    written: int
    received: int
    sent: int


class Monitor:
    """Takes samples; keeps one handle per process, since CPU shares are differences.

    Args:
        disk: a folder on the disk that matters.
    """

    def __init__(self, disk: Path) -> None:
        self._disk = str(disk)
        self._handles: dict[int, psutil.Process] = {}
        self._throttling = Throttling()
        self._temperatures: dict[str, float] = {}
        self._throttled: bool | None = None
        self._sensed_ns: int | None = None
        self._traffic = (time.monotonic_ns(), _traffic())
        psutil.cpu_percent()  # the first call only sets the mark

    def sample(self, pids: Mapping[str, int]) -> SystemMetrics:
        """A sample now; processes that have just ended are left out.

        Raises:
            OSError: the disk cannot be asked.
        """
        now = time.monotonic_ns()
        self._handles = {pid: h for pid, h in self._handles.items() if pid in pids.values()}
        usage = {}
        for name, pid in pids.items():
            with contextlib.suppress(psutil.Error):
                usage[name] = self._usage(pid)
        if self._sensed_ns is None or now - self._sensed_ns >= _SENSORS_NS:
            self._sensed_ns = now
            self._temperatures, self._throttled = temperatures_c(), self._throttling.now()
        disk = psutil.disk_usage(self._disk)
        return SystemMetrics(
            taken_ns=now,
            cpu_percent=psutil.cpu_percent(),
            load_1=psutil.getloadavg()[0],
            memory_percent=psutil.virtual_memory().percent,
            swap_percent=psutil.swap_memory().percent,
            disk_percent=disk.percent,
            disk_free_bytes=disk.free,
            temperature_c=max(self._temperatures.values(), default=None),
            temperatures_c=self._temperatures,
            throttled=self._throttled,
            process_count=len(psutil.pids()),
            thread_count=sum(one.threads for one in usage.values()),
            processes=usage,
            **self._rates(now),
        )

    def _rates(self, now: int) -> dict[str, float]:
        (before, old), new = self._traffic, _traffic()
        self._traffic = (now, new)
        seconds = max((now - before) / 1e9, 1e-3)
        return {
            "disk_read_per_s": (new.read - old.read) / seconds,
            "disk_write_per_s": (new.written - old.written) / seconds,
            "network_received_per_s": (new.received - old.received) / seconds,
            "network_sent_per_s": (new.sent - old.sent) / seconds,
        }

    def _usage(self, pid: int) -> ProcessUsage:
        handle = self._handles.get(pid)
        if handle is None:
            handle = self._handles[pid] = psutil.Process(pid)
        with handle.oneshot():
            return ProcessUsage(
                cpu_percent=handle.cpu_percent(),
                rss_bytes=handle.memory_info().rss,
                fds=handle.num_fds(),
                threads=handle.num_threads(),
            )


def _traffic() -> _Traffic:
    disk, net = psutil.disk_io_counters(), psutil.net_io_counters()
    return _Traffic(
        disk.read_bytes if disk else 0,
        disk.write_bytes if disk else 0,
        net.bytes_recv if net else 0,
        net.bytes_sent if net else 0,
    )


class Background(threading.Thread):
    """Calls a probe again and again and keeps its newest answer; a daemon, it may hang.

    Args:
        name: of the thread.
        interval_s: between two calls.
    """

    def __init__(self, name: str, interval_s: float) -> None:
        super().__init__(name=name, daemon=True)
        self.interval_s = interval_s
        self._ended = threading.Event()

    def run(self) -> None:
        """Until ``end``."""
        while True:
            self.probe()
            if self._ended.wait(self.interval_s):
                return

    def probe(self) -> None:
        """One look; overridden."""

    def end(self) -> None:
        """Look no more; a look that hangs is left alone."""
        self._ended.set()


class Sampler(Background):
    """Takes samples in the background.

    ``pids`` and ``enabled`` are read at each sample: set them as they are at the moment.
    """

    def __init__(self, disk: Path, interval_s: float) -> None:
        super().__init__("sampler", interval_s)
        self.pids: Mapping[str, int] = {}
        self.enabled = True
        self._looked_at = time.monotonic()
        self._monitor = Monitor(disk)
        self._fresh: SystemMetrics | None = None
        self.problem = ""

    def probe(self) -> None:
        """Take a sample, unless that is switched off."""
        if self.enabled:
            try:
                self._fresh = self._monitor.sample(self.pids)
                self.problem = ""
            except OSError as error:
                self.problem = f"the machine cannot be measured: {error.strerror}"
        else:
            self._fresh, self.problem = None, ""
        self._looked_at = time.monotonic()

    def problem_at(self, now: float) -> str:
        """Why there are no samples, one sentence; empty when there are, or none are wanted."""
        silent_s = now - self._looked_at
        if silent_s > self.interval_s + _HANGS_S:
            return f"measuring the machine has hung for {silent_s:.0f} s"
        return self.problem

    def take(self) -> SystemMetrics | None:
        """The newest sample, once."""
        sample, self._fresh = self._fresh, None
        return sample
