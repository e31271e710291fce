"""A ball that lies still: its place is the mean of many pictures, until a test says it has moved.

The mean of n measurements jitters by sigma/n from picture to picture, and a single bad detection
(a shadow, a finger) must not pull it: each is taken in with Huber's weight.  Whether the ball moved
is asked of the last few measurements together: their mean against the place so far, at 5.5 standard
deviations of that difference (one false alarm in more than an hour of 15 balls at 30 pictures a
second), and all of them must have moved the same way.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

WINDOW = 3
"""Measurements that are asked together."""
_LEVEL = 5.5
_LEAST = 0.0006
"""Smaller moves are changes of light, not of the ball; metres."""
_HUBER = 2.5


@dataclass(slots=True)
class Rest:
    """Where a ball lies.

    Attributes:
        x: mean, metres.
        y: mean, metres.
        count: effective number of measurements in the mean.
        variance: of one measurement, per axis, m².
        recent: the last ``WINDOW`` measurements.
    """

    x: float
    y: float
    count: float = 1.0
    variance: float = 1e-6
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=WINDOW))

    @property
    def mean_variance(self) -> float:
        """Variance of the mean, per axis, m²."""
        return self.variance / self.count

    def measure(self, x: float, y: float, variance: float, memory: int) -> None:
        """Take in a measurement; ``memory`` is the number of pictures averaged over."""
        self.recent.append((x, y))
        self.variance += (variance - self.variance) / min(self.count + 1, memory)
        away = math.hypot(x - self.x, y - self.y)
        limit = _HUBER * math.sqrt(2 * (variance + self.mean_variance))
        weight = 1.0 if away <= limit else limit / away
        self.count = min(self.count + 1.0, float(memory))
        gain = weight / self.count
        self.x += gain * (x - self.x)
        self.y += gain * (y - self.y)

    def has_moved(self) -> bool:
        """Whether the last measurements together say that the ball lies elsewhere."""
        if len(self.recent) < WINDOW:
            return False
        mx = sum(p[0] for p in self.recent) / WINDOW - self.x
        my = sum(p[1] for p in self.recent) / WINDOW - self.y
        away = math.hypot(mx, my)
        limit = max(_LEAST, _LEVEL * math.sqrt(self.variance / WINDOW + self.mean_variance))
        if away <= limit:
            return False
        # Each of them must lie at least half as far off, to the same side.
        return all(
            (x - self.x) * mx + (y - self.y) * my > 0.5 * away * away for x, y in self.recent
        )
