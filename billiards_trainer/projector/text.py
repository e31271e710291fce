"""Text as coverage masks, warped into the projector's picture."""

from __future__ import annotations

import functools
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.projector.projection import Projection
from billiards_trainer.projector.rects import Rect

if TYPE_CHECKING:
    import pygame.font

Mask = NDArray[np.uint8]


_REMEMBERED = 64
_OVERSAMPLING = 2.0
_LARGEST_PX = 320


@dataclass(frozen=True, slots=True)
class PlacedMask:
    """Coverage (0…1, shape (H, W, 1)) of the pixels in ``rect``, and the box's corners on the
    cloth, (4, 2) in metres.
    """

    rect: Rect
    coverage: NDArray[np.float32]
    corners: NDArray[np.float64]


class TextPainter:
    """Makes masks of text elements and remembers the latest: most text stands still."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._placed: OrderedDict[tuple[object, ...], PlacedMask | None] = OrderedDict()

    def place(self, text: m.Text) -> PlacedMask | None:
        """The text's mask, or ``None`` where nothing of it falls into the picture."""
        key = (text.text, text.position, text.height, text.angle)
        if key in self._placed:
            self._placed.move_to_end(key)
            return self._placed[key]
        placed = self._warp(text)
        self._placed[key] = placed
        if len(self._placed) > _REMEMBERED:
            self._placed.popitem(last=False)
        return placed

    def _warp(self, text: m.Text) -> PlacedMask | None:
        projection = self._projection
        scale = float(projection.pixels_per_metre([text.position])[0])
        if not math.isfinite(scale) or not text.text.strip():
            return None
        size = _steps(text.height * scale * _OVERSAMPLING)
        glyphs = _glyphs(text.text, size)
        corners = _corners(text, glyphs.shape[1] / size, glyphs.shape[0] / size)
        pixels = projection.to_pixels(corners)
        if not np.isfinite(pixels).all():
            return None
        left, top = np.floor(pixels.min(axis=0)).astype(int) - 1
        right, bottom = np.ceil(pixels.max(axis=0)).astype(int) + 2
        left, right = max(0, left), min(projection.width, right)
        top, bottom = max(0, top), min(projection.height, bottom)
        if right <= left or bottom <= top:
            return None
        rows, columns = glyphs.shape
        source = np.array(
            [[-0.5, -0.5], [columns - 0.5, -0.5], [columns - 0.5, rows - 0.5], [-0.5, rows - 0.5]],
            dtype=np.float32,
        )
        target = (pixels - [left, top]).astype(np.float32)
        h = cv2.getPerspectiveTransform(source, target)
        mask = cv2.warpPerspective(
            glyphs, h, (int(right - left), int(bottom - top)), flags=cv2.INTER_LINEAR
        )
        rect = (int(left), int(top), int(right), int(bottom))
        coverage = (mask / 255).astype(np.float32).reshape(bottom - top, right - left, 1)
        return PlacedMask(rect, coverage, corners)


def _corners(text: m.Text, width_em: float, height_em: float) -> NDArray[np.float64]:
    """The text box on the cloth: top left, top right, bottom right, bottom left."""
    along = np.array([math.cos(text.angle), math.sin(text.angle)]) * (width_em * text.height / 2)
    up = np.array([-math.sin(text.angle), math.cos(text.angle)]) * (height_em * text.height / 2)
    middle = np.array(text.position)
    return np.array([middle - along + up, middle + along + up, middle + along - up,
                     middle - along - up])  # fmt: skip


def _steps(pixels: float) -> int:
    """A font size near ``pixels``, in steps of about 6 %, so that few sizes are ever made."""
    wanted = min(max(pixels, 8.0), float(_LARGEST_PX))
    return round(1.0625 ** round(math.log(wanted, 1.0625)))


@functools.lru_cache(maxsize=32)
def _font(size: int) -> pygame.font.Font:
    import pygame.font

    if not pygame.font.get_init():
        pygame.font.init()
    return pygame.font.Font(None, size)


@functools.lru_cache(maxsize=128)
def _glyphs(text: str, size: int) -> Mask:
    """Coverage of a line of text, (rows, columns) uint8, with a free pixel all around."""
    import pygame.surfarray

    printable = "".join(c if c.isprintable() else " " for c in text)
    surface = _font(size).render(printable, True, (255, 255, 255))
    mask = pygame.surfarray.array_alpha(surface).T
    return np.pad(mask, 1).astype(np.uint8)
