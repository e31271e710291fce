"""Sources that OpenCV reads: USB cameras and RTSP."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from billiards_trainer.vision.sources.picture import Grabbed, SourceError, as_bgr

_YOUNGEST_S, _OLDEST_S = 0.0, 0.5


class CaptureReader:
    """Pictures from an OpenCV capture; see ``picture.Grabber``.

    Args:
        capture: opened, or not, in which case this raises.
        timestamped: the driver's time stamps are the monotonic clock's (Video4Linux).

    Raises:
        SourceError: it could not be opened.
    """

    def __init__(self, capture: cv2.VideoCapture, *, timestamped: bool = False) -> None:
        if not capture.isOpened():
            capture.release()
            raise SourceError("it cannot be opened")
        self._capture = capture
        self._timestamped = timestamped

    def read(self) -> Grabbed:
        """The next picture.

        Raises:
            SourceError: there is none, or not in time.
        """
        found, picture = self._capture.read()
        arrived_ns = time.monotonic_ns()
        if not found:
            raise SourceError("no more pictures")
        if self._timestamped:
            arrived_ns = _stamped(float(self._capture.get(cv2.CAP_PROP_POS_MSEC)), arrived_ns)
        return Grabbed(as_bgr(picture), arrived_ns)

    def close(self) -> None:
        """Give the camera back."""
        self._capture.release()


def _stamped(stamp_ms: float, arrived_ns: int) -> int:
    """The driver's time where it can be one, else the time of arrival."""
    age_s = arrived_ns / 1e9 - stamp_ms / 1e3
    return round(stamp_ms * 1e6) if _YOUNGEST_S <= age_s <= _OLDEST_S else arrived_ns


def open_device(
    number: int, width: int, height: int, fps: float, timeout_s: float
) -> CaptureReader:
    """A USB camera, asked for a size and a rate; it may give others.

    Args:
        number: N of /dev/videoN.
        width: pixels.
        height: pixels.
        fps: pictures a second.
        timeout_s: longest wait for a picture.

    Raises:
        SourceError: there is none, or it is in use.
    """
    with _environment("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(max(1, round(timeout_s)))):
        capture = cv2.VideoCapture(
            number,
            cv2.CAP_V4L2,
            [
                # Uncompressed 1280x720 does not reach 30 pictures a second over USB 2.
                cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"),
                cv2.CAP_PROP_FRAME_WIDTH, width,
                cv2.CAP_PROP_FRAME_HEIGHT, height,
                cv2.CAP_PROP_FPS, round(fps),
            ],
        )  # fmt: skip
    return CaptureReader(capture, timestamped=True)


def open_rtsp(url: str, timeout_s: float) -> CaptureReader:
    """An RTSP camera.

    Args:
        url: with user and password where the camera asks for them.
        timeout_s: longest wait for the connection, and for a picture.

    Raises:
        SourceError: it does not answer, or not in time.
    """
    timeout_ms = round(timeout_s * 1000)
    # Over UDP lost packets would become torn pictures; without "nobuffer" the decoder holds
    # pictures back.
    with _environment("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|fflags;nobuffer"):
        capture = cv2.VideoCapture(
            url,
            cv2.CAP_FFMPEG,
            [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms,
            ],
        )  # fmt: skip
    return CaptureReader(capture)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """A variable that OpenCV reads while it opens something, and that must harm nothing else."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
