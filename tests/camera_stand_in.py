"""Network cameras on the loopback interface: good ones and all kinds of bad ones."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

HEAD = (
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
    b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
)


def jpeg(number: int, width: int = 160, height: int = 120) -> bytes:
    """A picture whose grey level tells its number."""
    picture = np.full((height, width, 3), (number * 20) % 240 + 10, np.uint8)
    return bytes(cv2.imencode(".jpg", picture)[1])


def part(data: bytes) -> bytes:
    """One part of a multipart stream."""
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data + b"\r\n"


class Conversation:
    """What a behaviour has at hand."""

    def __init__(self, connection: socket.socket, number: int, stop: threading.Event) -> None:
        self.connection = connection
        self.number = number
        """Connections before this one."""
        self.stop = stop
        self.request = b""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def pictures(self, count: int = 10**9, every: float = 0.02) -> None:
        """Send pictures until there were enough or the test is over."""
        for number in range(count):
            if self.stop.is_set():
                return
            self.send(part(jpeg(number)))
            time.sleep(every)

    def hold(self) -> None:
        """Say nothing more, and do not hang up either."""
        self.stop.wait(60)


Behaviour = Callable[[Conversation], None]


class CameraStandIn:
    """An HTTP server that does to each connection what it is told to.

    Args:
        behave: called with each conversation, after the request's head has been read.
        port: as before, after a restart; 0: any.
    """

    def __init__(self, behave: Behaviour, port: int = 0) -> None:
        self.connections = 0
        self._stop = threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                number, outer.connections = outer.connections, outer.connections + 1
                talk = Conversation(self.request, number, outer._stop)
                with contextlib.suppress(OSError):
                    while b"\r\n\r\n" not in talk.request:
                        data = self.request.recv(4096)
                        if not data:
                            return
                        talk.request += data
                    behave(talk)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/stream"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> CameraStandIn:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def good(talk: Conversation) -> None:
    talk.send(HEAD)
    talk.pictures()


def locked(talk: Conversation) -> None:
    """Asks for user "eve" with password "p@ss/word"."""
    if base64.b64encode(b"eve:p@ss/word") not in talk.request:
        talk.send(
            b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="cam"\r\n'
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        return
    good(talk)
