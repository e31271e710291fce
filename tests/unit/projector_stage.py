"""The projector process with the tests in the place of core and orchestrator."""

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
from billiards_trainer.bus import Bus, Subscription
from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import write_snapshot
from billiards_trainer.frames import RingReader, create_ring, remove_ring
from billiards_trainer.light_map import LightMap

T = TypeVar("T")


class ProjectorStage:
    """Starts the process and talks to it.

    Args:
        runtime_dir: short path for sockets.
        projector: keys of the configuration's section.
        environment: variables for the process.
    """

    def __init__(
        self,
        runtime_dir: Path,
        projector: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.config = Config.model_validate(
            {
                "system": {"runtime_dir": str(runtime_dir)},
                "storage": {"state_dir": str(runtime_dir / "state")},
                "projector": {"width": 960, "height": 540, **(projector or {})},
            }
        )
        self.table = self.config.table.to_table()
        self.runtime_dir = runtime_dir
        self.state_dir = runtime_dir / "state"
        self._environment = {**os.environ, **(environment or {})}
        ring = places.ring_path(self.config, "light")
        create_ring(ring, 4, LightMap.bytes_for(self.table))
        self.light = RingReader(ring)
        self.core = Bus(runtime_dir, "core")
        self.core.announce("scene")
        self.orchestrator = Bus(runtime_dir, "orchestrator")
        self.orchestrator.announce("config.snapshot")
        self.beats = self.core.subscribe("heartbeat", ["projector"])
        self.flips = self.core.subscribe("projector.flip")
        self._snapshot = write_snapshot(runtime_dir, 1, self.config)
        self.process = self._start()
        self._frame = 0

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "billiards_trainer.projector.main", "--parent", str(os.getpid()),
             "--snapshot", str(self._snapshot)],
            env=self._environment,
        )  # fmt: skip

    def restart(self) -> None:
        """Start the process again after it has ended, as the orchestrator would."""
        self.process.wait(10)
        self.process = self._start()

    def configure(self, number: int, changes: dict[str, Any]) -> None:
        """Put a new configuration in force."""
        config = Config.model_validate({**self.config.model_dump(), **changes})
        path = write_snapshot(self.runtime_dir, number, config)
        self.orchestrator.publish(
            "config.snapshot", m.ConfigSnapshot(number=number, path=str(path))
        )

    def scene(self, *elements: m.Element, **more: Any) -> m.Scene:
        """A scene of now."""
        self._frame += 1
        return m.Scene(
            frame=self._frame,
            exposure_ns=time.monotonic_ns(),
            table=self.table.name,
            width=self.table.width,
            length=self.table.length,
            ball_radius=self.table.balls.radius,
            elements=elements,
            **more,
        )

    def show(self, *elements: m.Element, **more: Any) -> m.Flip:
        """Send a scene until it is shown."""
        scene = self.scene(*elements, **more)

        def shown() -> m.Flip | None:
            self.core.publish("scene", scene)
            flip = self.flips.receive(50)
            return flip if isinstance(flip, m.Flip) and flip.frame == scene.frame else None

        return self.until(shown, "the scene's flip")

    def beat(self, fits: Callable[[m.Heartbeat], bool], what: str) -> m.Heartbeat:
        """The first heartbeat from now on that fits."""
        return self.until(lambda: next_that(self.beats, fits), what)

    def until(self, probe: Callable[[], T | None], what: str, seconds: float = 20) -> T:
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

    def close(self) -> None:
        """Take everything down."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.light.close()
        remove_ring(places.ring_path(self.config, "light"))
        self.core.close()
        self.orchestrator.close()


def next_that(reader: Subscription, fits: Callable[[Any], bool]) -> Any:
    """The next message, if it comes soon and fits."""
    message = reader.receive(100)
    return message if message is not None and fits(message) else None
