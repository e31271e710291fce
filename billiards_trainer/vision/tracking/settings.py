"""The numbers of tracking, each with its meaning and unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """What tracking takes for granted about balls, cloth and the detector.

    Attributes:
        roll_deceleration: m/s² of a rolling ball (mu_roll times g).
        restless: standard deviation of other accelerations, m/s²: spin, nap, an uneven table.
        restless_after_kick: the same while a ball slides after a stroke or collision, m/s².
        slide_s: how long a ball may slide after a kick, seconds.
        top_speed: no ball is faster, m/s.
        rest_speed: slower than this a ball counts as lying still, m/s.
        move_speed: faster than this a ball that lay still counts as moving, m/s.
        rest_pictures: pictures over which a ball must have lain still.
        rest_memory: pictures over which the place of a ball at rest is averaged.
        stray: standard deviation of the odd bad detection of a ball at rest, metres.
        systematic: standard deviation of the calibration's error, per axis, metres.
        outline: what the detector's stated variance must be multiplied by to hold what light and
            shadow do to a ball's outline in all pictures alike.
        confirm: pictures in a row in which a new ball must be seen before it exists.
        new_per_area: detections that are no known ball, per m² of table and picture.
        seen: probability that a ball on the table is detected in a picture.
        pocket_pictures: pictures after which a ball unseen near a pocket has dropped.
        bare_pictures: pictures of bare cloth in a ball's place after which it has gone.
        coast_s: how long a moving ball is carried on unseen, seconds.
        hidden_s: how long a ball at rest is believed to lie under what covers it, seconds.
        return_s: how long a ball that has gone is remembered, seconds.
        limit: tracks kept at most.
    """

    roll_deceleration: float = 0.1
    restless: float = 0.6
    restless_after_kick: float = 4.0
    slide_s: float = 0.4
    top_speed: float = 13.0
    rest_speed: float = 0.008
    move_speed: float = 0.02
    rest_pictures: int = 5
    rest_memory: int = 150
    stray: float = 0.004
    systematic: float = 0.0003
    outline: float = 1.9
    confirm: int = 3
    new_per_area: float = 0.05
    seen: float = 0.95
    pocket_pictures: int = 4
    bare_pictures: int = 5
    coast_s: float = 1.0
    hidden_s: float = 120.0
    return_s: float = 120.0
    limit: int = 60
