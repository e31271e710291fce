"""How much detections really scatter, against what the detector states."""

from __future__ import annotations

from billiards_trainer.vision.tracking.rest import Rest

_MOST = 25.0
_LEAST = 0.04
_RATE = 0.002
_KNOWN = 10
"""Measurements after which a ball's place at rest is known well enough to compare with."""


class NoiseScale:
    """Learned from balls at rest: ``scale`` times the stated variance is the true one."""

    def __init__(self) -> None:
        self.scale = 1.0

    def learn(self, rest: Rest, x: float, y: float, stated: float) -> None:
        """Compare one measurement (metres) of a ball at rest with its stated variance (m²)."""
        if rest.count < _KNOWN:
            return
        squared = ((x - rest.x) ** 2 + (y - rest.y) ** 2) / 2
        ratio = min(_MOST, squared / (stated * (1 + 1 / rest.count)))
        self.scale += _RATE * (min(ratio, 4 * self.scale) - self.scale)
        self.scale = min(_MOST, max(_LEAST, self.scale))
