"""An appliance in folders of its own, for benchmarks that watch one from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from billiards_trainer import messages as m
from billiards_trainer.bus import Bus, Subscription
from billiards_trainer.errors import InputError

START_LIMIT_S = 180.0
"""A starved machine is given time; how long it took is part of what is measured."""


class OwnAppliance:
    """A running appliance: its process, its bus, and how long it took to be healthy."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: Path, bus: Bus, runtime_dir: Path
    ) -> None:
        self.runtime_dir = runtime_dir
        self.state_dir = runtime_dir.parent / "state"
        self._process = process
        self._log = log
        self.bus = bus
        self.status: Subscription = bus.subscribe("system.status")
        self.healthy_after_s = 0.0

    def check(self) -> None:
        """Make sure that it still runs.

        Raises:
            InputError: it has ended; the sentence is its last word.
        """
        if self._process.poll() is not None:
            lines = self._log.read_text(errors="replace").strip().splitlines()
            raise InputError(f"the appliance ended: {lines[-1] if lines else 'without a word'}")

    def next_status(self) -> m.SystemStatus:
        """The next status that it publishes.

        Raises:
            InputError: it has ended, or says nothing.
        """
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            self.check()
            status = self.status.receive(200)
            if isinstance(status, m.SystemStatus):
                return status
        raise InputError(f"the appliance said nothing for {START_LIMIT_S:g} s")


@contextmanager
def own_appliance(flags: Sequence[str]) -> Iterator[OwnAppliance]:
    """Start an appliance, wait until it is healthy, and stop it at the end.

    Raises:
        InputError: it ended or did not become healthy.
    """
    with tempfile.TemporaryDirectory(prefix="bt-", dir="/tmp") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "billiards_trainer", "run", "--environment", "testing"]
        command += ["--runtime-dir", str(folder / "run"), "--state-dir", str(folder / "state")]
        began = time.monotonic()
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *flags], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        bus = Bus(folder / "run", "bench")
        try:
            appliance = OwnAppliance(process, log, bus, folder / "run")
            while appliance.next_status().status is not m.Level.HEALTHY:
                if time.monotonic() - began > START_LIMIT_S:
                    raise InputError(f"the appliance was not healthy after {START_LIMIT_S:g} s")
            appliance.healthy_after_s = time.monotonic() - began
            yield appliance
        finally:
            bus.close()
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
