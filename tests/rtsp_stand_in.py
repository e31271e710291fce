"""A small RTSP camera on the loopback interface: JPEG over RTP (RFC 2435), interleaved in TCP."""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT = 320, 240
_PAYLOAD = 1300


class RtspStandIn:
    """Sends grey pictures at 25 a second to whoever asks.

    Args:
        pictures: after so many it falls silent without hanging up.
    """

    def __init__(self, pictures: int = 10**9) -> None:
        stop = self._stop = threading.Event()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    while self._answer():
                        pass

            def _answer(self) -> bool:
                request = self.rfile.readline().decode()
                if not request.strip():
                    return False
                headers = {}
                while (line := self.rfile.readline().decode().strip()) != "":
                    name, _, value = line.partition(":")
                    headers[name.strip().lower()] = value.strip()
                method, address = request.split()[:2]
                extra, body = {}, ""
                if method == "OPTIONS":
                    extra["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"
                elif method == "DESCRIBE":
                    body = (
                        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
                        "m=video 0 RTP/AVP 26\r\na=control:track\r\na=framerate:25\r\n"
                    )
                    extra = {"Content-Type": "application/sdp", "Content-Base": f"{address}/"}
                elif method == "SETUP":
                    extra["Transport"] = "RTP/AVP/TCP;unicast;interleaved=0-1"
                extra |= {"CSeq": headers["cseq"], "Session": "1"}
                extra["Content-Length"] = str(len(body))
                head = "".join(f"{name}: {value}\r\n" for name, value in extra.items())
                self.wfile.write(f"RTSP/1.0 200 OK\r\n{head}\r\n{body}".encode())
                if method == "PLAY":
                    self._play()
                    return False
                return method != "TEARDOWN"

            def _play(self) -> None:
                sequence = 0
                for number in range(pictures):
                    if stop.wait(0.04):
                        return
                    for packet in rtp_packets(number, sequence):
                        self.wfile.write(b"$\0" + struct.pack(">H", len(packet)) + packet)
                        sequence += 1
                stop.wait(60)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"rtsp://eve:secret@127.0.0.1:{self._server.server_address[1]}/live"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> RtspStandIn:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def rtp_packets(number: int, sequence: int) -> list[bytes]:
    """One picture as RTP packets."""
    picture = np.full((HEIGHT, WIDTH, 3), number % 200 + 20, np.uint8)
    jpeg = bytes(cv2.imencode(".jpg", picture)[1])
    tables, at = b"", 2
    while jpeg[at + 1] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4])
        if jpeg[at + 1] == 0xDB:
            segment = jpeg[at + 4 : at + 2 + length]
            for start in range(0, len(segment), 65):
                tables += segment[start + 1 : start + 65]
        at += 2 + length
    scan = jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4]) : -2]
    packets = []
    for offset in range(0, len(scan), _PAYLOAD):
        piece = scan[offset : offset + _PAYLOAD]
        last = offset + _PAYLOAD >= len(scan)
        rtp = struct.pack(
            ">BBHII", 0x80, 26 | (0x80 if last else 0), (sequence + len(packets)) % 65536,
            number * 3600, 7,
        )  # fmt: skip
        # Type 1 is 4:2:0; Q 255 brings its own tables.
        head = b"\0" + offset.to_bytes(3) + bytes([1, 255, WIDTH // 8, HEIGHT // 8])
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        packets.append(rtp + head + piece)
    return packets
