"""The numbers of telling kinks from noise, each with its meaning and unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What is taken for granted in telling kinks from noise.

    Attributes:
        measurement_std: of one measured place of a slow ball until it has been learned, metres.
        blur_share: share of the way between pictures that blur adds to that, until learned.
        deceleration: of a rolling ball, m/s².
        rolling_spread: standard deviation of other accelerations of a rolling ball, m/s².
        sliding_spread: the same while a ball may slide, m/s².
        slide_s: how long after a kink it may slide, seconds.
        notice: squared deviations (2 degrees of freedom) at which a measurement is suspicious.
        convince: gain in squared deviations at which a kink is certain.
        expected: share of these two that is enough where a contact is to be expected.
        after: measurements awaited after a suspicious one.
        window: measurements of free motion that are fitted, at most.
        rest_speed: slower than this a ball is at rest to the eye, m/s.
        rest_pictures: measurements over which speed is taken, and for how many it must be low.
        start_way: a ball at rest has moved when it is this far away, metres.
    """

    measurement_std: float = 0.0004
    blur_share: float = 0.05
    deceleration: float = 0.1
    rolling_spread: float = 0.15
    sliding_spread: float = 2.5
    slide_s: float = 0.35
    notice: float = 16.0
    convince: float = 30.0
    expected: float = 0.6
    after: int = 3
    window: int = 7
    rest_speed: float = 0.02
    rest_pictures: int = 5
    start_way: float = 0.003
