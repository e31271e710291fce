"""What changed a ball's motion: geometry of balls, cushions and pockets at the time of a kink."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from billiards_trainer.core.shots.changes import Kink
from billiards_trainer.core.shots.fit import Path
from billiards_trainer.table import Pocket, Point, Table

_BALL_SLACK = 0.006
_CUSHION_SLACK = 0.010
_BALL_STD = 0.001
"""How well the distance of two touching balls is known, metres."""
_POCKET_REACH = 1.5
"""Ball radii beyond a pocket's edge within which a ball may be dropping: tables differ."""


@dataclass(frozen=True, slots=True)
class Partner:
    """Another ball near a kink: its track, its motion before, and its own kink if it has one."""

    track: int
    before: Path
    kink: Kink | None = None

    @property
    def pushes(self) -> bool:
        """Whether it moves, or is set in motion itself: only then can it set another in motion."""
        return self.kink is not None or bool(self.before.coefficients[1:].any())


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two balls have met: when, and where their centres were."""

    t: float
    partner: Partner
    first: Point
    second: Point


def meeting(
    kink: Kink, partners: Sequence[Partner], table: Table, frame_s: float
) -> Meeting | None:
    """The ball that caused a kink, if one did.

    It must be a ball's diameter away at that time, and the kink must push away from it.

    Args:
        kink: the sudden change.
        partners: all other balls.
        table: for the balls' size.
        frame_s: seconds between pictures.
    """
    reach = table.balls.diameter
    # Pictures may be missing between the two measurements.
    frame_s = max(frame_s, kink.end - kink.start)
    dvx, dvy = kink.change
    change = math.hypot(dvx, dvy)
    best: tuple[float, Meeting] | None = None
    for partner in partners:
        px, py = partner.before.at(kink.t)
        nx, ny = kink.x - px, kink.y - py
        gap = math.hypot(nx, ny)
        bvx, bvy = kink.before.velocity(kink.t)
        pvx, pvy = partner.before.velocity(kink.t)
        closing = math.hypot(bvx - pvx, bvy - pvy)
        slack = _BALL_SLACK + 0.6 * frame_s * closing
        if gap > reach + slack or gap < 0.3 * reach:
            continue
        away = (dvx * nx + dvy * ny) / (gap * max(change, 1e-9))
        if away < 0.3:
            continue
        score = abs(gap - reach) / slack - away - (1.0 if partner.kink else 0.0)
        if best is None or score < best[0]:
            best = (score, _refined(kink, partner, reach, frame_s))
    return best[1] if best else None


def _refined(kink: Kink, partner: Partner, reach: float, frame_s: float) -> Meeting:
    """Combine the time of the kinks with the time at which the balls first touch.

    Where they meet is known better than when: on their ways before it, a diameter apart.
    """
    estimates = [(kink.t, kink.t_std)]
    if partner.kink is not None:
        estimates.append((partner.kink.t, partner.kink.t_std))
    touching = _first_touch(kink, partner, reach, frame_s)
    if touching is not None:
        estimates.append(touching)
    weights = [1 / max(std, 1e-3) ** 2 for _, std in estimates]
    t = sum(w * e[0] for w, e in zip(weights, estimates, strict=True)) / sum(weights)
    # Until they touch both move as before.
    at = t if touching is None else touching[0]
    return Meeting(t, partner, kink.before.at(at), partner.before.at(at))


def _first_touch(
    kink: Kink, partner: Partner, reach: float, frame_s: float
) -> tuple[float, float] | None:
    """When the ways before a kink bring two centres ``reach`` apart, and its standard deviation."""
    times = np.linspace(kink.start - frame_s, kink.end + frame_s, 129)
    apart = kink.before.places(times) - partner.before.places(times)
    gap = np.hypot(apart[:, 0], apart[:, 1])
    touching = np.flatnonzero(gap <= reach)
    if len(touching) == 0 or touching[0] == 0:
        return None
    k = int(touching[0])
    closing = (gap[k - 1] - gap[k]) / (times[k] - times[k - 1])
    if closing <= 1e-3:
        return None
    share = (gap[k - 1] - reach) / (gap[k - 1] - gap[k])
    t = float(times[k - 1] + share * (times[k] - times[k - 1]))
    known = _BALL_STD**2 + kink.before.variance(t) + partner.before.variance(t)
    return t, math.sqrt(known) / float(closing)


def hits_cushion(kink: Kink, table: Table, frame_s: float) -> bool:
    """Whether a nose, a facing or a jaw turned the ball back."""
    dvx, dvy = kink.change
    change = math.hypot(dvx, dvy)
    bvx, bvy = kink.before.velocity(kink.t)
    slack = _CUSHION_SLACK + 0.3 * frame_s * math.hypot(bvx, bvy)
    for qx, qy, reach in _rubber(table, (kink.x, kink.y)):
        nx, ny = kink.x - qx, kink.y - qy
        gap = math.hypot(nx, ny)
        if abs(gap - reach) > slack or gap < 1e-6:
            continue
        towards = (bvx * nx + bvy * ny) / gap
        if towards < 0.0 and dvx * nx + dvy * ny > 0.5 * gap * change:
            return True
    # A ball may seem to sink into the nose by blur or calibration: ask the nearest nose line too.
    for outside, (nx, ny) in _beyond(table, (kink.x, kink.y)):
        if outside > -slack and bvx * nx + bvy * ny < 0 and dvx * nx + dvy * ny > 0.5 * change:
            return True
    return False


def near_rubber(table: Table, place: Point, reach: float) -> bool:
    """Whether a ball's edge is within ``reach`` metres of a cushion or jaw."""
    return any(math.dist(place, (qx, qy)) < gap + reach for qx, qy, gap in _rubber(table, place))


def _rubber(table: Table, place: Point) -> list[tuple[float, float, float]]:
    """Nearest points of all cushions, and the distance at which a ball's centre touches them."""
    radius = table.balls.radius
    found = []
    for segment in table.segments:
        (ax, ay), (bx, by) = segment.start, segment.end
        dx, dy = bx - ax, by - ay
        length2 = dx * dx + dy * dy
        if length2 <= 0.0:
            continue
        share = ((place[0] - ax) * dx + (place[1] - ay) * dy) / length2
        if 0.0 <= share <= 1.0:
            found.append((ax + share * dx, ay + share * dy, radius))
    found += [(*jaw.centre, radius + jaw.radius) for jaw in table.jaws]
    return found


def _beyond(table: Table, place: Point) -> list[tuple[float, tuple[float, float]]]:
    """How far a centre lies beyond each line that centres cannot pass, with its inward normal."""
    radius = table.balls.radius
    x, y = place
    lines = [
        (radius - x, (1.0, 0.0)),
        (x - table.width + radius, (-1.0, 0.0)),
        (radius - y, (0.0, 1.0)),
        (y - table.length + radius, (0.0, -1.0)),
    ]
    return [] if pocket_near(table, place) else lines


def pocket_near(table: Table, place: Point) -> Pocket | None:
    """The pocket into which a ball at this place may be dropping."""
    nearest = table.nearest_pocket(*place)
    if nearest is None:
        return None
    pocket, distance = nearest
    return pocket if distance < pocket.radius + _POCKET_REACH * table.balls.radius else None


def crossing(path: Path, pocket: Pocket, start: float, end: float) -> float | None:
    """When free motion takes a ball's centre over a pocket's edge, within two times (seconds)."""
    times = np.linspace(start, end, 65)
    places = path.places(times)
    inside = np.hypot(places[:, 0] - pocket.centre[0], places[:, 1] - pocket.centre[1])
    within = np.flatnonzero(inside <= pocket.radius)
    return float(times[within[0]]) if len(within) else None
