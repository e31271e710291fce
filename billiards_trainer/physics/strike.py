"""What the cue does to a ball."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

FASTEST_CUE = 30.0
"""No cue is faster, m/s."""


class StrikeError(ValueError):
    """A strike no cue can make; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One stroke of the cue.

    Attributes:
        ball: index of the ball that is struck.
        speed: of the cue at impact, m/s.
        direction: of the cue seen from above, rad, ``atan2(dy, dx)`` in the table frame.
        elevation: of the butt above the cloth, rad, 0…π/2.
        side: tip offset in ball radii, positive for right english.
        height: tip offset in ball radii at right angles to the cue, positive for follow.
        cue_mass: kg.
        end_mass: effective mass of the tip's end, kg; it decides the squirt (Alciatore TP A-31).
    """

    ball: int
    speed: float
    direction: float
    elevation: float = 0.0
    side: float = 0.0
    height: float = 0.0
    cue_mass: float = 0.54
    end_mass: float = 0.00567

    def __post_init__(self) -> None:
        for fine, message in _conditions(self):
            if not fine:
                raise StrikeError(message)


def _conditions(s: Any) -> Iterator[tuple[Any, str]]:
    """What must hold, and what to say if not; of one strike, or of arrays of each field."""
    for field in fields(Strike)[1:]:
        yield abs(getattr(s, field.name)) < math.inf, f"strike.{field.name} is not a finite number"
    yield s.ball >= 0, "strike.ball is negative"
    yield (
        (s.speed >= 0.0) & (s.speed <= FASTEST_CUE),
        f"strike.speed must lie between 0 and {FASTEST_CUE:g} m/s",
    )
    yield (
        (s.elevation >= 0.0) & (s.elevation <= math.pi / 2),
        "strike.elevation must lie between 0 and π/2 rad",
    )
    yield (
        s.side * s.side + s.height * s.height < 1.0,
        "strike.side and strike.height put the tip beside the ball",
    )
    yield (
        (s.cue_mass > 0.0) & (s.cue_mass <= 10.0) & (s.end_mass > 0.0) & (s.end_mass <= 10.0),
        "strike.cue_mass and strike.end_mass must be positive and at most 10 kg",
    )


def check_struck(ball: int, live: npt.NDArray[np.bool_]) -> None:
    """Check that the struck ball is there; ``live`` (N,) says which are on the table.

    Raises:
        StrikeError: it does not exist or lies in a pocket.
    """
    if not 0 <= ball < len(live):
        raise StrikeError(f"strike.ball is {ball}, but there are {len(live)} balls")
    if not live[ball]:
        raise StrikeError(f"strike.ball is {ball}, which lies in a pocket")


def check_rows(rows: npt.NDArray[np.float64], live: npt.NDArray[np.bool_]) -> None:
    """Check strikes (M, 8), columns as the fields of ``Strike``, for balls ``live`` (M or 1, N).

    A ball of -1 is no strike.

    Raises:
        StrikeError: of the first that no cue can make; the sentence says which.
    """
    made = np.flatnonzero(rows[:, 0] != -1.0)
    strikes = _Rows(rows[made])
    bad = np.zeros(len(made), dtype=bool)
    message = np.full(len(made), "", dtype=object)
    with np.errstate(invalid="ignore", over="ignore"):
        for fine, words in _conditions(strikes):
            message[~bad & ~fine] = words
            bad |= ~fine
        whole = strikes.ball == np.floor(strikes.ball)
    message[~bad & ~whole] = "strike.ball is not a whole number"
    bad |= ~whole
    if bad.any():
        k = int(np.argmax(bad))
        raise StrikeError(message[k] + (f" in strike {made[k]}" if len(rows) > 1 else ""))
    ball, made = strikes.ball.astype(np.int64), made if len(live) > 1 else np.zeros_like(made)
    if len(rows) == 1 and len(made):
        made = np.arange(len(live))
        ball = np.broadcast_to(ball, len(live))
    there = ball < live.shape[1]
    there[there] = live[made[there], ball[there]]
    if not there.all():
        k = int(np.argmin(there))
        check_struck(int(ball[k]), live[made[k]])


class _Rows:
    """The columns of an array of strikes, by name."""

    def __init__(self, rows: npt.NDArray[np.float64]) -> None:
        for field, column in zip(fields(Strike), rows.T, strict=True):
            setattr(self, field.name, column)

    ball: npt.NDArray[np.float64]
