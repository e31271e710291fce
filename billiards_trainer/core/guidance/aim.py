"""The live aim: which ball, which way, how hard; steady enough to be drawn.

The cue's angle is smoothed by the 1€ filter [Casiez, Roussel & Vogel 2012]: slow turns are smoothed
strongly, quick ones hardly, so that a still cue gives a still line and a swung one does not lag.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from billiards_trainer import messages as m


@dataclass(frozen=True, slots=True)
class AimSettings:
    """Attributes:

    min_cutoff: Hz, smoothing of a still cue.
    beta: how much quicker the filter gets with the cue's turning, Hz per rad/s.
    appear: pictures in a row in which a cue must address a ball before anything is drawn.
    hold_s: how long an aim is kept when the cue is no longer seen, seconds.
    deadband: turns smaller than this leave the drawn line where it is, rad.
    speed: cue speed assumed until a practice stroke was seen, m/s.
    slowest: least cue speed that is assumed, m/s.
    fastest: greatest.
    stroke_s: how long a practice stroke is remembered, seconds.
    side_from: tip offsets smaller than this (ball radii) are not told from none.
    """

    min_cutoff: float = 1.2
    beta: float = 12.0
    appear: int = 3
    hold_s: float = 0.4
    deadband: float = math.radians(0.04)
    speed: float = 2.0
    slowest: float = 0.5
    fastest: float = 6.0
    stroke_s: float = 6.0
    side_from: float = 0.25


@dataclass(frozen=True, slots=True)
class Aim:
    """How a ball is about to be struck.

    Attributes:
        track: of the ball.
        angle: of the cue, rad.
        angle_std: its uncertainty, rad.
        elevation: of the butt, rad.
        side: tip offset in ball radii.
        height: likewise.
        speed: of the cue, m/s.
        speed_seen: whether that comes from a practice stroke.
        height_seen: whether the tip's height was seen, or asked for.
    """

    track: int
    angle: float
    angle_std: float
    elevation: float
    side: float
    height: float
    speed: float
    speed_seen: bool
    height_seen: bool = True


class AimFilter:
    """Makes one steady aim of what vision says of the cue; see ``update``."""

    def __init__(self, settings: AimSettings | None = None) -> None:
        self.settings = settings or AimSettings()
        self._clear()

    def _clear(self) -> None:
        self._track: int | None = None
        self._streak = 0
        self._seen_ns = 0
        self._angle: float | None = None
        self._rate = 0.0
        self._drawn: Aim | None = None
        self._strokes: deque[tuple[int, float]] = deque(maxlen=400)
        self._speed: float | None = None

    def update(self, state: m.TableState) -> Aim | None:
        """The aim at this state, or ``None`` when nobody aims."""
        now = state.exposure_ns
        if any(b.moving and b.visible for b in state.balls):
            self._clear()
            return None
        cue = state.cue
        present = {b.track for b in state.balls if not b.in_hand}
        if cue is None or cue.addresses is None or cue.addresses not in present:
            return self._held(now, present)
        if cue.addresses != self._track:
            strokes = self._strokes
            self._clear()
            self._strokes, self._track = strokes, cue.addresses
        self._smooth(cue.angle_rad, now)
        self._seen_ns = now
        self._streak += 1
        self._remember_stroke(cue.tip_speed, now)
        if self._streak < self.settings.appear:
            return None
        assert self._angle is not None
        angle = self._angle
        before = self._drawn
        if before is not None and abs(_turn(angle, before.angle)) < self.settings.deadband:
            angle = before.angle
        side = cue.side or 0.0
        speed = self._assumed_speed()
        self._drawn = Aim(
            track=cue.addresses,
            angle=angle,
            angle_std=cue.angle_std_rad,
            elevation=min(0.35, max(0.0, cue.elevation_rad)),
            side=side if self.settings.side_from <= abs(side) <= 0.6 else 0.0,
            height=min(0.6, max(-0.6, cue.height or 0.0)),
            speed=speed,
            speed_seen=self._speed is not None,
            height_seen=cue.height is not None,
        )
        return self._drawn

    def _held(self, now: int, present: set[int]) -> Aim | None:
        """The last aim for a moment: the cue was not seen in this picture."""
        if now - self._seen_ns <= self.settings.hold_s * 1e9 and self._track in present:
            return self._drawn
        self._clear()
        return None

    def _smooth(self, angle: float, now: int) -> None:
        if self._angle is None:
            self._angle, self._rate = angle, 0.0
            return
        dt = max(1e-3, (now - self._seen_ns) / 1e9)
        turn = _turn(angle, self._angle)
        self._rate += _weight(1.0, dt) * (turn / dt - self._rate)
        cutoff = self.settings.min_cutoff + self.settings.beta * abs(self._rate)
        self._angle = math.remainder(self._angle + _weight(cutoff, dt) * turn, 2 * math.pi)

    def _remember_stroke(self, tip_speed: float, now: int) -> None:
        self._strokes.append((now, tip_speed))
        while self._strokes and now - self._strokes[0][0] > self.settings.stroke_s * 1e9:
            self._strokes.popleft()

    def _assumed_speed(self) -> float:
        """Fastest forward practice stroke of late; changes only when it clearly does."""
        s = self.settings
        forward = sorted(speed for _, speed in self._strokes)
        # One outlier in hundreds of pictures is a slip of the tip's measurement.
        peak = forward[-2] if len(forward) > 1 else 0.0
        if peak >= s.slowest:
            seen = min(s.fastest, peak)
            if self._speed is None or abs(seen - self._speed) > 0.2 * self._speed:
                self._speed = seen
        return self._speed if self._speed is not None else s.speed


def _turn(to: float, start: float) -> float:
    return math.remainder(to - start, 2 * math.pi)


def _weight(cutoff: float, dt: float) -> float:
    """Weight of a new value in a first-order low-pass filter."""
    return 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * dt))
