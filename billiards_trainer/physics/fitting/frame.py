"""Puts tracks whose frame is only roughly known onto the table, by where balls turn back at rails.

Tracks from elsewhere may count from the cloth's edge instead of the noses, in units of their own.
A ball that turns back at a rail has its centre one radius from the nose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from billiards_trainer.physics.fitting.contacts import Turn
from billiards_trainer.physics.fitting.tracks import TrackedShot
from billiards_trainer.physics.state import Floats
from billiards_trainer.table import Table

_NEAR = 0.15
"""Turning places up to so far from where they should be are those of a rail, m."""
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """A change of frame: ``scale * place + shift``, each (2,), for x and y."""

    scale: Floats
    shift: Floats

    def applied_to(self, shots: list[TrackedShot]) -> list[TrackedShot]:
        """The same shots in the new frame."""
        return [
            replace(
                shot,
                tracks=tuple(
                    replace(track, places=track.places * self.scale + self.shift)
                    for track in shot.tracks
                ),
            )
            for shot in shots
        ]


def frame_by_rails(turns: list[Turn], table: Table) -> Frame | None:
    """The frame in which balls turn back at the noses; ``None`` without enough turns at a rail."""
    radius = table.balls.radius
    scale, shift = np.ones(2), np.zeros(2)
    for axis, size in enumerate((table.width, table.length)):
        low, high = [], []
        for turn in turns:
            came, went, at = turn.incoming[axis], turn.outgoing[axis], turn.place[axis]
            if came < 0.0 < went and abs(at - radius) < _NEAR:
                low.append(at)
            if went < 0.0 < came and abs(size - radius - at) < _NEAR:
                high.append(at)
        if min(len(low), len(high)) < _FEWEST:
            return None
        a, b = float(np.median(low)), float(np.median(high))
        scale[axis] = (size - 2 * radius) / (b - a)
        shift[axis] = radius - a * scale[axis]
    return Frame(scale, shift)
