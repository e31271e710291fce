"""What a person says about a ball outweighs all pictures, until the rack ends."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from billiards_trainer.table import Point, Table
from billiards_trainer.vision.tracking.labels import LabelSet
from billiards_trainer.vision.tracking.track import Track

_FARTHEST = 0.1
"""A ball is not seen farther from its place than this, metres: it would be another ball."""
_BARRED_MOST = 40


class CorrectionError(Exception):
    """A correction that cannot be; one sentence."""


class Corrections:
    """Puts tracks right, and remembers where no ball is to be seen again."""

    def __init__(self, table: Table, labels: LabelSet) -> None:
        self._table = table
        self._labels = labels
        self._barred: deque[Point] = deque(maxlen=_BARRED_MOST)

    def name(self, track: Track, label: str, tracks: Sequence[Track]) -> None:
        """The ball is this one for certain; one that was said to be it before no longer is.

        Raises:
            CorrectionError: there is no such label in the game.
        """
        if label not in self._labels.index:
            known = ", ".join(self._labels.labels)
            raise CorrectionError(f"{label!r} is no ball of this game: {known}")
        column = self._labels.index[label]
        others = [
            t for t in tracks if t is not track and t.life == "real" and t.belief.certain == column
        ]
        if len(others) >= self._labels.capacity[column]:
            others[0].belief.certain = None
        track.belief.certain = column

    def place(self, track: Track, x: float, y: float) -> None:
        """The ball lies there (metres); it is reported there until it moves.

        Raises:
            CorrectionError: it moves, or that is not on the table or far from where it is seen.
        """
        if track.rest is None:
            raise CorrectionError("the ball moves; correct its place once it lies still")
        if not self._table.contains(x, y):
            raise CorrectionError("that place is not on the table")
        if math.dist((x, y), (track.rest.x, track.rest.y)) > _FARTHEST:
            raise CorrectionError("that is too far from the ball; is it another one?")
        track.offset = (x - track.rest.x, y - track.rest.y)

    def bar(self, track: Track) -> None:
        """There is no ball: what looks like one there never becomes one again."""
        self._barred.append((track.x, track.y))

    def is_barred(self, x: float, y: float) -> bool:
        """Whether what is seen at a place (metres) is known to be no ball."""
        radius = self._table.balls.radius
        return any(math.dist((x, y), spot) < radius for spot in self._barred)

    def forget(self, tracks: Sequence[Track]) -> None:
        """A new rack: what was said of the last one no longer holds."""
        self._barred.clear()
        for track in tracks:
            track.belief.certain = None
            track.offset = None
