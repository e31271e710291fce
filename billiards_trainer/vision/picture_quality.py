"""Whether a picture can be trusted, and whether it is a new one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.messages import PictureQuality

Picture = NDArray[np.uint8]

_SIZE = (160, 90)
_BLACK = 10.0
_FLAT = 3.0
_BURNT = 0.6
_SAME = 2
"""Largest difference (of 255) between two thumbnails of one and the same exposure: what coding a
picture twice leaves.  Two exposures differ by more, through their noise alone."""
_FROZEN_S = 2.0


class QualityWatch:
    """Looks at one picture after the other; costs about a third of a millisecond."""

    def __init__(self) -> None:
        self._before: Picture | None = None
        self._same_since_ns: int | None = None

    def look(
        self, picture: Picture, exposure_ns: int, *, live: bool
    ) -> tuple[PictureQuality, bool]:
        """Judge a picture.

        Args:
            picture: BGR uint8 (H, W, 3).
            exposure_ns: its time.
            live: whether it comes from a camera, whose noise makes every picture different.

        Returns:
            The quality, and whether it shows the same exposure as the picture before.
        """
        grey = cv2.cvtColor(np.ascontiguousarray(picture[::2, ::2]), cv2.COLOR_BGR2GRAY)
        small = np.asarray(cv2.resize(grey, _SIZE, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        same, identical = False, False
        if self._before is not None:
            difference = int(cv2.absdiff(small, self._before).max())
            same, identical = difference <= _SAME, difference == 0
        self._before = small
        if not identical or self._same_since_ns is None:
            self._same_since_ns = exposure_ns
        brightness = float(small.mean())
        middle = grey[grey.shape[0] // 4 : -(grey.shape[0] // 4) or None : 2, ::2]
        sharpness = float(cv2.Laplacian(np.ascontiguousarray(middle), cv2.CV_16S).std())
        still_s = (exposure_ns - self._same_since_ns) / 1e9
        problem = _problem(small, brightness, live and identical and still_s > _FROZEN_S)
        quality = PictureQuality(
            usable=problem is None,
            problem=problem,
            brightness=brightness / 255,
            sharpness=sharpness,
        )
        return quality, same


def _problem(small: Picture, brightness: float, frozen: bool) -> str | None:
    if brightness < _BLACK:
        return "the picture is black: is the lens covered, or the lamp off?"
    if float(small.std()) < _FLAT:
        return "the picture shows nothing: is the lens covered?"
    if float((small > 250).mean()) > _BURNT:
        return "the picture is far too bright: shorten the camera's exposure"
    if frozen:
        return "the picture is frozen: the camera keeps sending the same one"
    return None
