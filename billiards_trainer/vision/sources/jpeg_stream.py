"""Cuts a byte stream into JPEG pictures, whatever stands between them.

MJPEG cameras write boundaries and headers in many ways, and some lie about lengths.  The pictures
themselves are clear: a JPEG is walked from segment to segment up to its scan, inside which the
markers "end" and "start" cannot occur [ITU-T T.81, B.1.1.2].  So everything between pictures is
skipped unread, and a picture cut off by the start of the next one is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

from billiards_trainer.vision.sources.picture import SourceError

LARGEST_BYTES = 16 * 1024 * 1024
LARGEST_PIXELS = 40_000_000

_SOI = b"\xff\xd8\xff"
_SOS, _EOI, _SECOND_SOI = 0xDA, 0xD9, 0xD8
_FRAME_HEADERS = frozenset({0xC0, 0xC1, 0xC2})


class JpegSplitter:
    """Feed it bytes, take pictures.

    Args:
        largest: bytes of the largest picture.
    """

    def __init__(self, largest: int = LARGEST_BYTES) -> None:
        self._buffer = bytearray()
        self._largest = largest
        self._at = 0
        """How far the picture at the buffer's start has been walked; 0: no picture there yet."""
        self._in_scan = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pictures that are complete after these bytes.

        Raises:
            SourceError: a picture grows beyond all measure.
        """
        self._buffer += data
        while self._find_start():
            end = self._walk()
            if end is None:
                if len(self._buffer) > self._largest:
                    raise SourceError("the camera sends a picture without end")
                return
            if end > 0:
                yield bytes(self._buffer[:end])
            self._drop(max(abs(end), 2))

    def _find_start(self) -> bool:
        if self._at:
            return True
        start = self._buffer.find(_SOI)
        if start < 0:
            # The first bytes of a start may be the last that came.
            del self._buffer[: max(0, len(self._buffer) - len(_SOI) + 1)]
            return False
        del self._buffer[:start]
        self._at = 2
        return True

    def _walk(self) -> int | None:
        """Where the picture ends; negative where another cuts it off, 0 when it is none after all;
        ``None`` while more bytes are needed.
        """
        buffer = self._buffer
        while not self._in_scan:
            if len(buffer) < self._at + 4:
                return None
            marker = buffer[self._at + 1]
            length = int.from_bytes(buffer[self._at + 2 : self._at + 4])
            if buffer[self._at] != 0xFF or marker in (0x00, _SECOND_SOI, _EOI) or length < 2:
                return 0
            if marker == 0xFF:  # fill byte
                self._at += 1
                continue
            if marker in _FRAME_HEADERS:
                if len(buffer) < self._at + 9:
                    return None
                rows = int.from_bytes(buffer[self._at + 5 : self._at + 7])
                columns = int.from_bytes(buffer[self._at + 7 : self._at + 9])
                if rows * columns > LARGEST_PIXELS:
                    return 0
            self._at += 2 + length
            self._in_scan = marker == _SOS
        while (found := buffer.find(b"\xff", self._at)) >= 0:
            if found + 1 >= len(buffer):
                self._at = found
                return None
            marker = buffer[found + 1]
            if marker == _EOI:
                return found + 2
            if marker == _SECOND_SOI:
                return -found
            # A stuffed zero, a restart, or a progressive picture's next scan.
            self._at = found + 2
        self._at = len(buffer)
        return None

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._at, self._in_scan = 0, False
