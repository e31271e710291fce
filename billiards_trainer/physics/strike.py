"""What the cue does to a ball."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


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
        for field in fields(self)[1:]:
            if not math.isfinite(getattr(self, field.name)):
                raise StrikeError(f"strike.{field.name} is not a finite number")
        if self.ball < 0:
            raise StrikeError("strike.ball is negative")
        if not 0.0 <= self.speed <= 30.0:
            raise StrikeError(f"strike.speed is {self.speed:g} m/s; it lies between 0 and 30")
        if not 0.0 <= self.elevation <= math.pi / 2:
            raise StrikeError(
                f"strike.elevation is {self.elevation:g} rad; it lies between 0 and π/2"
            )
        if math.hypot(self.side, self.height) >= 1.0:
            raise StrikeError("strike.side and strike.height put the tip beside the ball")
        if self.cue_mass <= 0.0 or self.end_mass <= 0.0:
            raise StrikeError("strike.cue_mass and strike.end_mass must be positive")
