"""``/ws``: what happens, as it happens, by topic.

A client sends ``{"subscribe": ["game", "scene"]}`` and ``{"unsubscribe": ["scene"]}`` and is
answered with ``{"subscribed": […]}``.  From then on it gets ``{"topic", "age_ms", "data"}``: first
what is known already, then each message.  ``age_ms`` is taken when the message is sent.

A client that reads slowly gets the newest message of each topic and skips those between.  Alerts
and the events of shots are queued, and if it falls too far behind it gets the active alerts, or the
events of the present shot, anew.  Events that were lost on their way to the API follow late, when
core has told them: their numbers tell the order.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Annotated, Literal

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from billiards_trainer.api.backpressure import keep_little_in_flight, let_go
from billiards_trainer.api.live import Live, Sample
from billiards_trainer.api.problem import Problem
from billiards_trainer.api.services import Services

TopicName = Literal["game", "scene", "table", "flip", "metrics", "status", "alerts", "events"]

BUS_TOPIC: dict[TopicName, str] = {
    "game": "game.state",
    "scene": "scene",
    "table": "table.state",
    "flip": "projector.flip",
    "metrics": "system.metrics",
    "status": "system.status",
    "alerts": "system.alert",
    "events": "shot.event",
}
NAME_OF = {topic: name for name, topic in BUS_TOPIC.items()}

QUEUED: dict[TopicName, Callable[[Live], tuple[Sample, ...]]] = {
    "alerts": Live.alerts,
    "events": Live.shot_events,
}
"""Topics of which each message counts, and what must be known of each by now."""

MOST_CLIENTS = 64
MOST_QUEUED = 50
"""Of each such topic, before a client that does not take them gets what must be known anew."""
LONGEST_MESSAGE = 16 * 1024
IN_FLIGHT_BYTES = 32 * 1024
PING_S = 10.0
SEND_LIMIT_S = 10.0
"""A client that takes nothing for so long is let go."""


class Wish(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid")

    subscribe: Annotated[list[TopicName], Field(max_length=20)] = []
    unsubscribe: Annotated[list[TopicName], Field(max_length=20)] = []


class Outbox:
    """What one client has yet to be sent: bounded, whatever it does."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._topics: set[TopicName] = set()
        self._newest: dict[TopicName, Sample] = {}
        self._queues: dict[TopicName, deque[Sample]] = {name: deque() for name in QUEUED}
        self._replies: deque[str] = deque(maxlen=20)
        self._filled = asyncio.Event()

    def apply(self, wish: Wish) -> None:
        """Change what is subscribed to; what is known of new topics is sent at once."""
        for name in wish.subscribe:
            self._topics.add(name)
            if name in QUEUED:
                self._queues[name] = deque(QUEUED[name](self._live))
            elif (sample := self._live.newest(BUS_TOPIC[name])) is not None:
                self._newest[name] = sample
        for name in wish.unsubscribe:
            self._topics.discard(name)
            self._newest.pop(name, None)
            if name in QUEUED:
                self._queues[name].clear()
        self.say({"subscribed": sorted(self._topics)})

    def say(self, reply: dict[str, object]) -> None:
        """Queue an answer to the client's own words."""
        self._replies.append(json.dumps(reply))
        self._filled.set()

    def offer(self, sample: Sample) -> None:
        """A message of any topic has come."""
        name = NAME_OF.get(sample.topic)
        if name is None or name not in self._topics:
            return
        if name in QUEUED:
            self._queues[name].append(sample)
            if len(self._queues[name]) > MOST_QUEUED:
                self._queues[name] = deque(QUEUED[name](self._live))
        else:
            self._newest[name] = sample
        self._filled.set()

    async def take(self) -> list[str]:
        """Wait until there is something to send and take it all, ages as of now."""
        await self._filled.wait()
        self._filled.clear()
        now = self._live.clock()
        out = list(self._replies)
        for name, queue in self._queues.items():
            out += [_envelope(name, sample, now) for sample in queue]
            queue.clear()
        out += [_envelope(name, sample, now) for name, sample in self._newest.items()]
        self._replies.clear()
        self._newest.clear()
        return out


def _envelope(name: TopicName, sample: Sample, now_ns: int) -> str:
    age = sample.age_ms(now_ns)
    return f'{{"topic":"{name}","age_ms":{age:.1f},"data":{sample.json}}}'


async def serve(request: web.Request, services: Services) -> web.StreamResponse:
    """One client, until it leaves.

    Raises:
        Problem: 426 when this is no WebSocket handshake, 429 when too many are open.
    """
    # Uncompressed: deflating 90 messages a second for each client costs more than it saves here.
    socket = web.WebSocketResponse(
        heartbeat=PING_S, max_msg_size=LONGEST_MESSAGE, timeout=1.0, compress=False
    )
    if not socket.can_prepare(request).ok:
        raise Problem(426, "this address speaks WebSocket", headers={"Upgrade": "websocket"})
    if len(services.sockets) >= MOST_CLIENTS:
        raise Problem(429, "too many pages are connected", headers={"Retry-After": "5"})
    services.sockets.add(socket)
    outbox = Outbox(services.live)
    stop_listening: Callable[[], None] = services.live.listen(outbox.offer)
    try:
        await socket.prepare(request)
        keep_little_in_flight(request, IN_FLIGHT_BYTES)
        sender = asyncio.create_task(_send(request, socket, outbox, services))
        try:
            await _receive(socket, outbox)
        finally:
            sender.cancel()
    finally:
        stop_listening()
        services.sockets.discard(socket)
    return socket


async def _receive(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            outbox.say({"error": "messages are JSON text"})
            continue
        try:
            outbox.apply(Wish.model_validate_json(message.data))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            outbox.say({"error": f"{where}: {first['msg']}" if where else first["msg"]})


async def _send(
    request: web.Request, socket: web.WebSocketResponse, outbox: Outbox, services: Services
) -> None:
    try:
        while True:
            for text in await outbox.take():
                async with asyncio.timeout(SEND_LIMIT_S):
                    await socket.send_str(text)
                services.worked()
    except (ConnectionError, TimeoutError):
        let_go(request)


async def close_all(services: Services) -> None:
    """Say goodbye to all clients: the process ends and will be back."""
    goodbyes = [
        socket.close(code=WSCloseCode.GOING_AWAY, message=b"restarting")
        for socket in tuple(services.sockets)
        if socket.prepared
    ]
    await asyncio.gather(*goodbyes, return_exceptions=True)
