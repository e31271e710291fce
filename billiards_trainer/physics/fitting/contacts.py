"""What lies between two legs of one ball: when, and how it moved just before and after."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from billiards_trainer.physics.fitting.cloth import ClothFit
from billiards_trainer.physics.fitting.legs import Leg
from billiards_trainer.physics.state import Floats

_MOST_APART_S = 0.2


@dataclass(frozen=True, slots=True)
class Turn:
    """A sudden change of one ball's motion.

    Attributes:
        track: whose.
        before, after: indices of the legs.
        time: s.
        place: (2,) m.
        incoming, outgoing: (4,) velocity, and slip over the cloth, at that time.
        in_covariance, out_covariance: (4, 4).
    """

    track: int
    before: int
    after: int
    time: float
    place: Floats
    incoming: Floats
    outgoing: Floats
    in_covariance: Floats
    out_covariance: Floats


def turns(legs: list[Leg], moving: list[int], fit: ClothFit) -> list[Turn]:
    """All changes between two sound legs of a ball that follow each other at once.

    Args:
        legs: all legs, track by track in order of time.
        moving: which of them were fitted, in the fit's order.
        fit: of those.
    """
    place = {leg: k for k, leg in enumerate(moving) if fit.sound[k]}
    found = []
    for i, j in pairwise(moving):
        if j != i + 1 or legs[i].track != legs[j].track or i not in place or j not in place:
            continue
        start, end = float(legs[i].times[-1]), float(legs[j].times[0])
        if legs[j].after and end - start <= _MOST_APART_S:
            found.append(_turn(legs[i].track, place[i], place[j], start, end, fit))
    return found


def _turn(track: int, i: int, j: int, start: float, end: float, fit: ClothFit) -> Turn:
    """At the instant at which the two motions are nearest to each other."""
    slack = 0.5 * (end - start)
    times = np.linspace(start - slack, end + slack, 41)
    before = np.array([fit.state(i, t) for t in times])
    after = np.array([fit.state(j, t) for t in times])
    k = int(np.argmin(np.hypot(*(before - after)[:, :2].T)))
    t = float(times[k])
    return Turn(
        track,
        i,
        j,
        t,
        0.5 * (before[k, :2] + after[k, :2]),
        before[k, 2:],
        after[k, 2:],
        fit.state_covariance(i, t)[2:, 2:],
        fit.state_covariance(j, t)[2:, 2:],
    )
