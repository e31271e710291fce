"""What a fit starts from: where balls were seen, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from billiards_trainer.physics.state import Floats

_COARSE = 0.01
"""Times that are all multiples of this many seconds have been rounded."""


@dataclass(frozen=True, slots=True)
class Track:
    """One ball's way through one shot, with gaps and outliers.

    Attributes:
        ball: what it is called.
        times: (T,) s, rising.
        places: (T, 2) m in the table frame.
    """

    ball: str
    times: Floats
    places: Floats

    @classmethod
    def from_samples(cls, ball: str, times: npt.ArrayLike, places: npt.ArrayLike) -> Track:
        """In order of time, without what is not finite or comes twice; rounded times spread."""
        t = np.asarray(times, dtype=np.float64)
        p = np.asarray(places, dtype=np.float64).reshape(-1, 2)
        sound = np.isfinite(t) & np.isfinite(p).all(axis=1)
        t, first = np.unique(t[sound], return_index=True)
        return cls(ball, _evened(t), p[sound][first])

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class TrackedShot:
    """The balls that were seen to move in one shot (others may be among them)."""

    name: str
    tracks: tuple[Track, ...]


def _evened(times: Floats) -> Floats:
    """Times that were rounded to hundredths of a second, put back to the camera's even rate.

    At 2 m/s half a hundredth is a centimetre.
    """
    if len(times) < 8 or not np.allclose(times / _COARSE, np.rint(times / _COARSE), atol=1e-4):
        return times
    step = float(np.median(np.diff(times)))
    for _ in range(3):
        # From one sample to the next: over a whole track half a hundredth adds up.
        passed = np.rint(np.diff(times) / step)
        if (passed < 1).any():
            return times
        number = np.concatenate([[0.0], np.cumsum(passed)])
        step, start = np.polyfit(number, times, 1)
    evened = start + step * number
    return evened if np.abs(evened - times).max() <= 0.75 * _COARSE else times
