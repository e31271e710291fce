"""Pictures of play from which a table's colours can be learned at any time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.vision.calibration.ball_colours import Look
from billiards_trainer.vision.detection.detector import Detection

KEPT = 5
EVERY_S = 1.0
_NEAR_PX = 3.0


class ColourLessons:
    """Keeps the last few pictures in which nothing moved, a second apart.

    A ball's label is its track's: what many pictures said of it, or a person.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = 0.0
        self._looks: deque[Look] = deque(maxlen=KEPT)

    @property
    def looks(self) -> Sequence[Look]:
        """Oldest first."""
        return tuple(self._looks)

    def clear(self) -> None:
        """What comes is seen by another camera."""
        self._looks.clear()

    def see(
        self,
        picture: NDArray[np.uint8],
        detections: Sequence[Detection],
        balls: Sequence[m.BallState],
    ) -> None:
        """Take in a usable picture, with the balls as detected and as tracked."""
        now = self._clock()
        if now < self._next or not balls or any(b.moving for b in balls):
            return
        self._next = now + EVERY_S
        named = [_named(found, balls) for found in detections]
        self._looks.append(Look(picture, [found for found in named if found is not None]))


def _named(found: Detection, balls: Sequence[m.BallState]) -> Detection | None:
    """The detection with its track's label; ``None`` where it has no track."""
    for ball in balls:
        if ball.x_px is None or ball.y_px is None or not ball.visible:
            continue
        if np.hypot(ball.x_px - found.x_px, ball.y_px - found.y_px) < _NEAR_PX:
            sure = {ball.label: ball.label_confidence}
            return replace(found, label=ball.label, label_probabilities=sure)
    return None
