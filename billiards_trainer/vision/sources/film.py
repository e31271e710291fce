"""A film in a file, at the speed at which it was taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2

from billiards_trainer.errors import InputError
from billiards_trainer.frames import Picture
from billiards_trainer.vision.sources.picture import Grabbed, SourceEnded, SourceError, as_bgr

_USUAL_FPS = 30.0


@dataclass(frozen=True, slots=True)
class FilmInfo:
    """What a film's head says: pixels, pictures a second."""

    width: int
    height: int
    fps: float


def probe(path: Path, key: str = "source.url") -> FilmInfo:
    """Look into a film; ``key`` of the configuration is named when it is none.

    Raises:
        InputError: the file is not a film of at least two pictures.
    """
    # It warns of files that are no films, as we do ourselves.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        # A still picture opens like a film, too.
        pictures = [capture.read()[0] for _ in range(2)] if capture.isOpened() else [False]
        if not all(pictures):
            raise InputError(f"{key}: {str(path)!r} is not a film that can be read")
        return FilmInfo(
            int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            _fps(capture),
        )
    finally:
        capture.release()


class FilmReader:
    """Gives a film's pictures at their times; see ``picture.Grabber``.

    Args:
        path: the file.
        loop: begin again at the end, instead of raising ``SourceEnded``.
        clock_ns: monotonic clock.
        sleep: waits, seconds.

    Raises:
        SourceError: it cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        loop: bool,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = path
        self._loop = loop
        self._clock_ns = clock_ns
        self._sleep = sleep
        self._capture = self._open()
        # By the clock, so that a process that takes this one's place begins another take too.
        self._take = clock_ns()
        self._period_ns = round(1e9 / _fps(self._capture))
        self._due_ns: int | None = None
        self._since_start = 0

    def read(self) -> Grabbed:
        """Wait for the next picture's time.

        Raises:
            SourceEnded: the film is over and shall not be repeated.
            SourceError: it can no longer be read.
        """
        picture = self._next()
        now = self._clock_ns()
        # Late by more than a picture (the machine slept): go on from here, do not hurry after it.
        if self._due_ns is None or now - self._due_ns > self._period_ns:
            self._due_ns = now
        elif now < self._due_ns:
            self._sleep((self._due_ns - now) / 1e9)
        shown_ns = self._clock_ns()
        self._due_ns += self._period_ns
        return Grabbed(picture, shown_ns, self._take)

    def _next(self) -> Picture:
        found, picture = self._capture.read()
        if not found:
            if self._since_start == 0:
                raise SourceError("the film can no longer be read")
            if not self._loop:
                raise SourceEnded("the film is over")
            # Opened anew rather than wound back: not every container can be wound back.
            self._capture.release()
            self._capture = self._open()
            self._since_start = 0
            self._take += 1
            return self._next()
        self._since_start += 1
        return as_bgr(picture)

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise SourceError("the film cannot be opened")
        return capture

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


def _fps(capture: cv2.VideoCapture) -> float:
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if math.isfinite(fps) and 1 <= fps <= 240 else _USUAL_FPS
