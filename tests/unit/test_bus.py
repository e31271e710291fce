"""The bus over real sockets: typed topics, conflation, commands that may be repeated."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer import messages as m
from billiards_trainer.bus import (
    Bus,
    CommandError,
    CommandTimeout,
    command_endpoint,
    decode,
    encode,
    topic_endpoint,
)
from billiards_trainer.bus_async import AsyncBus
from billiards_trainer.topics import COMMANDS, TOPICS


def scene(frame: int) -> m.Scene:
    return m.Scene(frame=frame, exposure_ns=frame, table="t", width=1, length=2, ball_radius=0.03)


def state(frame: int) -> m.TableState:
    return m.TableState(
        frame=frame,
        exposure_ns=frame,
        epoch=1,
        table="t",
        width=1,
        length=2,
        ball_radius=0.03,
        source=m.SourceInfo(kind="simulated", name="x"),
        calibration=None,
    )


@pytest.fixture
def open_bus(runtime_dir: Path) -> Iterator[Callable[[str], Bus]]:
    opened: list[Bus] = []

    def make(process: str) -> Bus:
        opened.append(Bus(runtime_dir, process))
        return opened[-1]

    yield make
    for bus in opened:
        bus.close()


def connected(publish: Callable[[], None], receive: Callable[[], object]) -> None:
    """Publish until the reader has connected: the first messages of a topic find no reader."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        publish()
        if receive() is not None:
            return
    pytest.fail("the reader never connected")


def test_events_all_arrive_in_order(open_bus: Callable[[str], Bus]) -> None:
    vision, core = open_bus("vision"), open_bus("core")
    reader = core.subscribe("table.state")
    connected(lambda: vision.publish("table.state", state(0)), lambda: reader.receive(20))
    time.sleep(0.05)
    reader.drain()
    for n in range(1, 201):
        vision.publish("table.state", state(n))
    got = []
    while (message := reader.receive(500)) is not None and len(got) < 200:
        got.append(message)
        if len(got) == 200:
            break
    assert [g.frame for g in got if isinstance(g, m.TableState)] == list(range(1, 201))


def test_a_latest_only_topic_keeps_the_newest(open_bus: Callable[[str], Bus]) -> None:
    core, projector = open_bus("core"), open_bus("projector")
    reader = projector.subscribe("scene")
    connected(lambda: core.publish("scene", scene(0)), lambda: reader.receive(20))
    for n in range(1, 101):
        core.publish("scene", scene(n))
    time.sleep(0.1)
    assert [s.frame for s in reader.drain() if isinstance(s, m.Scene)] == [100]


def test_a_reader_finds_a_publisher_that_comes_back(open_bus: Callable[[str], Bus]) -> None:
    reader = open_bus("projector").subscribe("scene")
    first = open_bus("core")
    connected(lambda: first.publish("scene", scene(1)), lambda: reader.receive(20))
    first.close()
    second = open_bus("core")
    connected(
        lambda: second.publish("scene", scene(2)),
        lambda: next((s for s in reader.drain() if s.frame == 2), None),  # type: ignore[attr-defined]
    )


def test_malformed_messages_are_counted_and_skipped(
    open_bus: Callable[[str], Bus], runtime_dir: Path
) -> None:
    reader = open_bus("projector").subscribe("scene")
    context = zmq.Context()
    rogue = context.socket(zmq.PUB)
    rogue.bind(topic_endpoint(runtime_dir, "scene", "core"))
    try:
        deadline = time.monotonic() + 10
        while reader.malformed < 3 and time.monotonic() < deadline:
            for part in (b"\xff\xfe", b"scene\0{", b"other\0{}", b"scene\0{}"):
                rogue.send(part)
            assert reader.receive(20) is None
        assert reader.malformed >= 3
        connected(lambda: rogue.send(encode("scene", scene(5))), lambda: reader.receive(20))
    finally:
        rogue.close(linger=0)
        context.term()


def test_only_the_owner_publishes_and_only_its_type(open_bus: Callable[[str], Bus]) -> None:
    bus = open_bus("vision")
    with pytest.raises(ValueError, match="does not publish"):
        bus.publish("scene", scene(1))
    with pytest.raises(ValueError, match="carries TableState"):
        bus.publish("table.state", scene(1))


class Server:
    """Answers the core's commands in a thread and counts how often each was carried out."""

    def __init__(self, bus: Bus) -> None:
        self.bus, self.server = bus, bus.serve()
        self.carried_out: list[m.Message] = []
        self.running = True
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while self.running:
            self.bus.wait([self.server], 20)
            for request in self.server.pending():
                self.carried_out.append(request.message)
                if request.command == "game.analyze":
                    request.fail("there is no cue")
                elif request.command == "game.snapshot":
                    request.reply(m.Done(ok=True))  # the wrong type
                else:
                    request.reply(m.Done(ok=True, detail="done"))

    def stop(self) -> None:
        self.running = False
        self.thread.join()


def test_commands_are_answered_or_refused_in_a_sentence(
    open_bus: Callable[[str], Bus], runtime_dir: Path
) -> None:
    server = Server(open_bus("core"))
    client = open_bus("api")
    try:
        reply = client.request("game.reset", m.Empty())
        assert reply == m.Done(ok=True, detail="done")
        with pytest.raises(CommandError, match="there is no cue"):
            client.request("game.analyze", m.AnalyzeRequest())
        with pytest.raises(CommandError, match="cannot be read"):
            client.request("game.snapshot", m.Empty())
        with pytest.raises(ValueError, match="takes Empty"):
            client.request("game.reset", m.Done(ok=True))
        with pytest.raises(CommandTimeout, match=r"vision did not answer .* within 0.1 s"):
            client.request("calibration.status", m.Empty(), timeout_s=0.1)

        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.connect(command_endpoint(runtime_dir, "core"))

        def ask(*parts: bytes) -> list[bytes]:
            socket.send_multipart(parts)
            assert socket.poll(5000)
            return socket.recv_multipart()

        before = len(server.carried_out)
        answer = ask(b"id-1", b"game.reset", b"{}")
        assert ask(b"id-1", b"game.reset", b"{}") == answer  # repeated: answered, not done again
        assert len(server.carried_out) == before + 1
        assert ask(b"id-2", b"game.explode", b"{}")[1:] == [
            b"error",
            b"unknown command game.explode",
        ]
        assert ask(b"id-3", b"config.get", b"{}")[1] == b"error"  # another process's command
        status, sentence = ask(b"id-4", b"game.analyze", b'{"speed": 99}')[1:]
        assert status == b"error"
        assert b"speed" in sentence
        socket.send_multipart([b"too", b"few"])
        assert ask(b"id-5", b"game.reset", b"{}")[1] == b"ok"
        socket.close(linger=0)
    finally:
        server.stop()


async def test_the_asynchronous_bus_speaks_the_same(
    open_bus: Callable[[str], Bus], runtime_dir: Path
) -> None:
    import asyncio

    core = open_bus("core")
    server = Server(core)
    publisher = open_bus("projector")
    bus = AsyncBus(runtime_dir)
    try:
        reader = bus.subscribe("projector.flip")
        flip = m.Flip(
            frame=3,
            exposure_ns=10,
            flip_ns=20_000_010,
            draw_ms=1,
            mode="offscreen",
            width=1,
            height=1,
        )
        waiting = asyncio.create_task(reader.receive())
        for _ in range(200):
            publisher.publish("projector.flip", flip)
            done, _pending = await asyncio.wait([waiting], timeout=0.05)
            if done:
                break
        got = waiting.result()
        assert isinstance(got, m.Flip)
        assert got.latency_s == pytest.approx(0.02)
        assert await bus.request("game.reset", m.Empty()) == m.Done(ok=True, detail="done")
        with pytest.raises(CommandTimeout, match="vision did not answer"):
            await bus.request("calibration.status", m.Empty(), timeout_s=0.05)
    finally:
        bus.close()
        server.stop()


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    bus = Bus(folder, "core")
    with pytest.raises(CommandError, match="too long"):
        bus.publish("scene", scene(1))
    bus.close()


def test_every_command_is_served_and_every_topic_published_by_a_process_of_the_table() -> None:
    from billiards_trainer.system.process_table import _TABLE

    names = {row.name for row in _TABLE} | {"orchestrator", "writer", "*"}
    assert {t.publisher for t in TOPICS.values()} <= names
    assert {c.server for c in COMMANDS.values()} <= names


texts = st.text(max_size=40)
finite = st.floats(-1e6, 1e6)


@given(
    balls=st.lists(
        st.builds(
            m.BallState,
            track=st.integers(0, 1 << 40),
            label=texts,
            x_m=finite,
            y_m=finite,
            vx=finite,
            vy=finite,
            covariance=st.tuples(finite, finite, finite),
            confidence=st.floats(0, 1),
        ),
        max_size=22,
    ),
    frame=st.integers(-(1 << 60), 1 << 60),
)
def test_what_is_sent_is_what_is_received(balls: list[m.BallState], frame: int) -> None:
    message = state(1).model_copy(update={"balls": tuple(balls), "frame": frame})
    assert decode(TOPICS["table.state"], encode("table.state", message)) == message


def test_an_old_reader_understands_a_newer_writer_and_refuses_what_is_not_finite() -> None:
    text = scene(1).model_dump_json().replace('"frame":1', '"frame":1,"brand_new":[1,2]')
    assert m.Scene.model_validate_json(text) == scene(1)
    with pytest.raises(ValueError, match="finite"):
        m.TrueBall(label="cue", x_m=float("nan"), y_m=0)
    assert m.SourceInfo(kind="network", name="x").is_real
    assert not m.SourceInfo(kind="film", name="x").is_real


def test_a_reader_that_is_stuck_costs_bounded_memory_and_others_nothing(
    open_bus: Callable[[str], Bus],
) -> None:
    """Floods past a reader that never reads; another one still gets what is newest."""
    publisher = open_bus("orchestrator")
    publisher.announce("system.alert", "system.status")
    stuck = open_bus("core").subscribe("system.alert")
    fresh = open_bus("api").subscribe("system.status")

    def status(number: int) -> m.SystemStatus:
        return m.SystemStatus(
            status=m.Level.HEALTHY,
            version="0",
            source="x",
            source_kind="v4l2",
            uptime_s=number,
            environment="testing",
        )

    publisher.publish("system.status", status(0))
    while fresh.receive(50) is None:
        publisher.publish("system.status", status(0))
    memory = psutil.Process()
    before = 0
    for number in range(1, 60_001):
        alert = m.Alert(
            epoch=1, sequence=number, raised_ns=1, severity="ERROR", name="x", text="y" * 1000
        )
        publisher.publish("system.alert", alert)
        if number % 20_000 == 0:
            publisher.publish("system.status", status(number))
        if number == 10_000:
            before = memory.memory_info().rss
    assert memory.memory_info().rss - before < 20e6
    found = fresh.receive(2000)
    while (newer := fresh.receive(200)) is not None:
        found = newer
    assert isinstance(found, m.SystemStatus)
    assert found.uptime_s == 60_000
    stuck.close()
