"""What the readers of all kinds of sources have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from billiards_trainer.frames import Picture


class SourceError(Exception):
    """The source cannot be opened or read any more; one sentence, without credentials."""


class SourceEnded(SourceError):
    """The source is over, as it should be."""


@dataclass(frozen=True, slots=True)
class Grabbed:
    """A picture, (H, W, 3) BGR uint8, and when it arrived (monotonic)."""

    picture: Picture
    arrived_ns: int
    take: int = 0
    """Another number when this picture does not continue the one before: a film begun again."""


class Grabber(Protocol):
    """An open source."""

    def read(self) -> Grabbed:
        """The next picture; blocks.

        Raises:
            SourceEnded: there will be no more.
            SourceError: it broke.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


def as_bgr(picture: Any) -> Picture:
    """Any decoder's picture as (H, W, 3) BGR uint8.

    Raises:
        SourceError: it is none.
    """
    array = np.asarray(picture)
    if array.ndim == 2:
        array = np.asarray(cv2.cvtColor(array, cv2.COLOR_GRAY2BGR))
    if array.ndim != 3 or array.shape[2] not in (3, 4) or array.dtype != np.uint8 or not array.size:
        raise SourceError(f"the source gives pictures of a strange kind: {array.shape}")
    return np.ascontiguousarray(array[..., :3])


def fitted(picture: Picture, capacity: int) -> Picture:
    """The picture, made smaller in both directions alike where it needs more bytes than that."""
    height, width = picture.shape[:2]
    if width * height * 3 <= capacity:
        return picture
    share = (capacity / (width * height * 3)) ** 0.5
    size = max(1, int(width * share)), max(1, int(height * share))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
