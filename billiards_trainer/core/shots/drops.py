"""A ball that is no longer there: when and where it dropped, if it did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from billiards_trainer.core.shots.changes import Kink
from billiards_trainer.core.shots.contacts import crossing, pocket_near
from billiards_trainer.core.shots.watch import BallWatch
from billiards_trainer.table import Pocket, Point, Table

_SOON = 2
"""Pictures for which a ball that is not seen any more is carried on."""
_CLEAR = 1.5
"""A turn placed in time better than to so many pictures says when a ball dropped."""
_BACK_S = 0.2


@dataclass(frozen=True, slots=True)
class Turn:
    """A kink near a pocket, and whether rubber can have caused it."""

    kink: Kink
    rubber: bool


@dataclass(frozen=True, slots=True)
class Drop:
    """A ball has dropped: which pocket, when (seconds), and where its centre was."""

    pocket: Pocket
    t: float
    place: Point


def drop(
    watch: BallWatch, coasted: Point, turns: Sequence[Turn], table: Table, frame_s: float
) -> Drop | None:
    """What became of a moving ball that is seen no more.

    It drops where its centre passes the edge of the hole; a fast ball, or one that the edge turns,
    says itself when that was.

    Args:
        watch: the ball.
        coasted: where it would be now, metres.
        turns: what turned it near the pocket.
        table: for its pockets.
        frame_s: seconds between pictures.
    """
    path = watch.path()
    soon = watch.seen + _SOON * frame_s
    # Where it was last, carried on a little: a fast ball is not seen in the pocket's mouth.
    pocket = pocket_near(table, coasted)
    if pocket is None and path is not None:
        over = (p for p in table.pockets if crossing(path, p, watch.seen, soon) is not None)
        pocket = next(over, None)
    if pocket is None:
        return None
    edge = watch.passed(pocket.centre, pocket.radius)
    if edge is not None:
        return Drop(pocket, *edge)
    rubber_t = max((turn.kink.t for turn in turns if turn.rubber), default=-math.inf) + frame_s
    kinks = [t.kink for t in turns if not t.rubber and t.kink.t_std < _CLEAR * frame_s]
    clear = [kink for kink in kinks if kink.t > rubber_t]
    last = None if clear else watch.last_turn()
    if last is not None and last.t > rubber_t and pocket_near(table, (last.x, last.y)):
        clear = [last]
    if clear:
        return Drop(pocket, clear[0].t, (clear[0].x, clear[0].y))
    if path is None:
        return Drop(pocket, watch.seen, coasted)
    crossed = crossing(path, pocket, watch.seen - _BACK_S, soon)
    t = watch.seen if crossed is None else crossed
    return Drop(pocket, t, path.at(t))
