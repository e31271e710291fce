"""A ball that is not detected: carried on, hidden, dropped or gone.

Only near a pocket does a ball that is no longer seen count as dropped.  Elsewhere it is occluded
until bare cloth in its place, picture after picture, proves otherwise.
"""

from __future__ import annotations

from billiards_trainer.messages import Evidence
from billiards_trainer.table import Table
from billiards_trainer.vision.tracking import hypotheses as h
from billiards_trainer.vision.tracking.measurement import Look, Sight
from billiards_trainer.vision.tracking.pockets import in_mouth, near_pocket
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.track import Track


def lose(
    track: Track, time_ns: int, look: Look | None, table: Table, settings: TrackerSettings
) -> None:
    """Take in that a ball was not detected.

    Args:
        track: the ball.
        time_ns: exposure time.
        look: tells what is seen in its place.
        table: cushions and pockets.
        settings: see there.
    """
    track.measured = track.pixels = None
    track.misses += 1
    if track.life == "gone":
        return
    if track.rest is not None:
        track.time_ns = time_ns
    else:
        track.start(h.carried(track, time_ns, table, settings), time_ns)
    if track.life == "new":
        return
    sight = look(track.x, track.y) if look else Sight.UNKNOWN
    track.bare = track.bare + 1 if sight is Sight.BARE else 0
    may_drop = near_pocket(track.x, track.y, track.speed, table)
    evidence: list[Evidence] = ["gone" if sight is Sight.BARE else "occluded"]
    if may_drop:
        evidence.append("pocket")
    track.evidence = tuple(evidence)
    unseen_s = (time_ns - track.seen_ns) / 1e9
    # A hole is dark: in the mouth it does not count as covered.
    covered = sight is Sight.COVERED and not in_mouth(track.x, track.y, table)
    if track.rest is not None:
        if track.bare >= settings.bare_pictures or unseen_s > settings.hidden_s:
            depart(track)
    elif track.fallback is not None and sight is not Sight.BARE and track.misses > 2:
        # The kick led nowhere: the ball may lie where it lay, under an arm.
        track.settle(track.fallback, time_ns)
        track.fallback = None
    elif may_drop and not covered and track.misses >= settings.pocket_pictures:
        depart(track, dropped=True)
    elif track.bare >= settings.bare_pictures or unseen_s > settings.coast_s:
        depart(track)
    track.judge_moving(settings)


def depart(track: Track, *, dropped: bool = False) -> None:
    """The ball is no longer on the table; a cue ball is in somebody's hand."""
    track.life = "gone"
    track.dropped = dropped
    track.moving = False
    track.fallback = None
    track.in_hand = track.belief.shown == "cue"
