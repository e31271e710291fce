"""How one shot is played: where cue and body are at every moment from walking up to stepping back.

Times count from the beginning of the walk; the tip touches the ball at ``contact_s``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.physics.strike import Strike
from billiards_trainer.simulation.body import Stance
from billiards_trainer.simulation.observation import CuePose, Phase

Array = NDArray[np.float64]

_MOST_BLUR_PX = 12.0


@dataclass(frozen=True, slots=True)
class Tempo:
    """Durations of the parts of a shot, seconds, and lengths of its swings, metres."""

    approach_s: float = 1.1
    settle_s: float = 0.7
    practice: int = 2
    practice_s: float = 0.75
    practice_m: float = 0.085
    backswing_s: float = 0.55
    pause_s: float = 0.18
    linger_s: float = 0.45
    retreat_s: float = 0.8

    def hurried(self, factor: float) -> Tempo:
        """The same player, ``factor`` times as quick about everything but the stroke itself."""
        return Tempo(
            self.approach_s / factor,
            self.settle_s / factor,
            max(0, round(self.practice / factor)),
            self.practice_s,
            self.practice_m,
            self.backswing_s,
            self.pause_s / factor,
            self.linger_s / factor,
            self.retreat_s / factor,
        )


def smooth(t: float) -> float:
    """From 0 to 1 without jerk."""
    t = min(max(t, 0.0), 1.0)
    return t * t * t * (t * (6 * t - 15) + 10)


@dataclass(frozen=True, slots=True)
class Stroke:
    """One planned shot.

    Attributes:
        strike: what the cue does to the ball at contact.
        cue_ball: centre of the ball that is struck, (x, y, z).
        radius: of the balls.
        tempo: durations.
        bridge_m: distance of the bridge hand behind the cue ball.
        gap_m: distance of the tip from the ball while aiming.
        backswing_m: length of the last backswing.
        sway: how far the aim is off when the player bends down, rad; it dies away.
        hand_height: what the bridge hand rests on, metres above the cloth.
    """

    strike: Strike
    cue_ball: tuple[float, float, float]
    radius: float
    tempo: Tempo
    bridge_m: float = 0.22
    gap_m: float = 0.02
    backswing_m: float = 0.16
    sway: float = 0.03
    hand_height: float = 0.0

    @property
    def direction(self) -> Array:
        """Unit vector along the cue, from butt to tip."""
        return self._direction(self.strike.direction)

    def _direction(self, angle: float) -> Array:
        e = self.strike.elevation
        return np.array(
            [math.cos(e) * math.cos(angle), math.cos(e) * math.sin(angle), -math.sin(e)]
        )

    @property
    def contact(self) -> Array:
        """Where the tip touches the ball's surface."""
        s, h, e = self.strike.side, self.strike.height, self.strike.elevation
        a = self.strike.direction
        right = np.array([math.sin(a), -math.cos(a), 0.0])
        up = np.array([math.sin(e) * math.cos(a), math.sin(e) * math.sin(a), math.cos(e)])
        deep = math.sqrt(1 - s * s - h * h)
        point: Array = np.array(self.cue_ball) + self.radius * (
            s * right + h * up - deep * self.direction
        )
        return point

    @property
    def forward_s(self) -> float:
        """Duration of the forward swing: evenly accelerated to the strike's speed."""
        return 2 * (self.backswing_m + self.gap_m) / max(self.strike.speed, 0.05)

    @property
    def swing_starts_s(self) -> float:
        """When the last backswing begins."""
        t = self.tempo
        return t.approach_s + t.settle_s + t.practice * t.practice_s

    @property
    def contact_s(self) -> float:
        """When the tip touches the ball."""
        t = self.tempo
        return self.swing_starts_s + t.backswing_s + t.pause_s + self.forward_s

    @property
    def gone_s(self) -> float:
        """When the player has stepped back."""
        return self.contact_s + self.tempo.linger_s + self.tempo.retreat_s

    def phase(self, t: float) -> Phase:
        """What the player is doing."""
        if t < self.tempo.approach_s:
            return "approach"
        if t < self.swing_starts_s:
            return "aim"
        return "stroke" if t < self.contact_s else "rolling"

    def behind(self, t: float) -> float:
        """How far the tip is behind the point of contact, along the cue, metres."""
        tempo = self.tempo
        rest = self.gap_m
        u = t - tempo.approach_s - tempo.settle_s
        if u < 0:
            return rest
        if u < tempo.practice * tempo.practice_s:
            swing = 0.5 - 0.5 * math.cos(2 * math.pi * u / tempo.practice_s)
            return rest + tempo.practice_m * swing
        u = t - self.swing_starts_s
        if u < tempo.backswing_s:
            return rest + self.backswing_m * smooth(u / tempo.backswing_s)
        u -= tempo.backswing_s + tempo.pause_s
        if u < 0:
            return rest + self.backswing_m
        if u < self.forward_s:
            acceleration = self.strike.speed / self.forward_s
            return rest + self.backswing_m - 0.5 * acceleration * u * u
        # The ball takes away almost half of the cue's speed; the arm brings the rest to a stop.
        u -= self.forward_s
        speed = 0.5 * self.strike.speed
        reach = min(0.03 + 0.035 * self.strike.speed, 0.13)
        if self.strike.height < -0.1:
            reach = min(reach, 0.05)
        return -reach * (1 - math.exp(-speed * u / reach))

    def withdrawn(self, t: float) -> float:
        """How far the cue is back along itself from where it touches the ball, metres."""
        return self.behind(t) + self._posture(t)[0]

    def _posture(self, t: float) -> tuple[float, float, float]:
        """How far the body is back and up, metres, and how far the aim is off, rad."""
        tempo = self.tempo
        coming = 1 - smooth(t / tempo.approach_s)
        going = smooth((t - self.contact_s - tempo.linger_s) / tempo.retreat_s)
        away = max(coming, going)
        off = self.sway * (
            coming + 0.35 * (1 - smooth((t - 0.7 * tempo.approach_s) / (0.9 * tempo.settle_s)))
        )
        return 1.9 * away, 0.25 * away, off + 0.25 * going

    def is_present(self, t: float) -> bool:
        """Whether anything of the player can be over the table."""
        return 0.0 <= t < self.gone_s

    def cue(self, t: float) -> CuePose:
        """Where the cue is."""
        back, rise, off = self._posture(t)
        angle = self.strike.direction + off
        d = self._direction(angle)
        # While the aim is off, the cue turns about the bridge hand.
        pivot = self.contact - self.direction * self.bridge_m
        tip = pivot + d * (self.bridge_m - self.behind(t) - back)
        tip[2] += rise
        return CuePose((float(tip[0]), float(tip[1]), float(tip[2])), angle, self.strike.elevation)

    def hand(self, t: float) -> Array:
        """Where the bridge hand is, (3,) metres."""
        back, rise, off = self._posture(t)
        angle = self.strike.direction + off
        way = np.array([math.cos(angle), math.sin(angle)])
        pivot = self.contact - self.direction * self.bridge_m
        return np.array([*(pivot[:2] - way * back), self.hand_height + rise])

    def stance(self, t: float, pixels_per_metre: float, exposure_s: float) -> Stance:
        """Where the body is; motion during the exposure softens its edges."""
        back, rise, off = self._posture(t)
        pivot = self.contact - self.direction * self.bridge_m
        step, width = 0.005, exposure_s * pixels_per_metre
        body = abs(back - self._posture(t - step)[0]) / step
        cue = abs(self.withdrawn(t) - self.withdrawn(t - step)) / step
        return Stance(
            (float(pivot[0]), float(pivot[1])),
            self.strike.direction + off,
            back,
            rise,
            min(body * width, _MOST_BLUR_PX),
            self.hand_height,
            min(cue * width, _MOST_BLUR_PX),
        )
