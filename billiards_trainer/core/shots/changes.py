"""What may happen to one ball: a sudden change of its motion, or its coming to rest."""

from __future__ import annotations

from dataclasses import dataclass

from billiards_trainer.core.shots.fit import Path


@dataclass(frozen=True, slots=True)
class Kink:
    """A sudden change in a ball's motion.

    Attributes:
        track: whose.
        t: when, seconds.
        t_std: its standard deviation.
        x: where the ball's centre was, metres.
        y: metres.
        before: motion before.
        after: motion after.
        from_rest: whether it lay still before.
        start: time of the last measurement before.
        end: time of the first measurement after.
    """

    track: int
    t: float
    t_std: float
    x: float
    y: float
    before: Path
    after: Path
    from_rest: bool
    start: float
    end: float

    @property
    def change(self) -> tuple[float, float]:
        """Change of velocity, m/s."""
        (bx, by), (ax, ay) = self.before.velocity(self.t), self.after.velocity(self.t)
        return ax - bx, ay - by


@dataclass(frozen=True, slots=True)
class Stop:
    """A ball has come to rest: when (seconds) and where (metres)."""

    track: int
    t: float
    x: float
    y: float
