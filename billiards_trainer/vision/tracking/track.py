"""One ball through time."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from billiards_trainer.messages import Evidence
from billiards_trainer.vision.tracking.labels import LabelBelief
from billiards_trainer.vision.tracking.measurement import Measurement
from billiards_trainer.vision.tracking.motion import Motion
from billiards_trainer.vision.tracking.rest import Rest
from billiards_trainer.vision.tracking.settings import TrackerSettings

Life = Literal["new", "real", "gone"]
"""``new``: seen too few times to be believed; ``gone``: potted, taken away or lost for good."""


_CLEARLY_MOVING = 0.2
"""A ball seen only a few times moves when it is faster than this, m/s."""


_OUTLINE_RATE = 0.1
_STEADY = 0.0025
_STRAIGHT = 0.08
"""A rolling ball's streak is found to this share of the way between two pictures."""
_ENOUGH = 4
"""Measurements in a straight line that no wandering makes by chance."""


@dataclass(slots=True)
class Track:
    """What is known of one ball.  It lies still (``rest``) or moves (``motion``), never both.

    Attributes:
        number: identity; never given twice.
        belief: which ball it is.
        time_ns: exposure time of the state.
        seen_ns: exposure time of the last picture in which it was measured.
        life: see ``Life``.
        score: mean log-odds of its detections being a ball, while it is new.
        hits: pictures in which it was measured.
        misses: pictures in a row in which it was not.
        bare: pictures in a row in which its place was seen to be bare cloth.
        kicked_ns: when it was last set in motion, or deflected.
        moving: whether it is said to move.
        in_hand: whether a hand has it (cue ball).
        dropped: whether it went in a pocket.
        offset: from where it is seen to where a person says that it lies, metres.
        fallback: where it lay before a kick that may have been a mistake.
        measured: the last measurement, metres, if it was made in the last picture.
        pixels: (x, y, radius) in that picture.
        outline: variances (xx, yy) that the detector states of its outline, m², smoothed.
        evidence: what had to be assumed in the last picture.
        recent: the last measurements (ns, x, y).
        kicks: times of unexplained kicks.
    """

    number: int
    belief: LabelBelief
    time_ns: int
    seen_ns: int
    rest: Rest | None = None
    motion: Motion | None = None
    life: Life = "new"
    score: float = 0.0
    hits: int = 0
    misses: int = 0
    bare: int = 0
    kicked_ns: int = 0
    moving: bool = False
    in_hand: bool = False
    dropped: bool = False
    offset: tuple[float, float] | None = None
    fallback: Rest | None = None
    measured: tuple[float, float] | None = None
    pixels: tuple[float, float, float] | None = None
    outline: tuple[float, float] = (0.0, 0.0)
    evidence: tuple[Evidence, ...] = ()
    recent: deque[tuple[int, float, float]] = field(default_factory=lambda: deque(maxlen=5))
    kicks: deque[int] = field(default_factory=lambda: deque(maxlen=5))

    @property
    def x(self) -> float:
        """Metres."""
        return self.rest.x if self.rest else self._moving.x

    @property
    def y(self) -> float:
        """Metres."""
        return self.rest.y if self.rest else self._moving.y

    @property
    def velocity(self) -> tuple[float, float]:
        """m/s."""
        return (0.0, 0.0) if self.rest else (self._moving.vx, self._moving.vy)

    @property
    def speed(self) -> float:
        """m/s."""
        return 0.0 if self.rest else self._moving.speed

    @property
    def interval_s(self) -> float:
        """Seconds between its measurements."""
        if len(self.recent) < 2:
            return 1 / 30
        return (self.recent[-1][0] - self.recent[0][0]) / 1e9 / (len(self.recent) - 1)

    @property
    def _moving(self) -> Motion:
        assert self.motion is not None
        return self.motion

    def start(self, motion: Motion, time_ns: int) -> None:
        """It moves from now on."""
        self.offset = None
        self.motion, self.rest, self.time_ns = motion, None, time_ns

    def settle(self, rest: Rest, time_ns: int) -> None:
        """It lies still from now on."""
        self.rest, self.motion, self.time_ns = rest, None, time_ns
        self.moving = False

    def note(self, detection: Measurement, time_ns: int) -> None:
        """It was measured."""
        self.recent.append((time_ns, detection.x_m, detection.y_m))
        xx, _, yy = detection.covariance
        self.outline = (
            self.outline[0] + _OUTLINE_RATE * (xx - self.outline[0]) if self.hits else xx,
            self.outline[1] + _OUTLINE_RATE * (yy - self.outline[1]) if self.hits else yy,
        )
        self.measured = (detection.x_m, detection.y_m)
        self.pixels = (detection.x_px, detection.y_px, detection.radius_px)
        self.seen_ns = time_ns
        self.hits += 1
        self.misses = self.bare = 0

    def judge_moving(self, settings: TrackerSettings) -> None:
        """Decide whether it is said to move; slowing down it is said so a little longer."""
        if self.rest is not None:
            self.moving = False
        elif not self.moving:
            known = self.hits > settings.rest_pictures
            self.moving = self.speed > (settings.move_speed if known else _CLEARLY_MOVING)
        elif self.speed < 0.75 * settings.move_speed:
            self.moving = False

    def drift(self) -> tuple[float, float, float, float] | None:
        """Mean place and velocity of the recent measurements by least squares.

        Returns:
            (x, y, vx, vy), or ``None`` with fewer than two.
        """
        n = len(self.recent)
        if n < 2:
            return None
        origin = self.recent[0][0]
        times = [(t - origin) / 1e9 for t, _, _ in self.recent]
        mean_t = sum(times) / n
        mean_x = sum(p[1] for p in self.recent) / n
        mean_y = sum(p[2] for p in self.recent) / n
        spread = sum((t - mean_t) ** 2 for t in times)
        if spread <= 0.0:
            return None
        vx = sum((t - mean_t) * p[1] for t, p in zip(times, self.recent, strict=True)) / spread
        vy = sum((t - mean_t) * p[2] for t, p in zip(times, self.recent, strict=True)) / spread
        return mean_x, mean_y, vx, vy

    def spread(self, x: float, y: float) -> float:
        """Greatest distance of the recent measurements from a place, metres."""
        return max((math.hypot(px - x, py - y) for _, px, py in self.recent), default=0.0)

    def rolls_straight(self) -> bool:
        """Whether its measurements lie on a straight way at an even speed."""
        drift = self.drift()
        if drift is None or len(self.recent) < _ENOUGH:
            return False
        x, y, vx, vy = drift
        middle = sum(t for t, _, _ in self.recent) / len(self.recent)
        slack = _STEADY + _STRAIGHT * math.hypot(vx, vy) * self.interval_s
        return all(
            math.hypot(px - x - vx * (t - middle) / 1e9, py - y - vy * (t - middle) / 1e9) < slack
            for t, px, py in self.recent
        )
