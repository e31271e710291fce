from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest

from billiards_trainer import messages as m
from billiards_trainer.api import websocket
from billiards_trainer.api.live import Live, Sample
from billiards_trainer.topics import TOPICS
from tests.unit.api.stage import (
    Stage,
    alert,
    game_state,
    metrics,
    scene,
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
    for number in range(11, 11 + websocket.MOST_ALERTS + 1):
        offered(live, outbox, "system.alert", alert(number, "m1", active=number % 2 == 0))
    texts = [json.loads(x)["data"] for x in await outbox.take()]
    # Too many: the active ones instead.
    assert {x["name"] for x in texts if x["active"]} >= {f"m{n}" for n in range(2, 11)}
    assert len(texts) <= websocket.MOST_ALERTS


async def test_alerts_of_an_orchestrator_that_is_gone_are_forgotten() -> None:
    live = Live()
    live.put("system.alert", alert(1, "vision"))
    live.put("system.alert", alert(2, "core"))
    live.put("system.alert", alert(3, "core", active=False))
    assert [sample.message.name for sample in live.alerts()] == ["vision"]  # type: ignore[attr-defined]
    live.put("system.alert", alert(1, "api").model_copy(update={"epoch": 2}))
    assert [sample.message.name for sample in live.alerts()] == ["api"]  # type: ignore[attr-defined]


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
