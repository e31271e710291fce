"""The bus for a process that lives in an asyncio loop: the API."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog
import zmq
import zmq.asyncio

from billiards_trainer import messages as m
from billiards_trainer.bus import (
    CommandTimeout,
    command_endpoint,
    configure_subscriber,
    decode,
    publishers_of,
    read_reply,
    request_parts,
    topic_endpoint,
)
from billiards_trainer.topics import COMMANDS, TOPICS, Topic

_log = structlog.get_logger(__name__)


class AsyncSubscription:
    """The reading end of one topic."""

    def __init__(
        self, context: zmq.asyncio.Context, endpoints: Sequence[str], topic: Topic
    ) -> None:
        self.topic = topic
        self.malformed = 0
        self._socket = context.socket(zmq.SUB)
        configure_subscriber(self._socket, topic)
        for endpoint in endpoints:
            self._socket.connect(endpoint)

    async def receive(self) -> m.Message:
        """The next message that can be read."""
        while True:
            part = await self._socket.recv()
            try:
                return decode(self.topic, part)
            except ValueError as error:
                self.malformed += 1
                _log.warning("malformed message", topic=self.topic.name, error=str(error)[:200])

    def close(self) -> None:
        """Stop reading."""
        self._socket.close(linger=0)


class AsyncBus:
    """Subscriptions and requests; publishing stays with ``bus.Bus``."""

    def __init__(self, runtime_dir: Path) -> None:
        self._runtime_dir = runtime_dir
        self._context = zmq.asyncio.Context()
        self._subscriptions: list[AsyncSubscription] = []

    def subscribe(self, topic: str) -> AsyncSubscription:
        """Read a topic."""
        row = TOPICS[topic]
        endpoints = [topic_endpoint(self._runtime_dir, topic, name) for name in publishers_of(row)]
        subscription = AsyncSubscription(self._context, endpoints, row)
        self._subscriptions.append(subscription)
        return subscription

    async def request(
        self, command: str, message: m.Message, timeout_s: float | None = None
    ) -> m.Message:
        """Have a command carried out; see ``bus.Bus.request``."""
        row = COMMANDS[command]
        limit = row.deadline_s if timeout_s is None else timeout_s
        socket = self._context.socket(zmq.DEALER)
        try:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RECONNECT_IVL, 20)
            socket.connect(command_endpoint(self._runtime_dir, row.server))
            await socket.send_multipart(request_parts(row, message))
            parts = await asyncio.wait_for(socket.recv_multipart(), limit)
        except TimeoutError:
            raise CommandTimeout(
                f"{row.server} did not answer {command} within {limit:g} s"
            ) from None
        finally:
            socket.close(linger=0)
        return read_reply(row, parts)

    def close(self) -> None:
        """Close all sockets."""
        for subscription in self._subscriptions:
            subscription.close()
        self._context.destroy(linger=0)
