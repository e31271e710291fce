"""The last frames: their times, numbers and balls."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from billiards_trainer import messages as m

_KEPT = 60
_RECENT = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its number, its time in seconds and as exposed, and its balls."""

    number: int
    t: float
    exposure_ns: int
    balls: tuple[m.BallState, ...]


class History:
    """The last two seconds or so."""

    def __init__(self) -> None:
        self.frames: deque[Frame] = deque(maxlen=_KEPT)

    @property
    def interval_s(self) -> float:
        """Seconds between pictures."""
        if len(self.frames) < 2:
            return 1 / 30
        recent = list(self.frames)[-_RECENT:]
        return (recent[-1].t - recent[0].t) / (len(recent) - 1)

    def nearest(self, t: float) -> Frame:
        """The frame nearest to a time; there must be one."""
        return min(self.frames, key=lambda f: abs(f.t - t))

    def last_until(self, t: float) -> Frame:
        """The last frame not after a time, else the first kept."""
        return next((f for f in reversed(self.frames) if f.t <= t), self.frames[0])

    def number_at(self, t: float) -> int:
        """Frame nearest to a time, also when that lies beyond the frames kept."""
        nearest = self.nearest(t)
        return max(0, nearest.number + round((t - nearest.t) / self.interval_s))

    def label(self, track: int) -> str:
        """What a ball was called last."""
        for frame in reversed(self.frames):
            for ball in frame.balls:
                if ball.track == track:
                    return ball.label
        return "unknown"
