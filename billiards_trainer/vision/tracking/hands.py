"""Ball in hand: a cue ball that has gone, or that moves as no ball moves."""

from __future__ import annotations

from collections.abc import Sequence

from billiards_trainer.vision.tracking.track import Track

_ERRATIC_S = 0.7
"""A ball that makes so many unexplained turns (``Track.kicks``) within this is carried."""
_PLACED_S = 0.5
"""How long it must lie still to have been set down."""


def mark_hands(tracks: Sequence[Track], time_ns: int) -> None:
    """Decide for the cue ball whether a hand has it."""
    for track in tracks:
        if track.life != "real" or track.belief.shown != "cue":
            continue
        full = len(track.kicks) == track.kicks.maxlen
        if full and time_ns - track.kicks[0] < _ERRATIC_S * 1e9:
            track.in_hand = True
        elif (
            track.in_hand
            and track.rolls_straight()
            and any(t.moving for t in tracks if t is not track)
        ):
            # It was struck where something hid it.
            track.in_hand = False
        elif track.rest is not None and track.rest.count * track.interval_s > _PLACED_S:
            track.in_hand = False
