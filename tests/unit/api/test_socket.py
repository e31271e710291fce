from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from billiards_trainer import messages as m
from billiards_trainer.api import websocket
from billiards_trainer.api.live import Live, Sample
from billiards_trainer.api.shot_events import ShotEvents
from billiards_trainer.bus import Request
from billiards_trainer.topics import TOPICS
from tests.unit.api.stage import (
    Stage,
    alert,
    game_state,
    metrics,
    scene,
    shot_event,
    system_status,
    table_state,
    until,
)

Socket = aiohttp.ClientWebSocketResponse


async def subscribe(socket: Socket, *topics: str) -> None:
    await socket.send_json({"subscribe": list(topics)})
    reply = await receive(socket)
    while "subscribed" not in reply:
        reply = await receive(socket)
    assert set(topics) <= set(reply["subscribed"])


async def receive(socket: Socket) -> Any:
    return json.loads(await socket.receive_str(timeout=10))


async def test_every_topic_is_told_with_its_age(stage: Stage) -> None:
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "table", "game", "scene", "flip", "metrics", "status", "alerts")
        sent = {
            "table": ("table.state", "vision", table_state),
            "game": ("game.state", "core", game_state),
            "scene": ("scene", "core", scene),
            "metrics": ("system.metrics", "orchestrator", metrics),
            "status": ("system.status", "orchestrator", system_status),
            "alerts": ("system.alert", "orchestrator", lambda: alert(1)),
        }
        for name, (topic, process, make) in sent.items():
            await stage.arrives(topic, process, make)
            message = await receive(socket)
            while message["topic"] != name:
                message = await receive(socket)
            assert set(message) == {"topic", "age_ms", "data"}
            assert 0 <= message["age_ms"] < 5000
            assert message["data"]["schema_number"] == m.SCHEMA


async def test_what_is_known_is_sent_at_once(stage: Stage) -> None:
    await stage.arrives("table.state", "vision", lambda: table_state(5))
    await stage.arrives("system.alert", "orchestrator", lambda: alert(1))
    async with stage.client.ws_connect("/ws") as socket:
        await socket.send_json({"subscribe": ["table", "alerts"]})
        messages = [await receive(socket) for _ in range(3)]
        assert messages[0] == {"subscribed": ["alerts", "table"]}
        assert {message["topic"] for message in messages[1:]} == {"table", "alerts"}


async def test_nothing_comes_unasked_and_nothing_after_unsubscribing(stage: Stage) -> None:
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "scene", "table")
        await socket.send_json({"unsubscribe": ["table", "alerts"]})
        assert await receive(socket) == {"subscribed": ["scene"]}
        await stage.arrives("table.state", "vision", table_state)
        await stage.arrives("game.state", "core", game_state)
        await stage.arrives("scene", "core", scene)
        assert (await receive(socket))["topic"] == "scene"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nonsense", "JSON"),
        ('{"subscribe": ["gossip"]}', "subscribe.0"),
        ('{"subscribe": "game"}', "subscribe"),
        ('{"shout": []}', "shout"),
        ("[]", ""),
        ('{"subscribe": [' + ",".join(['"game"'] * 21) + "]}", "subscribe"),
    ],
)
async def test_a_wrong_word_is_answered_and_the_socket_stays(
    stage: Stage, text: str, word: str
) -> None:
    async with stage.client.ws_connect("/ws") as socket:
        await socket.send_str(text)
        assert word in (await receive(socket))["error"]
        await subscribe(socket, "game")


async def test_bytes_are_answered_with_an_error(stage: Stage) -> None:
    async with stage.client.ws_connect("/ws") as socket:
        await socket.send_bytes(b"\x00")
        assert await receive(socket) == {"error": "messages are JSON text"}


async def test_a_message_that_is_too_long_ends_the_socket(stage: Stage) -> None:
    async with stage.client.ws_connect("/ws") as socket:
        await socket.send_str("x" * (websocket.LONGEST_MESSAGE + 1))
        message = await socket.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_page_of_another_site_may_not_listen(stage: Stage) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await stage.client.ws_connect("/ws", origin="http://evil.example")
    assert error.value.status == 403
    async with stage.client.ws_connect("/ws", origin=stage.address):
        pass


async def test_a_plain_request_is_told_to_upgrade(stage: Stage) -> None:
    async with stage.client.get("/ws") as response:
        assert response.status == 426
        assert response.content_type == "application/problem+json"


async def test_no_more_pages_than_can_be_served(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MOST_CLIENTS", 1)
    async with stage.client.ws_connect("/ws"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await stage.client.ws_connect("/ws")
        assert error.value.status == 429
    await until(lambda: not stage.services.sockets)
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "game")


async def test_a_client_that_leaves_is_forgotten(stage: Stage) -> None:
    socket = await stage.client.ws_connect("/ws")
    await subscribe(socket, "table")
    assert len(stage.services.sockets) == 1
    await socket.close()
    await until(lambda: not stage.services.sockets)
    assert stage.services.live._listeners == set()


async def test_a_client_that_takes_nothing_is_let_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "SEND_LIMIT_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port, limit=1024)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    wish = b'{"subscribe":["scene"]}'
    writer.write(bytes([0x81, 0x80 | len(wish)]) + bytes(4) + wish)  # masked with zeros
    assert b"subscribed" in await reader.read(100)
    big = scene(elements=tuple(m.Text(text="x" * 200, position=(0, 0)) for _ in range(3000)))
    end = time.monotonic() + 20
    while stage.services.sockets:
        assert time.monotonic() < end
        stage.services.live.put("scene", big)
        await asyncio.sleep(0.002)
    writer.close()


async def test_the_end_of_the_server_is_said(stage: Stage) -> None:
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "game")
        await websocket.close_all(stage.services)
        message = await socket.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.GOING_AWAY


def offered(live: Live, outbox: websocket.Outbox, topic: str, message: m.Message) -> None:
    live.put(topic, message)
    outbox.offer(Sample(topic, message, live.clock()))


async def test_a_slow_client_gets_the_newest_of_each_topic(stage: Stage) -> None:
    live = Live()
    outbox = websocket.Outbox(live)
    outbox.apply(websocket.Wish(subscribe=["table", "game"]))
    for frame in range(1, 500):
        offered(live, outbox, "table.state", table_state(frame))
        offered(live, outbox, "game.state", game_state(frame))
        offered(live, outbox, "scene", scene(frame))
    messages = [json.loads(text) for text in await outbox.take()]
    assert messages[0] == {"subscribed": ["game", "table"]}
    assert [(x["topic"], x["data"]["frame"]) for x in messages[1:]] == [
        ("table", 499),
        ("game", 499),
    ]


async def test_no_alert_is_lost_but_the_queue_is_bounded() -> None:
    live = Live()
    outbox = websocket.Outbox(live)
    outbox.apply(websocket.Wish(subscribe=["alerts"]))
    for number in range(1, 11):
        offered(live, outbox, "system.alert", alert(number, f"m{number}"))
    sequences = [json.loads(x)["data"]["sequence"] for x in (await outbox.take())[1:]]
    assert sequences == list(range(1, 11))
    for number in range(11, 11 + websocket.MOST_QUEUED + 1):
        offered(live, outbox, "system.alert", alert(number, "m1", active=number % 2 == 0))
    texts = [json.loads(x)["data"] for x in await outbox.take()]
    # Too many: the active ones instead.
    assert {x["name"] for x in texts if x["active"]} >= {f"m{n}" for n in range(2, 11)}
    assert len(texts) <= websocket.MOST_QUEUED


async def test_alerts_of_an_orchestrator_that_is_gone_are_forgotten() -> None:
    live = Live()
    live.put("system.alert", alert(1, "vision"))
    live.put("system.alert", alert(2, "core"))
    live.put("system.alert", alert(3, "core", active=False))
    assert [sample.message.name for sample in live.alerts()] == ["vision"]  # type: ignore[attr-defined]
    live.put("system.alert", alert(1, "api").model_copy(update={"epoch": 2}))
    assert [sample.message.name for sample in live.alerts()] == ["api"]  # type: ignore[attr-defined]


def knowing(*events: m.ShotEvent, **game: Any) -> Callable[[Request], None]:
    """A core that knows these events of its present shot."""

    def answer(request: Request) -> None:
        assert request.command == "game.snapshot"
        request.reply(game_state(shot_events=events, **game))

    return answer


async def told(socket: Socket, count: int, topic: str = "events") -> list[int]:
    """The numbers of the next messages, all of one topic."""
    messages = [await receive(socket) for _ in range(count)]
    assert {message["topic"] for message in messages} == {topic}
    return [message["data"]["sequence"] for message in messages]


async def test_the_events_of_a_shot_are_told_as_they_happen(stage: Stage) -> None:
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "events")
        await stage.arrives("shot.event", "core", lambda: shot_event(1, "shot_start"))
        for number in (2, 3):
            stage.publish("core", "shot.event", shot_event(number))
        assert await told(socket, 3) == [1, 2, 3]
        async with stage.client.ws_connect("/ws") as later:
            await subscribe(later, "events")
            assert await told(later, 3) == [1, 2, 3]
        stage.publish("core", "shot.event", shot_event(4, "shot_start"))
        assert await told(socket, 1) == [4]
        async with stage.client.ws_connect("/ws") as later:
            await subscribe(later, "events")
            assert await told(later, 1) == [4]
            await later.send_json({"unsubscribe": ["events"]})
            assert await receive(later) == {"subscribed": []}
    assert stage.requests == []


async def test_events_that_were_lost_are_asked_for_and_told_once(stage: Stage) -> None:
    start, others = shot_event(1, "shot_start"), [shot_event(n) for n in range(2, 8)]
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "events")
        await stage.arrives("shot.event", "core", lambda: start)
        stage.serve("core", answer=knowing(start, *others[:4], shots=41))
        stage.publish("core", "shot.event", others[2])
        assert await told(socket, 5) == [1, 4, 2, 3, 5]
        # What the snapshot told comes by itself too: it is nothing new.
        for event in others[3:6]:
            stage.publish("core", "shot.event", event)
        assert await told(socket, 2) == [6, 7]
    live = stage.services.live
    assert live.missed["shot.event"] == 2
    assert [sample.message.frame for sample in live.shot_events()] == list(range(1, 8))  # type: ignore[attr-defined]
    game = (await stage.json("/api/v1/game/state"))["game"]
    assert (game["shots"], game["shot_events"]) == (41, [])
    await asyncio.sleep(0.05)
    assert [request.command for request in stage.requests] == ["game.snapshot"]


async def test_an_api_that_starts_within_a_shot_is_told_how_it_began(stage: Stage) -> None:
    events = [shot_event(n, "shot_start" if n == 7 else "cushion_collision") for n in (7, 8, 9)]
    stage.serve("core", answer=knowing(*events))
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "events")
        await stage.arrives("shot.event", "core", lambda: events[2])
        assert await told(socket, 3) == [9, 7, 8]


async def test_a_core_that_starts_anew_counts_anew(stage: Stage) -> None:
    first = [shot_event(n, "shot_start" if n == 1 else "ball_collision") for n in (1, 2)]
    again = shot_event(1, "shot_start").model_copy(update={"exposure_ns": 9_000_000_000})
    stage.serve("core", answer=knowing(again))
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "events")
        for event in first:
            await stage.arrives("shot.event", "core", lambda event=event: event)
        stage.publish("core", "shot.event", again)
        assert await told(socket, 3) == [1, 2, 1]
    await until(lambda: len(stage.requests) == 1)
    assert [sample.message for sample in stage.services.live.shot_events()] == [again]


async def test_a_core_that_does_not_answer_is_asked_again_at_the_next_gap(stage: Stage) -> None:
    def refuse(request: Request) -> None:
        request.fail("busy")

    stage.serve("core", answer=refuse)
    await stage.arrives("shot.event", "core", lambda: shot_event(5))
    await until(lambda: len(stage.requests) == 1)
    stage.serve("core", answer=knowing(shot_event(4, "shot_start"), *map(shot_event, (5, 6, 7))))
    stage.publish("core", "shot.event", shot_event(7))
    await until(lambda: len(stage.services.live.shot_events()) == 4)
    stage.services.live.check()


async def test_a_client_that_is_far_behind_gets_the_present_shot_anew() -> None:
    live = Live()
    outbox = websocket.Outbox(live)
    outbox.apply(websocket.Wish(subscribe=["events"]))
    numbers = range(1, 3 * websocket.MOST_QUEUED)
    for number in numbers:
        kind = "shot_start" if number % 20 == 1 else "ball_collision"
        offered(live, outbox, "shot.event", shot_event(number, kind))
    queued = [json.loads(text)["data"]["sequence"] for text in (await outbox.take())[1:]]
    assert queued == sorted(set(queued))
    assert queued[-1] == numbers[-1]
    assert len(queued) <= websocket.MOST_QUEUED


def test_late_events_of_a_shot_that_is_over_are_no_news() -> None:
    shot = ShotEvents()
    new = (shot_event(5, "shot_start"), shot_event(6))
    assert shot.fill(()) == ()
    assert shot.fill(new) == new
    assert not shot.take(shot_event(4))
    assert not shot.take(new[1])
    assert shot.follows(shot_event(7))
    assert not shot.follows(shot_event(8))
    assert not shot.follows(shot_event(7, epoch=2))
    # A snapshot that is older than what came while it was on its way.
    assert shot.take(shot_event(7, "shot_start"))
    assert shot.fill(new) == new
    assert [event.sequence for event in shot.events] == [7]


async def test_alerts_from_before_the_api_started_are_asked_for(stage: Stage) -> None:
    over = alert(1, "camera", active=False)
    standing = (alert(2, "disk"), alert(3, "vision"))

    def answer(request: Request) -> None:
        request.reply(m.AlertLog(alerts=(*standing, over)))

    stage.serve("orchestrator", answer=answer)
    async with stage.client.ws_connect("/ws") as socket:
        await subscribe(socket, "alerts")
        await stage.arrives("system.status", "orchestrator", lambda: system_status(alerts=standing))
        assert await told(socket, 2, "alerts") == [2, 3]
        await stage.arrives("system.status", "orchestrator", lambda: system_status(alerts=standing))
        # The end of one is lost on the way: the number of the next shows it.
        standing = (alert(5, "core"), standing[1])
        over = alert(4, "disk", active=False)
        await stage.arrives("system.alert", "orchestrator", lambda: standing[0])
        ended = [await receive(socket) for _ in range(2)]
        assert [(e["data"]["sequence"], e["data"]["active"]) for e in ended] == [
            (5, True),
            (4, False),
        ]
    assert {request.command for request in stage.requests} == {"system.alerts"}
    names = {sample.message.name for sample in stage.services.live.alerts()}  # type: ignore[attr-defined]
    assert names == {"vision", "core"}


async def test_a_receiver_that_ends_is_noticed() -> None:
    class Broken:
        topic = TOPICS["scene"]

        async def receive(self) -> m.Message:
            raise OSError("the socket is gone")

    class BrokenBus:
        def subscribe(self, topic: str) -> Broken:
            return Broken()

    live = Live()
    live.check()
    live.follow(BrokenBus())  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="the socket is gone"):
        live.check()
    await live.stop()


async def test_age_is_taken_when_the_message_is_sent() -> None:
    now = [10_000_000_000]
    live = Live(lambda: now[0])
    outbox = websocket.Outbox(live)
    outbox.apply(websocket.Wish(subscribe=["table", "metrics"]))
    offered(live, outbox, "table.state", table_state(1, exposure_ns=9_990_000_000))
    offered(live, outbox, "system.metrics", metrics())
    now[0] += 250_000_000
    messages = [json.loads(x) for x in (await outbox.take())[1:]]
    assert [(x["topic"], x["age_ms"]) for x in messages] == [("table", 260.0), ("metrics", 250.0)]
