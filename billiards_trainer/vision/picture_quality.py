"""Whether a picture can be trusted, and whether it is a new one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.messages import PictureQuality
from billiards_trainer.vision import flicker
from billiards_trainer.vision.flicker import FlickerWatch

Picture = NDArray[np.uint8]

_SIZE = (160, 90)
_BLACK = 10.0
_DIM = 40.0
"""The brightest tenth of a picture that is not too dark is brighter than this (of 255)."""
_FLAT = 3.0
_BURNT = 0.6
_GLARING = 0.5
"""Share of the picture in which at least one channel may be full: then colours are lost."""
_SAME = 2
"""Largest difference (of 255) between two thumbnails of one and the same exposure: what coding a
picture twice leaves.  Two exposures differ by more, through their noise alone."""
_FROZEN_S = 2.0
_EDGES = (320, 180)
_EVERY = 5
_SOFT = 0.17
"""Steepest slopes against contrast: below this no edge takes less than ten pixels or so."""
_COVERED, _ALL_DARK = 0.33, 0.9
_REMEMBER, _FORGET = 0.02, 0.0005
"""How fast the usual picture follows the present one, per picture: while all is well, and not."""


class QualityWatch:
    """Looks at one picture after the other; costs about half a millisecond."""

    def __init__(self) -> None:
        self._before: Picture | None = None
        self._same_since_ns: int | None = None
        self._flicker = FlickerWatch()
        self._cover = CoverWatch()
        self._count = 0
        self._soft = False

    def look(
        self, picture: Picture, exposure_ns: int, *, live: bool
    ) -> tuple[PictureQuality, bool]:
        """Judge a picture.

        Args:
            picture: BGR uint8 (H, W, 3).
            exposure_ns: its time.
            live: whether it comes from a camera, whose noise makes every picture different.

        Returns:
            The quality, and whether it shows the same exposure as the picture before.  A picture
            may have a problem and yet be usable.
        """
        height, width = picture.shape[:2]
        # Every second pixel: much faster by OpenCV than by numpy's strides.
        half = cv2.resize(
            picture, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_NEAREST
        )
        grey = cv2.cvtColor(half, cv2.COLOR_BGR2GRAY)
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
        fault = _fault(small, brightness, live and identical and still_s > _FROZEN_S)
        if fault is None and self._cover.see(small):
            fault = "part of the picture is covered: is something in front of the lens?"
        quality = PictureQuality(
            usable=fault is None,
            problem=fault
            or self._warning(np.asarray(half, np.uint8), np.asarray(grey, np.uint8), small, same),
            brightness=brightness / 255,
            sharpness=sharpness,
        )
        return quality, same

    def _warning(self, half: Picture, grey: Picture, small: Picture, same: bool) -> str | None:
        """What makes a picture worse, but not useless; from it at half its size."""
        if not same:
            self._flicker.see(small)
        if self._count % _EVERY == 0:
            self._soft = _is_soft(grey)
        self._count += 1
        if float((small < _DIM).mean()) > 0.9:
            return "the picture is very dark: more light, or a longer exposure"
        full = cv2.resize(half, _SIZE, interpolation=cv2.INTER_NEAREST) > 252
        if float((full[:, :, 0] | full[:, :, 1] | full[:, :, 2]).mean()) > _GLARING:
            return "parts of the picture are too bright: shorten the camera's exposure"
        if self._soft:
            return "the picture is blurred: focus the camera, clean the lens"
        return flicker.PROBLEM if self._flicker.flickers else None


class CoverWatch:
    """Notices something dark and large before the lens, where there was more light before."""

    def __init__(self) -> None:
        self._usual: NDArray[np.float32] | None = None

    def see(self, small: Picture) -> bool:
        """Whether part of the view is covered."""
        now = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)
        if self._usual is None:
            self._usual = now
            return False
        hidden = (now < 0.5 * self._usual - 6.0).astype(np.uint8)
        # Players are smaller than this.
        large = cv2.morphologyEx(hidden, cv2.MORPH_OPEN, np.ones((15, 15), np.uint8)) > 0
        share = float(large.mean())
        if share > _ALL_DARK:  # somebody has turned down the light
            self._usual = now
            return False
        covered = share > _COVERED
        self._usual += (_FORGET if covered else _REMEMBER) * (now - self._usual)
        return covered


def _is_soft(grey: Picture) -> bool:
    """Whether even the strongest edges take many pixels: out of focus, or a fogged lens."""
    view = cv2.resize(grey, _EDGES, interpolation=cv2.INTER_AREA).astype(np.float32)
    slope = np.hypot(cv2.Sobel(view, cv2.CV_32F, 1, 0), cv2.Sobel(view, cv2.CV_32F, 0, 1)) / 8
    low, high = np.quantile(view[::2, ::2], (0.02, 0.98))
    return float(np.quantile(slope[::2, ::2], 0.995)) < _SOFT * float(high - low)


def _fault(small: Picture, brightness: float, frozen: bool) -> str | None:
    if brightness < _BLACK:
        return "the picture is black: is the lens covered, or the lamp off?"
    if float(small.std()) < _FLAT:
        return "the picture shows nothing: is the lens covered?"
    if float((small > 250).mean()) > _BURNT:
        return "the picture is far too bright: shorten the camera's exposure"
    if frozen:
        return "the picture is frozen: the camera keeps sending the same one"
    return None
