"""Ball colours out of several pictures: one look is not trusted, what most of them say is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table
from billiards_trainer.vision.detection.cloth import ClothError
from billiards_trainer.vision.detection.colours import ColourProfile
from billiards_trainer.vision.detection.detector import Detection
from billiards_trainer.vision.detection.learning import Separability, learn_profile, separability

_CONFUSED, _DOUBTFUL = 2.0, 4.0
_ALL = 3
"""So many labels must have been measured, or there is little to learn from."""


@dataclass(frozen=True, slots=True)
class Look:
    """One picture with its balls; the labels are believed."""

    picture: NDArray[np.uint8]
    balls: Sequence[Detection]


@dataclass(frozen=True, slots=True)
class LearnedColours:
    """What was learned.

    Attributes:
        profile: the colours; what was not seen is as before.
        apart: how well they can be told apart.
        looks: pictures that taught something.
    """

    profile: ColourProfile
    apart: Separability
    looks: int

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        first, second = self.apart.pair
        pair = f"{first} and {second} are most alike, {self.apart.least:.1f} deviations apart"
        if self.apart.least < _CONFUSED:
            return f"{pair}: they will be confused; more or whiter light over the table helps"
        if self.apart.least < _DOUBTFUL:
            return f"{pair}: they may be confused now and then"
        return f"{pair}: all balls can be told apart"


def learn_colours(looks: Sequence[Look], table: Table, camera: CameraModel) -> LearnedColours:
    """Learn cloth and ball colours.

    Each picture gives its own; of these the median is taken, ball by ball.

    Args:
        looks: pictures of a rack, or from play.
        table: the table.
        camera: its calibration.

    Raises:
        InputError: too few balls are seen and named for sure.
    """
    profiles: list[ColourProfile] = []
    measured: dict[str, list[tuple[float, float, float]]] = {}
    for look in looks:
        try:
            profile, apart = learn_profile(look.picture, look.balls, table, camera)
        except (ClothError, ValueError):
            continue
        profiles.append(profile)
        for label in apart.seen:
            measured.setdefault(label, []).append(profile.colours[label])
    if len(measured) < min(_ALL, len(table.balls.labels) - 1):
        raise InputError(
            "colours: too few balls are seen and named for sure; spread the whole set over the "
            "table, without hands above it"
        )
    first = profiles[0]
    colours = {label: _median([p.colours[label] for p in profiles]) for label in first.colours}
    colours |= {label: _median(values) for label, values in measured.items()}
    spread = dict(first.spread)
    for profile in profiles:
        spread = {label: min(value, profile.spread[label]) for label, value in spread.items()}
    learned = replace(
        first,
        colours=colours,
        spread=spread,
        cloth=_median([p.cloth for p in profiles if p.cloth is not None]),
        white=_median([p.white for p in profiles if p.white is not None]),
    )
    seen = tuple(sorted(measured))
    return LearnedColours(learned, separability(learned, seen), len(profiles))


def _median(values: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in np.median(np.array(values), axis=0))
    return (a, b, c)
