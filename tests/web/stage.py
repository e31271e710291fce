"""The real API over the real bus, with every other process played by the test.

So a test can have the camera stall, the schema change or core refuse, at the moment it wants.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from aiohttp import web

from billiards_trainer import messages as m
from billiards_trainer.api.app import make_app
from billiards_trainer.api.live import Live
from billiards_trainer.api.preview import Preview
from billiards_trainer.api.services import Services
from billiards_trainer.bus import Bus, CommandServer, Request
from billiards_trainer.config.schema import Config
from billiards_trainer.frames import RingWriter, create_ring, remove_ring, slot_bytes_for
from billiards_trainer.storage.upgrade import migrate
from billiards_trainer.topics import COMMANDS, TOPICS

SOURCE = m.SourceInfo(kind="simulated", name="virtual table")
_PLAYED = ("simulation", "vision", "core", "projector", "orchestrator")
_WIDTH, _HEIGHT = 640, 360


class Stage:
    """One API that serves until the context is left; see the module's text.

    Args:
        folder: short path for sockets, ring and records.
        port: TCP port.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.refusals: dict[str, str] = {}
        """Sentence that answers a command instead of its reply."""
        self.replies: dict[str, m.Message] = {
            "calibration.status": m.CalibrationStatus(camera="camera-1", camera_residual_mm=1.4)
        }
        self.asked: list[tuple[str, m.Message]] = []
        self.frame = 0
        self._folder = folder
        self._port = port
        self._ring = folder / "camera.ring"
        self._stopping = threading.Event()
        self._open = threading.Event()

    def __enter__(self) -> Self:
        create_ring(self._ring, 4, slot_bytes_for(_WIDTH, _HEIGHT))
        self._writer = RingWriter(self._ring)
        self._buses = {name: Bus(self._folder, name) for name in _PLAYED}
        self._servers: list[CommandServer] = []
        for name, bus in self._buses.items():
            bus.announce(*(t.name for t in TOPICS.values() if _played_by(t.publisher) == name))
            if any(command.server == name for command in COMMANDS.values()):
                self._servers.append(bus.serve())
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._serve, self._answer)
        ]
        for thread in self._threads:
            thread.start()
        if not self._open.wait(20):
            raise AssertionError("the API does not serve")
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(10)
        for bus in self._buses.values():
            bus.close()
        self._writer.close()
        remove_ring(self._ring)

    def say(self, topic: str, message: m.Message) -> None:
        """Publish a message as the process whose topic it is."""
        self._buses[_played_by(TOPICS[topic].publisher)].publish(topic, message)

    def show(
        self,
        *balls: m.BallState,
        picture: np.ndarray[Any, np.dtype[np.uint8]] | None = None,
        table: dict[str, Any] | None = None,
        game: dict[str, Any] | None = None,
        elements: tuple[m.Element, ...] = (),
    ) -> None:
        """One frame through the whole appliance: picture, table, game, scene and flip."""
        self.frame += 1
        stamp = {"frame": self.frame, "exposure_ns": time.monotonic_ns() - 12_000_000}
        size = {"table": "pool-9ft", "width": 1.27, "length": 2.54, "ball_radius": 0.028575}
        if picture is None:
            picture = np.full((_HEIGHT, _WIDTH, 3), (60, 90, 30), np.uint8)
        self._writer.write(picture, **stamp)
        state = {"epoch": 1, "source": SOURCE, "calibration": "camera-1", "balls": balls, **size}
        self.say("table.state", m.TableState(**stamp, **(state | (table or {}))))
        self.say("game.state", m.GameState(**stamp, **({"epoch": 1} | (game or {}))))
        self.say("scene", m.Scene(**stamp, **size, elements=elements))
        flip_ns = time.monotonic_ns()
        self.say(
            "projector.flip",
            m.Flip(
                **stamp, flip_ns=flip_ns, draw_ms=1.2, mode="offscreen", width=1920, height=1080
            ),
        )

    @contextmanager
    def playing(self, *balls: m.BallState, **over: Any) -> Iterator[None]:
        """Keep showing the same, twenty times a second, within this context."""
        done = threading.Event()

        def play() -> None:
            while not done.wait(0.05):
                self.show(*balls, **over)
                if self.frame % 10 == 0:
                    self.report()

        self.report()
        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(5)

    def report(self, **changes: Any) -> None:
        """The orchestrator's word on the whole."""
        healthy = m.ModuleStatus(
            status=m.Level.HEALTHY, state="RUNNING", pid=4242, heartbeat_age_s=0.1
        )
        values: dict[str, Any] = {
            "status": m.Level.HEALTHY,
            "version": "0.1.0",
            "source": SOURCE.name,
            "source_kind": SOURCE.kind,
            "uptime_s": 4000.0,
            "environment": "testing",
            "modules": dict.fromkeys((*_PLAYED[:-1], "api"), healthy),
        }
        self.say("system.status", m.SystemStatus(**(values | changes)))

    def _serve(self) -> None:
        asyncio.run(self._serving())

    async def _serving(self) -> None:
        migrate(self._folder)
        services = Services(
            config=Config(),
            runtime_dir=self._folder,
            state_dir=self._folder,
            live=Live(),
            preview=Preview(self._ring, 15),
            worked=lambda: None,
        )
        runner = web.AppRunner(make_app(services), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        self._open.set()
        await asyncio.to_thread(self._stopping.wait)
        await runner.cleanup()

    def _answer(self) -> None:
        bus = self._buses["core"]
        while not self._stopping.is_set():
            if bus.wait(self._servers, timeout_ms=50):
                for server in self._servers:
                    for request in server.pending():
                        self._carry_out(request)
        for server in self._servers:
            server.close()

    def _carry_out(self, request: Request) -> None:
        self.asked.append((request.command, request.message))
        if (sentence := self.refusals.get(request.command)) is not None:
            request.fail(sentence)
        else:
            reply = self.replies.get(request.command)
            request.reply(reply if reply is not None else m.Done(ok=True))


def _played_by(publisher: str) -> str:
    return "simulation" if publisher in ("writer", "*") else publisher
