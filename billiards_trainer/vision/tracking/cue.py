"""The cue through time: how fast its tip moves, and which ball it is aimed at from close by."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from billiards_trainer.messages import BallState, CueState
from billiards_trainer.table import Table

_NEAR = 0.35
"""A tip this near behind a ball, metres, may address it."""
_BESIDE = 1.6
"""The cue's line passes the ball's centre within so many radii."""
_WINDOW_S = 0.12
_STALE_S = 0.4
_OFFSET_LIMIT = 0.7


class CueSeen(Protocol):
    """A cue in one picture; ``vision.cue.finder`` makes them."""

    @property
    def tip_px(self) -> tuple[float, float]: ...
    @property
    def direction_px(self) -> tuple[float, float]: ...
    @property
    def tip_m(self) -> tuple[float, float, float]: ...
    @property
    def angle_rad(self) -> float: ...
    @property
    def angle_std_rad(self) -> float: ...
    @property
    def elevation_rad(self) -> float: ...
    @property
    def elevation_std_rad(self) -> float: ...
    @property
    def confidence(self) -> float: ...


class CueTracker:
    """Follows the cue; ``update`` with what each picture shows of it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._tips: deque[tuple[int, float, float]] = deque(maxlen=16)

    def update(
        self, seen: CueSeen | None, balls: Sequence[BallState], exposure_ns: int
    ) -> CueState | None:
        """The cue at this picture, or ``None`` when none is seen."""
        if self._tips and exposure_ns - self._tips[-1][0] > _STALE_S * 1e9:
            self._tips.clear()
        if seen is None:
            return None
        x, y, _ = seen.tip_m
        self._tips.append((exposure_ns, x, y))
        ball = addressed(x, y, seen.angle_rad, balls, self._table.balls.radius)
        side = None
        if ball is not None:
            side = _offset(x, y, seen.angle_rad, ball) / self._table.balls.radius
            if abs(side) > _OFFSET_LIMIT:
                side = None
        return CueState(
            tip_m=seen.tip_m,
            angle_rad=seen.angle_rad,
            elevation_rad=seen.elevation_rad,
            angle_std_rad=seen.angle_std_rad,
            elevation_std_rad=seen.elevation_std_rad,
            tip_speed=self._speed(seen.angle_rad),
            addresses=None if ball is None else ball.track,
            side=side,
            confidence=min(1.0, max(0.0, seen.confidence)),
            tip_px=seen.tip_px,
            direction_px=seen.direction_px,
        )

    def _speed(self, angle: float) -> float:
        """Of the tip along the cue, m/s, by least squares over the last tenth of a second."""
        newest = self._tips[-1][0]
        recent = [p for p in self._tips if newest - p[0] <= _WINDOW_S * 1e9]
        if len(recent) < 2:
            return 0.0
        along = [x * math.cos(angle) + y * math.sin(angle) for _, x, y in recent]
        times = [(t - newest) / 1e9 for t, _, _ in recent]
        mean_t, mean_a = sum(times) / len(times), sum(along) / len(along)
        spread = sum((t - mean_t) ** 2 for t in times)
        if spread <= 0.0:
            return 0.0
        pairs = zip(times, along, strict=True)
        return sum((t - mean_t) * (a - mean_a) for t, a in pairs) / spread


def addressed(
    x: float, y: float, angle: float, balls: Sequence[BallState], radius: float
) -> BallState | None:
    """The ball at which a cue with its tip there is aimed from close by; cue balls first."""
    best: tuple[float, BallState] | None = None
    for ball in balls:
        if ball.in_hand:
            continue
        dx, dy = ball.x_m - x, ball.y_m - y
        ahead = dx * math.cos(angle) + dy * math.sin(angle)
        beside = abs(dy * math.cos(angle) - dx * math.sin(angle))
        if not -radius < ahead < _NEAR + radius or beside > _BESIDE * radius:
            continue
        score = ahead + 2 * beside + (0.0 if ball.label == "cue" else 0.15)
        if best is None or score < best[0]:
            best = (score, ball)
    return best[1] if best else None


def _offset(x: float, y: float, angle: float, ball: BallState) -> float:
    """How far right of the ball's centre the cue's line passes, metres."""
    dx, dy = ball.x_m - x, ball.y_m - y
    # The centre lies left of the line when the line passes on its right.
    return dy * math.cos(angle) - dx * math.sin(angle)
