"""The other processes as the API meets them: real sockets, a real ring, a real database."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web

from billiards_trainer import messages as m
from billiards_trainer.api.app import make_app
from billiards_trainer.api.live import Live
from billiards_trainer.api.preview import Preview
from billiards_trainer.api.services import Services
from billiards_trainer.bus import Bus, CommandServer, Request
from billiards_trainer.config.schema import Config
from billiards_trainer.frames import RingWriter, create_ring
from billiards_trainer.storage.upgrade import migrate

SOURCE = m.SourceInfo(kind="simulated", name="virtual table")
PICTURE = np.full((72, 128, 3), (40, 120, 30), np.uint8)


def table_state(frame: int = 1, **changes: Any) -> m.TableState:
    values: dict[str, Any] = {
        "frame": frame,
        "exposure_ns": time.monotonic_ns(),
        "epoch": 1,
        "table": "pool-9ft",
        "width": 1.27,
        "length": 2.54,
        "ball_radius": 0.028575,
        "source": SOURCE,
        "calibration": "camera-1",
        "balls": (m.BallState(track=1, label="cue", x_m=0.6, y_m=0.7, x_px=64, y_px=36),),
        "stages_ms": {"detect": 4.0},
    }
    return m.TableState(**(values | changes))


def game_state(frame: int = 1, **changes: Any) -> m.GameState:
    values = {"frame": frame, "exposure_ns": time.monotonic_ns(), "epoch": 1, "shots": 3}
    return m.GameState(**(values | changes))


def scene(frame: int = 1, **changes: Any) -> m.Scene:
    values: dict[str, Any] = {
        "frame": frame,
        "exposure_ns": time.monotonic_ns(),
        "table": "pool-9ft",
        "width": 1.27,
        "length": 2.54,
        "ball_radius": 0.028575,
        "elements": (m.Line(points=((0.6, 0.7), (0.6, 2.0))), m.Ring(centre=(1, 1), radius=0.03)),
    }
    return m.Scene(**(values | changes))


def system_status(
    level: m.Level = m.Level.HEALTHY, without: tuple[str, ...] = (), **changes: Any
) -> m.SystemStatus:
    names = ("simulation", "vision", "core", "projector", "api")
    modules = {
        name: m.ModuleStatus(
            status=m.Level.UNKNOWN, state="STOPPED", detail=f"left out (--no-{name})"
        )
        if name in without
        else m.ModuleStatus(
            status=m.Level.HEALTHY, state="RUNNING", pid=100 + i, heartbeat_age_s=0.1
        )
        for i, name in enumerate(names)
    }
    values: dict[str, Any] = {
        "status": level,
        "version": "9.9.9",
        "source": "virtual table",
        "source_kind": "simulated",
        "uptime_s": 12.5,
        "environment": "testing",
        "modules": modules,
    }
    return m.SystemStatus(**(values | changes))


def metrics() -> m.SystemMetrics:
    return m.SystemMetrics(
        taken_ns=time.monotonic_ns(),
        cpu_percent=12.0,
        load_1=0.5,
        memory_percent=30.0,
        disk_percent=40.0,
        processes={"api": m.ProcessUsage(cpu_percent=3, rss_bytes=10**8, fds=20, threads=4)},
    )


def alert(sequence: int, name: str = "vision", *, active: bool = True) -> m.Alert:
    return m.Alert(
        epoch=1,
        sequence=sequence,
        raised_ns=time.monotonic_ns(),
        severity="ERROR",
        name=name,
        text=f"{name}: it hangs",
        active=active,
    )


def shot_event(sequence: int, kind: str = "ball_collision", epoch: int = 1) -> m.ShotEvent:
    """As core counts them; later ones happened later."""
    return m.ShotEvent(
        frame=sequence,
        exposure_ns=1_000_000_000 * epoch + sequence,
        epoch=epoch,
        sequence=sequence,
        kind=m.EventKind(kind),
        t=0.1 * sequence,
        labels=("cue", "1"),
        x_m=0.5,
        y_m=1.0,
    )


Answer = Callable[[Request], None]


def well_behaved(request: Request) -> None:
    """Answer a command as the real processes do when all is well."""
    match request.command:
        case "game.analyze":
            request.reply(m.AnalyzeReply(detail="no cue is seen"))
        case "calibration.status":
            request.reply(m.CalibrationStatus(camera="camera-1", camera_residual_mm=1.5))
        case "config.get":
            request.reply(m.ConfigReply(number=1, config=Config().model_dump(mode="json")))
        case "game.snapshot":
            request.reply(game_state())
        case "system.status":
            request.reply(system_status())
        case "system.alerts":
            request.reply(m.AlertLog(alerts=(alert(1),)))
        case "system.history":
            request.reply(m.HistoryReply(age_s=(1.0, 0.0), series={"cpu": (3.0, None)}))
        case _:
            request.reply(m.Done(ok=True, detail="done"))


@dataclass
class Stage:
    """The neighbours of the API, and a client."""

    runtime_dir: Path
    state_dir: Path
    ring: Path
    buses: dict[str, Bus] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    client: aiohttp.ClientSession = field(init=False)
    services: Services = field(init=False)
    port: int = field(init=False)
    _servers: dict[str, CommandServer] = field(default_factory=dict)
    _answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bus(self, process: str) -> Bus:
        if process not in self.buses:
            self.buses[process] = Bus(self.runtime_dir, process)
        return self.buses[process]

    def publish(self, process: str, topic: str, message: m.Message) -> None:
        self.bus(process).publish(topic, message)

    def serve(self, *processes: str, answer: Answer = well_behaved) -> None:
        """Let these processes answer commands."""
        for process in processes:
            if process not in self._servers:
                self._servers[process] = self.bus(process).serve()
            self._answers[process] = answer

    async def pump(self) -> None:
        while True:
            for process, server in self._servers.items():
                for request in server.pending():
                    self.requests.append(request)
                    self._answers[process](request)
            await asyncio.sleep(0.002)

    def take_picture(self, frame: int = 1, picture: np.ndarray = PICTURE) -> None:
        with RingWriter(self.ring) as writer:
            writer.write(picture, frame=frame, exposure_ns=time.monotonic_ns())

    async def arrives(self, topic: str, process: str, make: Callable[[], m.Message]) -> None:
        """Publish until the API has it: a subscriber needs a moment to connect."""
        before = self.services.live.newest(topic)
        end = time.monotonic() + 10
        while self.services.live.newest(topic) is before:
            assert time.monotonic() < end, f"{topic} never arrived"
            self.publish(process, topic, make())
            await asyncio.sleep(0.01)

    async def json(self, path: str, status: int = 200, method: str = "GET", **kw: Any) -> Any:
        async with self.client.request(method, path, **kw) as response:
            body = await response.json(content_type=None)
            assert response.status == status, body
            expected = "application/json" if status == 200 else None
            if status >= 400 and "status" in body and "title" in body:
                expected = "application/problem+json"
                assert body["status"] == status
                assert body["detail"]
            assert expected in (None, response.content_type)
            return body


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def on_stage(
    runtime_dir: Path, state_dir: Path, config: Config | None = None, static: Path | None = None
) -> AsyncIterator[Stage]:
    """A running API on a free port with its neighbours' sockets, and a client."""
    config = config or Config()
    migrate(state_dir)
    ring = runtime_dir / "camera-ring"
    create_ring(ring, 4, PICTURE.nbytes)
    stage = Stage(runtime_dir, state_dir, ring)
    stage.services = Services(
        config=config,
        runtime_dir=runtime_dir,
        state_dir=state_dir,
        live=Live(),
        preview=Preview(ring, config.api.preview_fps),
        worked=lambda: None,
    )
    app = make_app(stage.services, *([static] if static else []))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stage.port = runner.addresses[0][1]
    pump = asyncio.create_task(stage.pump())
    try:
        async with aiohttp.ClientSession(stage.address) as stage.client:
            yield stage
    finally:
        pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pump
        await runner.cleanup()
        for bus in stage.buses.values():
            bus.close()
