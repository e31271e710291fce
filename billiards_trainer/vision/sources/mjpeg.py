"""MJPEG over HTTP (multipart/x-mixed-replace), read over a socket whose every wait is limited."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request

import cv2
import numpy as np

from billiards_trainer.frames import Picture
from billiards_trainer.source_address import credentials
from billiards_trainer.vision.sources.jpeg_stream import JpegSplitter
from billiards_trainer.vision.sources.picture import Grabbed, SourceError, as_bgr

_CHUNK = 64 * 1024
_OTHER_KINDS = ("image/jpeg", "video/x-motion-jpeg", "application/octet-stream")
_MOST_BROKEN = 30
"""Undecodable pictures in a row."""


class MjpegReader:
    """Pictures from an HTTP camera; see ``picture.Grabber``.

    Args:
        url: the address, with user and password where the camera asks for them.
        timeout_s: longest wait for the connection, for bytes, and for a picture to be complete.

    Raises:
        SourceError: it does not answer, or not with MJPEG.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._splitter = JpegSplitter()
        self._response = _connect(url, timeout_s)
        kind = self._response.headers.get_content_type()
        if not kind.startswith("multipart/") and kind not in _OTHER_KINDS:
            self.close()
            raise SourceError(f"it answers with {kind}, not with MJPEG")

    def read(self) -> Grabbed:
        """The newest complete picture.

        Raises:
            SourceError: the camera fell silent, hung up, or sends rubbish.
        """
        deadline = time.monotonic() + self._timeout_s
        broken = 0
        while broken < _MOST_BROKEN:
            pictures = self._receive()
            arrived_ns = time.monotonic_ns()
            # Of several that came at once only the newest matters.
            for data in reversed(pictures):
                picture = _decoded(data)
                if picture is not None:
                    return Grabbed(picture, arrived_ns)
                broken += 1
            if time.monotonic() > deadline:
                raise SourceError("no whole picture in time")
        raise SourceError("the pictures cannot be decoded")

    def _receive(self) -> list[bytes]:
        try:
            data = self._response.read1(_CHUNK)
        except TimeoutError:
            raise SourceError("no pictures in time") from None
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"the connection broke: {_reason(error)}") from None
        if not data:
            raise SourceError("the camera closed the connection")
        return list(self._splitter.feed(data))

    def close(self) -> None:
        """Hang up."""
        self._response.close()


def _connect(url: str, timeout_s: float) -> http.client.HTTPResponse:
    bare, login = credentials(url)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if login is not None:
        passwords.add_password(None, bare, *login)
    # Put together by hand: a camera may neither send us to a file or another protocol nor be asked
    # by way of a proxy, for it stands in the same network.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    try:
        response = opener.open(bare, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        raise SourceError(f"it answers {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceError(f"no connection: {_reason(error)}") from None
    if not isinstance(response, http.client.HTTPResponse):
        raise SourceError("it does not answer over HTTP")
    return response


def _reason(error: Exception) -> str:
    """Why, without the address, which may hold a password."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause).__name__


def _decoded(data: bytes) -> Picture | None:
    try:
        picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if picture is None else as_bgr(picture)
