"""The processes core and vision with the test in the place of everybody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from billiards_trainer import messages as m
from billiards_trainer import places
from billiards_trainer.bus import Bus
from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import write_snapshot
from billiards_trainer.frames import RingWriter, create_ring, remove_ring, slot_bytes_for
from billiards_trainer.light_map import LightMap
from billiards_trainer.storage.upgrade import migrate

T = TypeVar("T")


class Stage:
    """Starts one process and talks to it; use as a context.

    Args:
        folder: short path for sockets, rings and records.
        module: ``core`` or ``vision``.
        players: processes whose topics the test publishes.
        changes: over the default configuration.
    """

    def __init__(self, folder: Path, module: str, players: tuple[str, ...], **changes: Any) -> None:
        self.folder, self.module = folder, module
        settings: dict[str, Any] = {
            "system": {"runtime_dir": str(folder), "shm_dir": str(folder)},
            "storage": {"state_dir": str(folder / "state")},
        }
        self.config = Config.model_validate({**settings, **changes})
        self.table = self.config.table.to_table()
        migrate(folder / "state")
        width, height = self.config.source.width, self.config.source.height
        self._rings = {
            "camera": slot_bytes_for(width, height),
            "light": LightMap.bytes_for(self.table),
        }
        for name, size in self._rings.items():
            create_ring(places.ring_path(self.config, name), 4, size)
        self.camera = RingWriter(places.ring_path(self.config, "camera"))
        self.players = {name: Bus(folder, name) for name in (*players, "orchestrator")}
        self.players["orchestrator"].announce("config.snapshot")
        self.reader = Bus(folder, "api")
        self.beats = self.reader.subscribe("heartbeat", [module])
        self.process = self._start(1, self.config)

    def _start(self, number: int, config: Config) -> subprocess.Popen[bytes]:
        snapshot = write_snapshot(self.folder, number, config)
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                f"billiards_trainer.{self.module}.main",
                "--snapshot",
                str(snapshot),
                "--parent",
                str(os.getpid()),
            ]
        )

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.camera.close()
        for bus in (*self.players.values(), self.reader):
            bus.close()
        for name in self._rings:
            remove_ring(places.ring_path(self.config, name))

    def ready(self) -> None:
        """Wait until its set-up is done."""
        self.beat(lambda beat: beat.ready, "readiness")

    def configure(self, number: int, changes: dict[str, Any]) -> None:
        """Put a new configuration in force."""
        config = Config.model_validate({**self.config.model_dump(), **changes})
        path = write_snapshot(self.folder, number, config)
        self.players["orchestrator"].publish(
            "config.snapshot", m.ConfigSnapshot(number=number, path=str(path))
        )

    def beat(self, fits: Callable[[m.Heartbeat], bool], what: str) -> m.Heartbeat:
        """The first heartbeat from now on that fits."""

        def probe() -> m.Heartbeat | None:
            beat = self.beats.receive(100)
            return beat if isinstance(beat, m.Heartbeat) and fits(beat) else None

        return self.until(probe, what)

    def until(self, probe: Callable[[], T | None], what: str, seconds: float = 40) -> T:
        """Ask until there is something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (found := probe()) is not None:
                return found
        raise AssertionError(f"no {what} (the process: {self.process.poll()})")

    def stop(self) -> int:
        """End the process as the orchestrator does; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)
