"""The camera's picture as JPEG: encoded once for all viewers, in a thread of its own.

The thread sleeps while nobody looks.  Each viewer always takes the newest picture; one with a slow
connection skips the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from billiards_trainer.frames import RingError, RingPicture, RingReader

_log = structlog.get_logger(__name__)

JPEG_QUALITY = 80
MOST_VIEWERS = 16
"""Each costs up to about 1.5 MB a second."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """An encoded picture."""

    data: bytes
    frame: int
    exposure_ns: int


def encode(picture: RingPicture) -> Jpeg | None:
    """Encode a BGR picture; ``None`` when it cannot be (no pixels)."""
    import cv2

    if picture.image.size == 0:
        return None
    ok, data = cv2.imencode(".jpg", picture.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return Jpeg(data.tobytes(), picture.frame, picture.exposure_ns) if ok else None


class Preview:
    """Hands out JPEG pictures at no more than ``fps`` a second."""

    def __init__(self, ring: Path, fps: float) -> None:
        self._ring = ring
        self._period_s = 1 / fps
        self._newest: Jpeg | None = None
        self._viewers = 0
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="preview", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()

    @property
    def viewers(self) -> int:
        """How many look."""
        return self._viewers

    @property
    def is_full(self) -> bool:
        """Whether no further viewer is let in."""
        return self._viewers >= MOST_VIEWERS

    @property
    def is_closing(self) -> bool:
        """Whether the process ends."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start the thread; call in the loop that serves."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """Let the viewers go: ``next`` returns at once from now on."""
        self._stopping.set()
        self._wanted.set()
        self._arrived.set()

    async def stop(self) -> None:
        """End the thread."""
        self.close()
        await asyncio.to_thread(self._thread.join, 2.0)

    @contextmanager
    def viewer(self) -> Iterator[None]:
        """Keep pictures coming within this context."""
        self._viewers += 1
        self._wanted.set()
        try:
            yield
        finally:
            self._viewers -= 1
            if self._viewers == 0 and not self._stopping.is_set():
                self._wanted.clear()

    async def next(self, after: Jpeg | None, timeout_s: float) -> Jpeg | None:
        """The newest picture that is not ``after``; ``None`` when none comes in time.

        Call within ``viewer``.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._stopping.is_set():
                    if self._newest is not None and self._newest is not after:
                        return self._newest
                    self._arrived.clear()
                    await self._arrived.wait()
        return None

    async def current(self, timeout_s: float = 0.3) -> Jpeg | None:
        """A picture as new as the ring's newest; ``None`` when there is none.

        A stalled camera's last picture is still a picture: its age tells.
        """
        known = self._newest
        with self.viewer():
            return await self.next(known, timeout_s) or self._newest

    def _work(self) -> None:
        """The thread: ring to JPEG, while somebody looks."""
        reader: RingReader | None = None
        while True:
            self._wanted.wait()
            if self._stopping.is_set():
                break
            begun = time.monotonic()
            jpeg: Jpeg | None = None
            try:
                reader = reader or RingReader(self._ring)
                picture = reader.latest()
                jpeg = encode(picture) if picture is not None else None
            except RingError:
                pass  # no camera: asked again as long as somebody looks
            except Exception:  # the thread must survive whatever one picture brings
                _log.exception("a picture could not be encoded")
            if jpeg is not None:
                self._publish(jpeg)
            elapsed = time.monotonic() - begun
            # Without a new picture look again soon, so that the wait adds little to its age.
            pause = self._period_s if jpeg is not None else min(self._period_s, 0.01)
            self._stopping.wait(max(0.001, pause - elapsed))
        if reader is not None:
            reader.close()

    def _publish(self, jpeg: Jpeg) -> None:
        def arrive() -> None:
            self._newest = jpeg
            self._arrived.set()

        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            self._loop.call_soon_threadsafe(arrive)
