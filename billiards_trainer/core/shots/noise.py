"""How much measured places scatter, learned while balls lie and roll."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Noise:
    """How much measured places jitter.

    Attributes:
        std: standard deviation per axis of balls at rest, metres.
        blur: what motion blur adds, as a share of the way between two pictures.
    """

    std: float
    blur: float

    def learn_blur(self, away: float, variance: float, way: float) -> None:
        """Take in how far a moving ball was from where it should be, beyond known variance."""
        if way < 0.005:
            return
        # A true kink may be among them: no more than a quarter of the way counts.
        share2 = min(0.0625, max(0.0, away * away / 2 - variance) / (way * way))
        self.blur = math.sqrt(self.blur**2 + 0.03 * (share2 - self.blur**2))
        self.blur = min(0.2, max(0.015, self.blur))

    def learn(self, away: float) -> None:
        """Take in the distance of one measurement of a ball at rest from its mean place."""
        if away < 5 * self.std:
            self.std = math.sqrt(self.std**2 + 0.01 * (away * away / 2 - self.std**2))
            self.std = min(0.002, max(0.00015, self.std))
