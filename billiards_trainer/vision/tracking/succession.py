"""A ball that turns up where none was: is it one that is missing elsewhere?

A ball carried by hand, a table not seen for a while, a cut in a film: the ball comes back in
another place.  There is only one cue ball and one of each number; when a new track is surely such
a ball and the old one is not seen, the two are one and the old track goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

from billiards_trainer.vision.tracking.labels import LabelSet
from billiards_trainer.vision.tracking.track import Track

_SURE = 0.8
"""Least probability of the new track's label."""
_LONG = 15
"""Pictures of a new ball after which the old one does not lie under what covers its place."""
_FITS = 3.0
"""Where there are many alike, one that has gone is known again by a label that fits it this much
better than any."""


def predecessor(new: Track, tracks: Sequence[Track], labels: LabelSet) -> Track | None:
    """The missing ball that a new track is, if it is one.

    Args:
        new: seen a few times.
        tracks: all balls.
        labels: of the game.
    """
    chances = new.belief.looks
    best = int(chances.argmax())
    if chances[best] < _SURE:
        return None
    label = labels.labels[best]
    only_one = labels.capacity[best] == 1
    fitting = [
        track
        for track in tracks
        if track is not new
        and (track.belief.shown == label or track.belief.certain is not None)
        and (track.life == "gone" or (only_one and _is_missing(track, new)))
        and track.belief.ratio(chances) >= _FITS
    ]
    if only_one and any(
        t.life == "real" and t.belief.shown == label and t not in fitting for t in tracks
    ):
        return None
    # One on the table comes before one that has gone; then the one seen last.
    return max(fitting, key=lambda t: (t.life == "real", t.seen_ns), default=None)


def _is_missing(track: Track, new: Track) -> bool:
    """Whether a ball has not been seen for as long as the new one has.

    Its place should be bare.  Where something covers it, it may lie there still: then the new one
    must roll, as only a ball does, or be seen for long.
    """
    if track.life != "real" or not 0 < new.hits <= track.misses:
        return False
    rolls = new.moving and new.rolls_straight()
    return new.hits <= track.bare or rolls or new.hits >= _LONG


def succeed(old: Track, new: Track) -> None:
    """The old track goes on where the new one was seen."""
    old.rest, old.motion, old.time_ns = new.rest, new.motion, new.time_ns
    old.seen_ns, old.kicked_ns = new.seen_ns, new.kicked_ns
    old.measured, old.pixels, old.evidence = new.measured, new.pixels, new.evidence
    old.hits, old.misses, old.bare = new.hits, 0, 0
    old.recent, old.kicks = new.recent, new.kicks
    old.life, old.dropped, old.fallback = "real", False, None
    old.moving = new.moving
