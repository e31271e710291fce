"""Samples of the machine and of our processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from billiards_trainer.messages import ProcessUsage, SystemMetrics


class Monitor:
    """Takes samples; keeps one handle per process, since CPU shares are differences.

    Args:
        disk: a folder on the disk that matters.
    """

    def __init__(self, disk: Path) -> None:
        self._disk = str(disk)
        self._handles: dict[int, psutil.Process] = {}
        psutil.cpu_percent()  # the first call only sets the mark

    def sample(self, pids: Mapping[str, int]) -> SystemMetrics:
        """A sample now; processes that have just ended are left out."""
        self._handles = {pid: h for pid, h in self._handles.items() if pid in pids.values()}
        usage = {}
        for name, pid in pids.items():
            with contextlib.suppress(psutil.Error):
                usage[name] = self._usage(pid)
        return SystemMetrics(
            taken_ns=time.monotonic_ns(),
            cpu_percent=psutil.cpu_percent(),
            load_1=psutil.getloadavg()[0],
            memory_percent=psutil.virtual_memory().percent,
            disk_percent=psutil.disk_usage(self._disk).percent,
            temperature_c=_hottest(),
            processes=usage,
        )

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


def _hottest() -> float | None:
    """The highest temperature that the machine reports, °C; ``None`` where it reports none."""
    readings = [
        sensor.current
        for sensors in psutil.sensors_temperatures().values()
        for sensor in sensors
        if sensor.current is not None
    ]
    return max(readings) if readings else None
