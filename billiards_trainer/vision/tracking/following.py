"""What a measurement tells of a ball: it lies still, rolls on, has been struck, comes to rest."""

from __future__ import annotations

import math

from billiards_trainer.messages import Evidence
from billiards_trainer.table import Table
from billiards_trainer.vision.tracking import hypotheses as h
from billiards_trainer.vision.tracking.labels import Array
from billiards_trainer.vision.tracking.measurement import Measurement
from billiards_trainer.vision.tracking.motion import Motion
from billiards_trainer.vision.tracking.noise import NoiseScale
from billiards_trainer.vision.tracking.pockets import near_pocket
from billiards_trainer.vision.tracking.rest import WINDOW, Rest
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.track import Track

_CONVINCED = 3
"""Pictures of motion after a kick that show that it was one."""


class Follower:
    """Takes measurements into tracks, and learns from balls at rest how much they scatter."""

    def __init__(self, table: Table, settings: TrackerSettings) -> None:
        self._table = table
        self._settings = settings
        self.noise = NoiseScale()

    def follow(
        self,
        track: Track,
        detection: Measurement,
        vector: Array,
        way: h.Hypothesis,
        time_ns: int,
    ) -> None:
        """Take in a measurement.

        Args:
            track: the ball.
            detection: where it was seen.
            vector: its label probabilities there.
            way: how it came there.
            time_ns: exposure time.
        """
        x, y = detection.x_m, detection.y_m
        dt = max(1e-4, (time_ns - track.time_ns) / 1e9)
        blur = h.blur_variance(track.speed, dt)
        xx, _, yy = detection.covariance
        noise_x, noise_y = xx * self.noise.scale + blur, yy * self.noise.scale + blur
        evidence: list[Evidence] = []
        if way.kind == "kick":
            self._kick(track, x, y, max(noise_x, noise_y), dt, time_ns)
            evidence.append("kick")
        elif way.kind == "return" and track.fallback is not None:
            track.settle(track.fallback, time_ns)
            track.fallback = None
            track.kicks.clear()
            self._stay(track, x, y, (xx + yy) / 2, time_ns)
        elif way.motion is None:
            self._stay(track, x, y, (xx + yy) / 2, time_ns)
        else:
            motion = way.motion.copy()
            motion.measure(x, y, noise_x, noise_y)
            track.start(motion, time_ns)
            if way.kind == "cushion" or way.kind == "contact":
                evidence.append(way.kind)
                track.kicked_ns = time_ns
            if len(track.recent) >= _CONVINCED:
                track.fallback = None
        track.note(detection, time_ns)
        if near_pocket(track.x, track.y, track.speed, self._table):
            evidence.append("pocket")
        track.evidence = tuple(evidence)
        moving = track.rest is None and track.speed > self._settings.move_speed
        track.belief.learn(vector, moving=moving)
        if track.motion is not None:
            self._maybe_settle(track, time_ns)
        track.judge_moving(self._settings)

    def _stay(self, track: Track, x: float, y: float, stated: float, time_ns: int) -> None:
        rest = track.rest
        assert rest is not None
        self.noise.learn(rest, x, y, stated)
        variance = stated * self.noise.scale
        rest.measure(x, y, variance, self._settings.rest_memory)
        track.time_ns = time_ns
        if not rest.has_moved():
            return
        recent = [*list(track.recent)[-(WINDOW - 1) :], (time_ns, x, y)]
        mx = sum(p[1] for p in recent) / len(recent)
        my = sum(p[2] for p in recent) / len(recent)
        (t0, x0, y0), (t1, x1, y1) = recent[0], recent[-1]
        span = max(1e-3, (t1 - t0) / 1e9)
        vx, vy = (x1 - x0) / span, (y1 - y0) / span
        if math.hypot(vx, vy) < self._settings.rest_speed:
            # It was seen somewhere else all the time: a change of light, or a nudge.
            track.settle(Rest(mx, my, float(len(recent)), variance), time_ns)
            return
        std = math.sqrt(variance)
        track.start(Motion.started(x, y, vx, vy, std, 2 * std / span + 0.01), time_ns)
        track.kicked_ns = time_ns

    def _kick(
        self, track: Track, x: float, y: float, variance: float, dt: float, time_ns: int
    ) -> None:
        if track.rest is not None:
            track.fallback = track.rest
            # It may have been struck in any picture since it was last seen.
            dt = max(dt, (time_ns - track.seen_ns) / 1e9)
        else:
            track.kicks.append(time_ns)
        vx, vy = (x - track.x) / dt, (y - track.y) / dt
        change = math.hypot(vx - track.velocity[0], vy - track.velocity[1])
        std = math.sqrt(variance)
        track.start(Motion.started(x, y, vx, vy, std, 0.7 * change + std / dt), time_ns)
        track.kicked_ns = time_ns
        track.recent.clear()

    def _maybe_settle(self, track: Track, time_ns: int) -> None:
        settings = self._settings
        if len(track.recent) < settings.rest_pictures:
            return
        drift = track.drift()
        if drift is None:
            return
        x, y, vx, vy = drift
        motion = track.motion
        assert motion is not None
        noise = math.sqrt(motion.along_x.pp + motion.along_y.pp)
        if math.hypot(vx, vy) < settings.rest_speed and track.spread(x, y) < 0.001 + 4 * noise:
            count = float(len(track.recent))
            variance = max(1e-9, motion.along_x.pp + motion.along_y.pp)
            track.settle(Rest(x, y, count, variance), time_ns)
