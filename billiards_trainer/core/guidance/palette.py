"""Colours that people with any kind of colour vision tell apart [Okabe & Ito 2008], and that show
on the cloth at hand.

Projected light is seen by what the cloth throws back of it: a red line on green cloth is next to
nothing.  Each colour is therefore mixed with white until the cloth throws back enough of it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

AIM = "#ffffff"
OBJECT_BALL = "#f0e442"
CUE_BALL = "#56b4e9"
OTHER_BALL = "#cc79a7"
GOOD = "#2fd6a4"
WARNING = "#e8762c"
TEXT = "#ffffff"
QUIET = "#9aa4ad"

_LEAST_SHARE = 0.38
"""Of white light's brightness on this cloth."""
_LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of linear red, green and blue (ITU-R BT.709)."""
_WHITENED = 0.85
"""White is mixed in up to this share: beyond it colours could not be told apart any more."""

Linear = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Inks:
    """A colour for each thing that is drawn, ``#rrggbb``."""

    aim: str = AIM
    object_ball: str = OBJECT_BALL
    cue_ball: str = CUE_BALL
    other_ball: str = OTHER_BALL
    good: str = GOOD
    warning: str = WARNING
    text: str = TEXT
    quiet: str = QUIET


@functools.lru_cache(maxsize=16)
def inks_for(cloth: str | None) -> Inks:
    """The colours for a cloth of that colour as the camera sees it; the plain ones for ``None``."""
    if cloth is None:
        return Inks()
    reflects = _linear(cloth)
    return Inks(
        object_ball=showing(OBJECT_BALL, reflects),
        cue_ball=showing(CUE_BALL, reflects),
        other_ball=showing(OTHER_BALL, reflects),
        good=showing(GOOD, reflects),
        warning=showing(WARNING, reflects),
        quiet=showing(QUIET, reflects),
    )


def showing(colour: str, reflects: Linear) -> str:
    """A colour mixed with as little white as makes it show on a cloth."""
    for step in range(18):
        mixed = _whiter(colour, 0.05 * step)
        if brightness(mixed, reflects) >= _LEAST_SHARE or 0.05 * step >= _WHITENED:
            return mixed
    return mixed


def brightness(colour: str, reflects: Linear) -> float:
    """How bright light of a colour looks on a cloth, as a share of white light's brightness."""
    weights = [w * max(r, 0.01) for w, r in zip(_LUMINANCE, reflects, strict=True)]
    seen = sum(w * v for w, v in zip(weights, _linear(colour), strict=True))
    return seen / sum(weights)


def _whiter(colour: str, share: float) -> str:
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(v + share * (255 - v)):02x}" for v in parts)


def _linear(colour: str) -> Linear:
    """Linear RGB of a screen colour (IEC 61966-2-1)."""
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return r, g, b
