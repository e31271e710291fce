"""ZeroMQ publish / subscribe / request over ipc://, and nothing else.

Each topic has a socket of its own, named after the topic, in the runtime folder (mode 0700); the
publisher binds, readers connect and reconnect by themselves when it comes back.  Topic and payload
travel in one message part, because CONFLATE, which a latest-only topic uses, keeps single parts.
The payload is JSON written and checked by pydantic.

Commands go DEALER → ROUTER with a request id and a deadline.  The server remembers its last replies
by request id, so that a repeated request is answered again, not carried out twice.
"""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import zmq
from pydantic import ValidationError

from billiards_trainer import messages as m
from billiards_trainer.topics import CAMERA_WRITERS, COMMANDS, TOPICS, Command, Topic

_log = structlog.get_logger(__name__)

HIGH_WATER = 1000
"""Messages queued for one reader before events are dropped (and noticed by their numbers)."""
_REPLIES_REMEMBERED = 64
_LONGEST_SOCKET_PATH = 103  # sun_path is 108 bytes, less libzmq's needs
LONGEST_RUNTIME_DIR = _LONGEST_SOCKET_PATH - len("/-orchestrator.pub") - max(map(len, TOPICS))
"""Bytes of a runtime folder's path, so that each socket in it can be opened."""


class CommandError(Exception):
    """A command could not be carried out; the message is one sentence for people."""


class CommandTimeout(CommandError):
    """Nobody answered within the deadline."""


def publishers_of(topic: Topic) -> tuple[str, ...]:
    """The processes that may publish a topic."""
    return CAMERA_WRITERS if topic.publisher == "writer" else (topic.publisher,)


def topic_endpoint(runtime_dir: Path, topic: str, publisher: str) -> str:
    """Address of a topic's socket."""
    return _endpoint(runtime_dir / f"{topic}-{publisher}.pub")


def command_endpoint(runtime_dir: Path, process: str) -> str:
    """Address of a process's command socket."""
    return _endpoint(runtime_dir / f"{process}.cmd")


def _endpoint(path: Path) -> str:
    if len(str(path)) > _LONGEST_SOCKET_PATH:
        raise CommandError(f"the runtime folder's path is too long for a socket: {path.parent}")
    return f"ipc://{path}"


def encode(topic: str, message: m.Message) -> bytes:
    """Topic and payload in one part."""
    return topic.encode() + b"\0" + message.model_dump_json().encode()


def decode(topic: Topic, part: bytes) -> m.Message:
    """The message in a part.

    Raises:
        ValueError: another topic, or a payload that is not such a message.
    """
    name, _, payload = part.partition(b"\0")
    if name != topic.name.encode():
        raise ValueError(f"a message of topic {name!r} on the socket of {topic.name}")
    return topic.type.model_validate_json(payload)


class Subscription:
    """The reading end of one topic.

    ``malformed`` counts messages that could not be read; ``publisher`` is needed only for a topic
    that each process publishes.
    """

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], endpoints: Iterable[str], topic: Topic
    ):
        self.topic = topic
        self.malformed = 0
        self.socket = context.socket(zmq.SUB)
        configure_subscriber(self.socket, topic)
        for endpoint in endpoints:
            self.socket.connect(endpoint)

    def receive(self, timeout_ms: int = 0) -> m.Message | None:
        """The next message, or ``None`` when none comes in time."""
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            left = max(0, round((deadline - time.monotonic()) * 1000))
            if not self.socket.poll(left):
                return None
            part = self.socket.recv()
            try:
                return decode(self.topic, part)
            except ValueError as error:
                self.malformed += 1
                _log.warning("malformed message", topic=self.topic.name, error=str(error)[:200])

    def drain(self) -> list[m.Message]:
        """All messages that have arrived."""
        out = []
        while (message := self.receive()) is not None:
            out.append(message)
        return out

    def close(self) -> None:
        """Stop reading."""
        self.socket.close(linger=0)


def configure_subscriber(socket: zmq.Socket[Any], topic: Topic) -> None:
    """Set up a SUB socket for a topic, before it is connected."""
    if topic.latest:
        socket.setsockopt(zmq.CONFLATE, 1)
    else:
        socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
    socket.setsockopt(zmq.RECONNECT_IVL, 20)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 100)
    socket.setsockopt(zmq.SUBSCRIBE, b"")


@dataclass(slots=True)
class Request:
    """A command that waits for its answer."""

    command: str
    message: m.Message
    _server: CommandServer
    _identity: bytes
    _id: bytes

    def reply(self, message: m.Message) -> None:
        """Answer it."""
        self._server._send(self._identity, self._id, b"ok", message.model_dump_json().encode())

    def fail(self, sentence: str) -> None:
        """Say in one sentence why it was not done."""
        self._server._send(self._identity, self._id, b"error", sentence.encode())


class CommandServer:
    """The command socket of one process."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, process: str
    ) -> None:
        self._process = process
        self._answers: OrderedDict[bytes, tuple[bytes, bytes]] = OrderedDict()
        self._open: set[bytes] = set()
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
        self.socket.bind(endpoint)

    def pending(self) -> list[Request]:
        """The requests that have arrived; malformed ones are answered with the reason."""
        requests = []
        while self.socket.poll(0):
            parts = self.socket.recv_multipart()
            if len(parts) != 4:
                continue
            identity, request_id, name, payload = parts
            if request_id in self._answers:
                self._transmit(identity, request_id, *self._answers[request_id])
                continue
            if request_id in self._open:  # repeated while still being carried out
                continue
            command = COMMANDS.get(name.decode(errors="replace"))
            if command is None or command.server != self._process:
                self._send(identity, request_id, b"error", b"unknown command " + name)
                continue
            try:
                message = command.request.model_validate_json(payload)
            except ValidationError as error:
                self._send(identity, request_id, b"error", _first_error(error).encode())
                continue
            self._open.add(request_id)
            requests.append(Request(command.name, message, self, identity, request_id))
        return requests

    def _send(self, identity: bytes, request_id: bytes, status: bytes, payload: bytes) -> None:
        self._open.discard(request_id)
        self._answers[request_id] = (status, payload)
        while len(self._answers) > _REPLIES_REMEMBERED:
            self._answers.popitem(last=False)
        self._transmit(identity, request_id, status, payload)

    def _transmit(self, identity: bytes, request_id: bytes, status: bytes, payload: bytes) -> None:
        try:
            self.socket.send_multipart([identity, request_id, status, payload], zmq.DONTWAIT)
        except zmq.Again:
            _log.warning("a command's answer could not be delivered")

    def close(self) -> None:
        """Stop serving."""
        self.socket.close(linger=0)


def _first_error(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


class Bus:
    """One process's connection to all the others.

    Args:
        runtime_dir: folder of the sockets; must exist.
        process: own name, as in the process table.
    """

    def __init__(self, runtime_dir: Path, process: str) -> None:
        self._runtime_dir = runtime_dir
        self._process = process
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._publishers: dict[str, zmq.Socket[bytes]] = {}
        self._closers: list[Subscription | CommandServer] = []

    def publish(self, topic: str, message: m.Message) -> None:
        """Send a message to whoever listens; never blocks.

        Raises:
            ValueError: the topic carries another type, or is not ours to publish.
        """
        row = TOPICS[topic]
        if type(message) is not row.type:
            raise ValueError(f"{topic} carries {row.type.__name__}, not {type(message).__name__}")
        socket = self._publishers.get(topic) or self._bind(row)
        socket.send(encode(topic, message), zmq.DONTWAIT)

    def announce(self, *topics: str) -> None:
        """Bind the sockets of topics early, so that readers connect before the first message."""
        for topic in topics:
            if topic not in self._publishers:
                self._bind(TOPICS[topic])

    def _bind(self, row: Topic) -> zmq.Socket[bytes]:
        if row.publisher != "*" and self._process not in publishers_of(row):
            raise ValueError(f"{self._process} does not publish {row.name}")
        endpoint = topic_endpoint(self._runtime_dir, row.name, self._process)
        socket = self._context.socket(zmq.PUB)
        socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(endpoint)
        self._publishers[row.name] = socket
        return socket

    def subscribe(self, topic: str, publishers: Sequence[str] | None = None) -> Subscription:
        """Read a topic; ``publishers`` must be named for one that each process publishes."""
        row = TOPICS[topic]
        names = publishers if publishers is not None else publishers_of(row)
        endpoints = [topic_endpoint(self._runtime_dir, topic, name) for name in names]
        subscription = Subscription(self._context, endpoints, row)
        self._closers.append(subscription)
        return subscription

    def serve(self) -> CommandServer:
        """Answer the commands of this process."""
        endpoint = command_endpoint(self._runtime_dir, self._process)
        server = CommandServer(self._context, endpoint, self._process)
        self._closers.append(server)
        return server

    def request(
        self, command: str, message: m.Message, timeout_s: float | None = None
    ) -> m.Message:
        """Have a command carried out.

        Raises:
            CommandTimeout: no answer within the command's deadline (or ``timeout_s``).
            CommandError: the process said why not.
        """
        row = COMMANDS[command]
        limit = row.deadline_s if timeout_s is None else timeout_s
        socket = self._context.socket(zmq.DEALER)
        try:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RECONNECT_IVL, 20)
            socket.connect(command_endpoint(self._runtime_dir, row.server))
            socket.send_multipart(request_parts(row, message))
            if not socket.poll(round(limit * 1000)):
                raise CommandTimeout(f"{row.server} did not answer {command} within {limit:g} s")
            return read_reply(row, socket.recv_multipart())
        finally:
            socket.close(linger=0)

    def wait(self, readers: Iterable[Subscription | CommandServer], timeout_ms: int) -> bool:
        """Wait until one of them can be read; whether one can."""
        poller = zmq.Poller()
        for reader in readers:
            poller.register(reader.socket, zmq.POLLIN)
        return bool(poller.poll(timeout_ms))

    def close(self) -> None:
        """Close all sockets; queued messages are dropped."""
        for reader in self._closers:
            reader.close()
        for socket in self._publishers.values():
            socket.close(linger=0)
        self._context.term()


def request_parts(command: Command, message: m.Message) -> list[bytes]:
    """A request on the wire: id, name, payload."""
    if type(message) is not command.request:
        raise ValueError(f"{command.name} takes {command.request.__name__}")
    return [uuid.uuid4().bytes, command.name.encode(), message.model_dump_json().encode()]


def read_reply(command: Command, parts: list[bytes]) -> m.Message:
    """The answer on the wire.

    Raises:
        CommandError: it says why not, or cannot be read.
    """
    _, status, payload = parts
    if status != b"ok":
        raise CommandError(payload.decode(errors="replace"))
    try:
        return command.reply.model_validate_json(payload)
    except ValidationError:
        raise CommandError(f"{command.server} gave an answer that cannot be read") from None
