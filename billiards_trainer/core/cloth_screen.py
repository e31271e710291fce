"""What the cloth shows beside play: signs of an unused table, and a QR code that was asked for."""

from __future__ import annotations

from billiards_trainer import messages as m
from billiards_trainer.core.guidance.screens import Screen, screen_for

Code = tuple[tuple[bool, ...], ...]


class ClothScreen:
    """Give it every state; it knows when the table was used last.

    Attributes:
        screen: what an unused table shows.
        code: modules of the code to show now, row by row; empty when there is none.
    """

    def __init__(self) -> None:
        self.screen = Screen.PLAY
        self.code: Code = ()
        self._asked: Code = ()
        self._until_ns = 0
        self._used_ns: int | None = None

    def show_code(self, text: str, until_ns: int) -> None:
        """Show a QR code while nobody aims, until some exposure.

        Raises:
            ValueError: the text cannot be made into one.
        """
        self._asked, self._until_ns = qr_modules(text), until_ns

    def update(self, state: m.TableState, phase: m.Phase, idle_s: float, night_s: float) -> None:
        """Look at a state; somebody uses the table when a cue is seen or balls move."""
        now = state.exposure_ns
        wanted = now <= self._until_ns
        used = wanted or state.cue is not None or phase is m.Phase.SHOT or self._used_ns is None
        if used or any(b.moving for b in state.balls):
            self._used_ns = now
        self.screen = screen_for((now - (self._used_ns or now)) / 1e9, idle_s, night_s)
        busy = phase in (m.Phase.AIMING, m.Phase.SHOT)
        self.code = self._asked if wanted and not busy else ()


def qr_modules(text: str) -> Code:
    """A text as the dark modules of a QR code, row by row, without any border.

    Raises:
        ValueError: it cannot be encoded.
    """
    import cv2
    import numpy as np

    try:
        picture = np.asarray(cv2.QRCodeEncoder.create().encode(text))
    except cv2.error:
        raise ValueError("this text cannot be made into a QR code") from None
    rows, columns = np.nonzero(picture < 128)
    dark = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] < 128
    return tuple(tuple(bool(v) for v in row) for row in dark)
