"""When a new detection is believed to be a ball.

Balls that flash up where none are are what players complain of most.  A detector says of each how
sure it is; a ball on the cloth is seen surely, again and again, and lies still or rolls straight.
"""

from __future__ import annotations

import math

from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.track import Track

_SURE = 2.4
"""Mean log-odds of a new ball's detections from which few pictures are enough."""
_SUREST = 5.0
"""Where nothing is known yet, what is seen as surely as this is believed at first sight."""
_DOUBTFUL = 0.5
"""Below this it is never believed; in between it takes many pictures of a ball that lies still."""
_MANY = 15
"""Times as many pictures for a doubtful ball."""
_NEWCOMER = 5
"""Times as many pictures once the balls on the table are known: new ones are put there by hand."""
_KNOWN_AFTER = 60
"""Pictures after which they are."""
_SURPLUS = 4
"""Times as many pictures where all balls of that label are on the table already."""
_STEADY = 0.0025
"""A hand's highlights wander further than this between pictures, metres."""


def odds(confidence: float) -> float:
    """Log-odds, within what a few pictures can tell."""
    p = min(0.998, max(0.05, confidence))
    return math.log(p / (1 - p))


def doubt(confidence: float) -> float:
    """Cost of believing a leap to a detection that may not be a ball."""
    return max(0.0, 0.75 * (4.0 - odds(confidence)))


def pictures_needed(
    track: Track, settings: TrackerSettings, pictures: int, *, surplus: bool, awaited: bool
) -> float:
    """In how many pictures a new ball must have been seen to be believed; infinite for never.

    Args:
        track: the new ball.
        settings: see there.
        pictures: how many there have been since tracking began.
        surplus: whether all balls with its label are on the table already.
        awaited: whether just this ball is missing from the table.
    """
    if track.score < _DOUBTFUL:
        return math.inf
    if pictures == 1 and track.score > _SUREST:
        return 1
    steady = track.spread(*(track.recent[-1][1:])) < _STEADY or track.rolls_straight()
    needed = settings.confirm * (1 if steady else 2)
    if track.score < _SURE:
        if not steady:
            return math.inf
        needed = settings.confirm * _MANY
    if pictures > _KNOWN_AFTER and not awaited:
        needed = max(needed, settings.confirm * _NEWCOMER * (1 if steady else 2))
    return needed * (_SURPLUS if surplus else 1)
