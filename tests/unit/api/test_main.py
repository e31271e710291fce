"""The process itself, started as the orchestrator starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from billiards_trainer import messages as m
from billiards_trainer.bus import Bus
from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import write_snapshot
from tests.conftest import ROOT
from tests.unit.api.stage import system_status


class House:
    """Starts API processes on one runtime folder and sees to their end."""

    def __init__(self, runtime_dir: Path, state_dir: Path, port: int, workers: int = 1) -> None:
        self.port = port
        config = Config.model_validate(
            {
                "api": {"port": port, "workers": workers},
                "system": {"runtime_dir": str(runtime_dir), "shm_dir": str(runtime_dir)},
                "storage": {"state_dir": str(state_dir)},
            }
        )
        self.snapshot = write_snapshot(runtime_dir, 1, config)
        self.bus = Bus(runtime_dir, "orchestrator")
        self.heartbeats = self.bus.subscribe("heartbeat", ["api", "api-2"])
        self.started: list[subprocess.Popen[str]] = []

    def start(self, name: str = "api") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "billiards_trainer.api.main",
                "--name",
                name,
                "--snapshot",
                str(self.snapshot),
                "--parent",
                str(os.getpid()),
            ],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def beat(self, accept: Callable[[m.Heartbeat], bool]) -> m.Heartbeat:
        """The next heartbeat that is accepted."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = self.heartbeats.receive(500)
            if isinstance(found, m.Heartbeat) and accept(found):
                return found
        raise AssertionError("no such heartbeat")

    def get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as got:
                return json.loads(got.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def close(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()
        self.bus.close()


@pytest.fixture
def house(runtime_dir: Path, tmp_path: Path, free_port: int) -> Iterator[House]:
    made = House(runtime_dir, tmp_path, free_port)
    yield made
    made.close()


def test_it_answers_lives_and_ends_cleanly_with_clients_connected(house: House) -> None:
    process = house.start()
    first = house.beat(lambda beat: beat.ready)
    assert first.pid == process.pid
    assert house.get("/health")["status"] == "UNKNOWN"
    end = time.monotonic() + 10
    while house.get("/health")["status"] != "HEALTHY":
        assert time.monotonic() < end
        house.bus.publish("system.status", system_status())
        time.sleep(0.05)
    # The loop that serves is the one that makes progress.
    later = house.beat(lambda beat: beat.progress > first.progress + 3)
    assert later.level is m.Level.HEALTHY

    async def leave_while_connected() -> int | None:
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{house.port}") as client,
            client.ws_connect("/ws") as ws,
            client.get("/api/v1/camera/preview.mjpeg", timeout=None) as picture,
        ):
            await ws.send_json({"subscribe": ["status"]})
            await ws.receive(timeout=10)
            measured = await asyncio.to_thread(
                house.beat, lambda beat: beat.measures.get("viewers") == 1
            )
            assert measured.measures["sockets"] == 1
            process.send_signal(signal.SIGTERM)
            while (message := await ws.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.data == aiohttp.WSCloseCode.GOING_AWAY
            await picture.content.read()
            return ws.close_code

    assert asyncio.run(leave_while_connected()) == aiohttp.WSCloseCode.GOING_AWAY
    assert process.wait(10) == 0


def test_a_port_in_use_is_one_sentence_and_status_2(house: House) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", house.port))
        other.listen()
        process = house.start()
        assert process.wait(30) == 2
    assert process.stderr is not None
    said = process.stderr.read()
    assert f"cannot listen on 127.0.0.1 port {house.port}" in said
    assert "Traceback" not in said


@pytest.mark.fault
def test_killed_and_started_again_it_answers_on_the_same_port(house: House) -> None:
    first = house.start()
    house.beat(lambda beat: beat.ready)
    house.get("/health")
    first.kill()
    first.wait()
    second = house.start()
    house.beat(lambda beat: beat.ready and beat.pid == second.pid)
    assert "status" in house.get("/health")


def test_two_workers_share_the_port(runtime_dir: Path, tmp_path: Path, free_port: int) -> None:
    house = House(runtime_dir, tmp_path, free_port, workers=2)
    try:
        for name in ("api", "api-2"):
            house.start(name)
        for name in ("api", "api-2"):
            house.beat(lambda beat, name=name: beat.ready and beat.process == name)
        assert all("status" in house.get("/health") for _ in range(10))
    finally:
        house.close()


def test_what_is_no_http_gets_a_400_and_no_trace_in_the_log(house: House) -> None:
    process = house.start()
    house.beat(lambda beat: beat.ready)
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.0 400")
    process.terminate()
    assert process.wait(10) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
