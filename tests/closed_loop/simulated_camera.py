"""The virtual table's process on real sockets and rings; the test is the rest of the house."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer import places
from billiards_trainer.bus import Bus
from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import write_snapshot
from billiards_trainer.frames import RingReader, RingWriter, create_ring, remove_ring
from billiards_trainer.light_map import LightMap


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture as a reader of the ring gets it, with the truth that was told beside it."""

    image: NDArray[np.uint8]
    notice: m.CameraFrame
    truth: m.GroundTruth


class SimulatedCamera:
    """Starts ``billiards_trainer.simulation.main``; the test plays vision, core and projector.

    Use as a context.  ``changes`` is merged over a small, quick configuration.
    """

    def __init__(self, folder: Path, **changes: Any) -> None:
        settings: dict[str, Any] = {
            "system": {"runtime_dir": str(folder), "shm_dir": str(folder)},
            "source": {"width": 320, "height": 180, "fps": 30},
            "simulation": {"lock_step": True, "tempo": 4.0},
        }
        for section, values in changes.items():
            settings[section] = {**settings.get(section, {}), **values}
        self.config = Config.model_validate(settings)
        self.table = self.config.table.to_table()
        self._folder, self._seen = folder, -1
        self._camera_ring = places.ring_path(self.config, "camera")
        self._light_ring = places.ring_path(self.config, "light")

    def __enter__(self) -> Self:
        create_ring(self._camera_ring, 4, self.config.source.width * self.config.source.height * 3)
        create_ring(self._light_ring, 4, LightMap.bytes_for(self.table))
        self._projector = Bus(self._folder, "projector")
        self._projector.announce("projector.flip")
        self._core = Bus(self._folder, "core")
        self._core.announce("scene")
        self._vision = Bus(self._folder, "vision")
        self._frames = self._vision.subscribe("camera.frame")
        self._truths = self._vision.subscribe("simulation.truth")
        self._status = self._vision.subscribe("camera.status")
        self._beats = self._vision.subscribe("heartbeat", publishers=("simulation",))
        snapshot = write_snapshot(self._folder, 1, self.config)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "billiards_trainer.simulation.main",
                "--snapshot",
                str(snapshot),
                "--parent",
                str(os.getpid()),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pictures = RingReader(self._camera_ring)
        self.lights = RingWriter(self._light_ring)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            _, self.stderr = self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, self.stderr = self.process.communicate()
        for bus in (self._projector, self._core, self._vision):
            bus.close()
        self.pictures.close()
        self.lights.close()
        remove_ring(self._camera_ring)
        remove_ring(self._light_ring)

    def next(self, timeout_s: float = 60.0) -> Seen | None:
        """The next picture that was not seen before, or ``None`` when none comes in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(self.process.stderr.read() if self.process.stderr else "ended")
            notice = self._frames.receive(20)
            if not isinstance(notice, m.CameraFrame):
                continue
            if notice.frame <= self._seen:  # the same picture announced again
                continue
            picture = self.pictures.read(notice.ring_sequence)
            truth = self._truth_of(notice.frame)
            if picture is not None and truth is not None:
                self._seen = notice.frame
                return Seen(picture.image, notice, truth)
        return None

    def _truth_of(self, frame: int) -> m.GroundTruth | None:
        while True:
            truth = self._truths.receive(200)
            if truth is None:
                return None
            assert isinstance(truth, m.GroundTruth)
            if truth.frame == frame:
                return truth

    def flip(self, frame: int, light: NDArray[np.uint8] | None = None) -> None:
        """Answer as the projector does: optionally a light map, then the flip."""
        now = time.monotonic_ns()
        sequence = None
        if light is not None:
            sequence = self.lights.write(light, frame=frame, exposure_ns=now)
        self._projector.publish(
            "projector.flip",
            m.Flip(
                frame=frame,
                exposure_ns=0,
                flip_ns=now,
                draw_ms=1.0,
                mode="offscreen",
                width=1920,
                height=1080,
                light_sequence=sequence,
            ),
        )

    def scene(self, frame: int) -> None:
        """Answer as core does when there is no projector."""
        self._core.publish(
            "scene",
            m.Scene(
                frame=frame,
                exposure_ns=0,
                table=self.table.name,
                width=self.table.width,
                length=self.table.length,
                ball_radius=self.table.balls.radius,
            ),
        )

    def status(self, timeout_ms: int = 5000) -> m.SourceStatus:
        """What the camera says about itself."""
        message = self._status.receive(timeout_ms)
        assert isinstance(message, m.SourceStatus)
        return message

    def beats(self) -> list[m.Heartbeat]:
        """Heartbeats that have arrived."""
        return [b for b in self._beats.drain() if isinstance(b, m.Heartbeat)]
