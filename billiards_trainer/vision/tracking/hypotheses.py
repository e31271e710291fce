"""Where a ball may have got to since the last picture.

At 5 m/s a ball travels 170 mm between two pictures: it may have been struck, have met a cushion or
another ball in between.  Each of these is a hypothesis with its own expected place, uncertainty and
prior; a detection is explained by the one under which it is most likely.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from billiards_trainer.table import Table
from billiards_trainer.vision.tracking.motion import Motion
from billiards_trainer.vision.tracking.pockets import in_mouth
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.track import Track

Kind = Literal["stay", "continue", "cushion", "contact", "kick", "return"]

_E_CUSHION = 0.8
_E_BALL = 0.95
_BLUR = 0.03
"""A streak's middle is found to this share of its length."""
_KICK_NEAR = math.log(0.05)
_KICK = math.log(0.01)
_KICK_UNPROVOKED = math.log(0.003)
_FAR_S = 0.3
"""How long an unseen ball is looked for ever farther away, seconds."""
_BOUNCE = math.log(0.5)
_STRAY = 0.05
"""Share of bad detections of a ball at rest."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way in which a ball may have come to a place.

    Attributes:
        kind: what happened.
        x: expected place, metres.
        y: metres.
        var_x: its variance, m².
        var_y: m².
        log_prior: how likely it is before looking.
        motion: the ball's state if so; ``None`` when nothing is known of its velocity.
        stray_var: variance of bad detections that are put up with, m²; 0 for none.
    """

    kind: Kind
    x: float
    y: float
    var_x: float
    var_y: float
    log_prior: float
    motion: Motion | None = None
    stray_var: float = 0.0

    def log_likelihood(self, x: float, y: float, noise_x: float, noise_y: float) -> float:
        """Log of prior times density (1/m²) of a measurement with those variances."""
        sx, sy = self.var_x + noise_x, self.var_y + noise_y
        dx2, dy2 = (x - self.x) ** 2, (y - self.y) ** 2
        exponent = (dx2 / sx + dy2 / sy) / 2
        density = -exponent - math.log(2 * math.pi) - math.log(sx * sy) / 2
        if self.stray_var > 0.0:
            sx, sy = sx + self.stray_var, sy + self.stray_var
            wide = -(dx2 / sx + dy2 / sy) / 2 - math.log(2 * math.pi) - math.log(sx * sy) / 2
            density = max(density, math.log(_STRAY) + wide)
        return self.log_prior + density


def blur_variance(speed: float, dt: float) -> float:
    """Variance that motion blur adds to a measurement along the motion, m²."""
    return (_BLUR * speed * dt) ** 2


def hypotheses(
    track: Track,
    time_ns: int,
    table: Table,
    settings: TrackerSettings,
    *,
    contacts: Sequence[Motion] = (),
    provoked: bool = False,
) -> list[Hypothesis]:
    """All ways in which a track may go on.

    Args:
        track: the ball.
        time_ns: exposure time of the picture.
        table: cushions and pockets.
        settings: see there.
        contacts: states after collisions that are due, from ``collisions``.
        provoked: whether some ball moves, or this is one that a cue strikes.
    """
    dt = max(1e-4, (time_ns - track.time_ns) / 1e9)
    found: list[Hypothesis] = []
    unseen_s = (time_ns - track.seen_ns) / 1e9
    reach = settings.top_speed * min(unseen_s, _FAR_S)
    if track.rest is not None:
        found.append(stays(track, settings))
        start = (track.x, track.y)
    else:
        motion = advanced(track, time_ns, settings)
        var_x, var_y = motion.along_x.pp, motion.along_y.pp
        found.append(Hypothesis("continue", motion.x, motion.y, var_x, var_y, 0.0, motion))
        bounced = reflected(motion, table)
        if bounced is not None:
            found.append(_expected("cushion", bounced, _BOUNCE))
        if track.life == "real":
            near = max(0.5 * track.speed * dt, 0.005) ** 2
            found.append(Hypothesis("kick", motion.x, motion.y, near, near, _KICK_NEAR))
        start = (track.x, track.y)
        if track.fallback is not None:
            back = track.fallback
            floor = back.mean_variance + (settings.systematic / 2) ** 2
            found.append(
                Hypothesis(
                    "return", back.x, back.y, floor, floor, _BOUNCE, stray_var=settings.stray**2
                )
            )
    found += [_expected("contact", after, _BOUNCE) for after in contacts]
    if track.life == "real":
        prior = _KICK if provoked or track.moving else _KICK_UNPROVOKED
        if track.misses > 0 and (provoked or track.moving or track.bare > 0):
            # It may well have been struck while nothing of it was seen.
            prior = _KICK_NEAR
        wide = (reach / 2.5) ** 2
        found.append(Hypothesis("kick", *start, wide, wide, prior))
    return found


def stays(track: Track, settings: TrackerSettings) -> Hypothesis:
    """A ball at rest goes on lying there."""
    assert track.rest is not None
    r = track.rest
    floor = r.mean_variance + (settings.systematic / 2) ** 2
    return Hypothesis("stay", r.x, r.y, floor, floor, 0.0, stray_var=settings.stray**2)


def _expected(kind: Kind, motion: Motion, prior: float) -> Hypothesis:
    return Hypothesis(kind, motion.x, motion.y, motion.along_x.pp, motion.along_y.pp, prior, motion)


def advanced(track: Track, time_ns: int, settings: TrackerSettings) -> Motion:
    """A moving track's state at a later time, if nothing happens to it."""
    assert track.motion is not None
    dt = max(0.0, (time_ns - track.time_ns) / 1e9)
    sliding = time_ns - track.kicked_ns < settings.slide_s * 1e9
    restless = settings.restless_after_kick if sliding else settings.restless
    return track.motion.advanced(dt, settings.roll_deceleration, restless)


def carried(track: Track, time_ns: int, table: Table, settings: TrackerSettings) -> Motion:
    """A moving track's state at a later time, as friction, cushions and pockets have it."""
    coasted = advanced(track, time_ns, settings)
    if in_mouth(track.x, track.y, table):
        # What bounces about in a pocket does not come back onto the table unseen.
        coasted.x, coasted.y, coasted.vx, coasted.vy = track.x, track.y, 0.0, 0.0
    after = reflected(coasted, table) or coasted
    after.x = min(max(after.x, -table.rail_width), table.width + table.rail_width)
    after.y = min(max(after.y, -table.rail_width), table.length + table.rail_width)
    return after


def reflected(motion: Motion, table: Table) -> Motion | None:
    """The state after the cushions that were passed since, or ``None`` when there was none.

    Pocket mouths have no cushion.
    """
    radius = table.balls.radius
    after = motion.copy()
    hit = False
    for axis, high in (("x", table.width - radius), ("y", table.length - radius)):
        place, speed = getattr(after, axis), getattr(after, "v" + axis)
        for wall, outward in ((radius, -1.0), (high, 1.0)):
            beyond = (place - wall) * outward
            if beyond <= 0.0 or speed * outward <= 0.0:
                continue
            # Where it went over the nose: there may have been a pocket.
            ago = beyond / abs(speed)
            if in_mouth(after.x - after.vx * ago, after.y - after.vy * ago, table):
                continue
            setattr(after, axis, wall - outward * _E_CUSHION * beyond)
            setattr(after, "v" + axis, -_E_CUSHION * speed)
            # How lively the rubber is, and what spin does, is known only so well.
            along = after.along_x if axis == "x" else after.along_y
            along.pp += (0.3 * beyond + 0.002) ** 2
            along.vv += (0.25 * speed) ** 2 + 0.01
            other = after.along_y if axis == "x" else after.along_x
            other.vv += (0.15 * speed) ** 2
            hit = True
    return after if hit else None


def collisions(
    tracks: Sequence[Track], time_ns: int, table: Table, settings: TrackerSettings
) -> dict[int, list[Motion]]:
    """States after the collisions that are due before ``time_ns``.

    Equal balls, almost elastic, without friction: the velocities along the line of centres are
    exchanged.  How far the balls then get is uncertain with the time left and the relative speed.

    Returns:
        For each index of ``tracks`` that takes part, one state for each partner.
    """
    found: dict[int, list[Motion]] = {}
    reach = table.balls.diameter
    for i, a in enumerate(tracks):
        if a.motion is None or a.life != "real" or a.motion.speed < settings.move_speed:
            continue
        dt = (time_ns - a.time_ns) / 1e9
        for j, b in enumerate(tracks):
            both = b.motion is not None and b.motion.speed >= settings.move_speed
            if j == i or b.life != "real" or (both and j < i):
                continue
            first = _meeting(a, b, dt, reach)
            if first is None:
                continue
            after_a, after_b = _collided(a, b, first, dt, settings)
            found.setdefault(i, []).append(after_a)
            found.setdefault(j, []).append(after_b)
    return found


def _meeting(a: Track, b: Track, dt: float, reach: float) -> float | None:
    """Seconds until the centres are ``reach`` apart, within ``dt``; straight motion."""
    (ax, ay), (bx, by) = a.velocity, b.velocity
    px, py, vx, vy = b.x - a.x, b.y - a.y, bx - ax, by - ay
    c = px * px + py * py - (reach + 0.004) ** 2
    half = px * vx + py * vy
    if half >= 0.0:
        return None
    speed2 = vx * vx + vy * vy
    if c <= 0.0:
        return 0.0
    inside = half * half - speed2 * c
    if inside < 0.0:
        return None
    t = (-half - math.sqrt(inside)) / speed2
    return t if t <= dt else None


def _collided(
    a: Track, b: Track, t: float, dt: float, settings: TrackerSettings
) -> tuple[Motion, Motion]:
    (avx, avy), (bvx, bvy) = a.velocity, b.velocity
    ax, ay, bx, by = a.x + avx * t, a.y + avy * t, b.x + bvx * t, b.y + bvy * t
    gap = math.hypot(bx - ax, by - ay) or 1.0
    nx, ny = (bx - ax) / gap, (by - ay) / gap
    closing = (avx - bvx) * nx + (avy - bvy) * ny
    push = closing * (1 + _E_BALL) / 2
    left = dt - t
    # An error of 2 mm across turns the line of centres by 2 degrees; spin and timing do the rest.
    std_v = 0.25 * abs(closing) + 0.05
    std_p = 0.003 + std_v * left
    after_v = ((avx - push * nx, avy - push * ny), (bvx + push * nx, bvy + push * ny))
    return (
        Motion.started(
            ax + after_v[0][0] * left, ay + after_v[0][1] * left, *after_v[0], std_p, std_v
        ),
        Motion.started(
            bx + after_v[1][0] * left, by + after_v[1][1] * left, *after_v[1], std_p, std_v
        ),
    )
