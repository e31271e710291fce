"""Ball colours: what they are by nature, and what a table's lamp, camera and balls make of them.

Colours are kept in CIE Lab relative to the light's white, so that a profile holds under another
lamp.  A profile learned on a table replaces the defaults by what was measured there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from billiards_trainer.table import BallSet, Game
from billiards_trainer.vision.detection.arrays import Array

BGR = tuple[float, float, float]
Lab = tuple[float, float, float]

STRIPE_OF = {str(n): str(n - 8) for n in range(9, 16)}
"""The solid that shares a stripe's colour."""

# Colours in daylight, sRGB 0-255, of the usual phenolic sets.
_POOL = {
    "cue": (245, 240, 222),
    "1": (240, 185, 20),
    "2": (20, 60, 165),
    "3": (205, 25, 35),
    "4": (80, 40, 125),
    "5": (240, 105, 30),
    "6": (10, 105, 65),
    "7": (120, 22, 35),
    "8": (24, 24, 26),
}
_SNOOKER = {
    "cue": (245, 240, 222),
    "red": (200, 12, 30),
    "yellow": (245, 195, 25),
    "green": (5, 110, 85),
    "brown": (150, 50, 30),
    "blue": (15, 95, 190),
    "pink": (245, 130, 150),
    "black": (24, 22, 26),
}
_CAROM = {"cue": (245, 240, 222), "yellow": (245, 190, 20), "red": (195, 20, 30)}
_DEFAULTS: dict[Game, dict[str, tuple[int, int, int]]] = {
    "pool": _POOL,
    "snooker": _SNOOKER,
    "carom": _CAROM,
}


@dataclass(frozen=True, slots=True)
class ColourProfile:
    """Colours of one set of balls.

    Attributes:
        game: which set.
        colours: body colour of each label that has its own, in Lab relative to white; a stripe
            shares its solid's.
        spread: how far a measured colour may lie from it, in Lab units, for each label.
        cloth: the cloth's colour as the camera gives it (BGR), when learned.
        white: the light's white as the camera gives it (linear BGR, 1 is full scale), when learned.
        learned: whether the profile was measured on a table.
    """

    game: Game
    colours: dict[str, Lab]
    spread: dict[str, float] = field(default_factory=dict)
    cloth: BGR | None = None
    white: BGR | None = None
    learned: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a file; ``from_dict`` reads it back."""
        return {
            "game": self.game,
            "colours": {k: list(v) for k, v in self.colours.items()},
            "spread": dict(self.spread),
            "cloth": None if self.cloth is None else list(self.cloth),
            "white": None if self.white is None else list(self.white),
            "learned": self.learned,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ColourProfile:
        """The profile that ``to_dict`` wrote.

        Raises:
            ValueError: a key is missing or not what it should be.
        """
        try:
            game = data["game"]
            if game not in _DEFAULTS:
                raise ValueError(f"a colour profile's game is one of {', '.join(_DEFAULTS)}")
            return cls(
                game=game,
                colours={str(k): _triple(v) for k, v in data["colours"].items()},
                spread={str(k): float(v) for k, v in data["spread"].items()},
                cloth=None if data["cloth"] is None else _triple(data["cloth"]),
                white=None if data["white"] is None else _triple(data["white"]),
                learned=bool(data["learned"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a colour profile: {error}") from None


class Coloured(Protocol):
    """A detected ball, as far as its colour is concerned."""

    @property
    def x_px(self) -> float: ...
    @property
    def y_px(self) -> float: ...
    @property
    def radius_px(self) -> float: ...
    @property
    def label(self) -> str: ...


def default_profile(balls: BallSet) -> ColourProfile:
    """What balls of that set usually look like."""
    colours = {
        label: to_lab(linear(np.array(rgb[::-1], dtype=np.float64)))
        for label, rgb in _DEFAULTS[balls.name].items()
    }
    return ColourProfile(balls.name, {k: _triple(v) for k, v in colours.items()})


def linear(bgr: Array) -> Array:
    """sRGB-coded values 0…255 as linear light 0…1 (a power of 2.2)."""
    return np.asarray((np.maximum(bgr, 0.0) / 255.0) ** 2.2)


def to_lab(bgr: Array) -> Array:
    """Linear BGR relative to white, shape (…, 3), as CIE Lab (L 0…100)."""
    to_xyz = np.array(
        [
            [0.1805 / 0.9505, 0.3576 / 0.9505, 0.4124 / 0.9505],
            [0.0722, 0.7152, 0.2126],
            [0.9505 / 1.0890, 0.1192 / 1.0890, 0.0193 / 1.0890],
        ]
    )
    xyz = np.maximum(bgr @ to_xyz.T, 0.0)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [
            116 * f[..., 1] - 16,
            500 * (f[..., 0] - f[..., 1]),
            200 * (f[..., 1] - f[..., 2]),
        ],
        axis=-1,
    )


def _triple(values: Any) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    return (a, b, c)
