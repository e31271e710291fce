"""How far beside its predicted way the first object ball may run: a corridor that widens.

What is uncertain: how the player meets the aim, how well the cue and the two balls were seen, and
how much the balls throw each other.  The contact of two balls is played for a fixed set of draws
from all of these (a few hundred lines and circles, no physics), which keeps the skewness of thin
cuts.  The corridor lies between the quantiles of the ways that come out.

How wide a player's own errors are is learned from his shots: ``Spread``.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.table import Point

Array = NDArray[np.float64]

SHARE = 0.8
"""Of all outcomes that the corridor shall hold."""
_GAUSSIAN = 1.2816
"""Half width that holds ``SHARE`` of a normal distribution, in standard deviations."""
_THROW = math.radians(0.25)
"""What is not known of the throw between two balls, standard deviation, rad."""
_CUSHION = math.radians(0.6)
"""The same of a rebound's direction."""
_WIDEST = math.radians(35)
_CORNER = math.radians(8)
_STATIONS = (0.0, 0.15, 0.4, 0.7, 1.0)
_DRAWS = 160


def _draws() -> Array:
    """Standard normal draws of six quantities, (6, _DRAWS): an additive recurrence [Roberts 2018],
    through the inverse of the normal distribution [Acklam 2003, by bisection of erf here].
    """
    root = 1.0
    for _ in range(60):
        root = (1 + root) ** (1 / 7)
    steps = np.array([root ** -(k + 1) for k in range(6)])
    shares = (0.5 + steps[:, None] * np.arange(1, _DRAWS + 1)) % 1.0
    grid = np.linspace(-4, 4, 4001)
    cdf = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in grid])
    return np.asarray(np.interp(shares, cdf, grid))


_NORMAL = _draws()


@dataclass(frozen=True, slots=True)
class Contact:
    """The predicted meeting of cue ball and object ball, and what is uncertain about it.

    Attributes:
        start: of the cue ball, metres.
        ghost: its centre at the meeting.
        target: centre of the object ball.
        leaves: direction in which the object ball is predicted to leave, rad.
        radius: of the balls.
        aim_std: of the direction in which the cue ball starts, rad.
        start_std: of the cue ball's seen place, metres.
        target_std: of the object ball's.
    """

    start: Point
    ghost: Point
    target: Point
    leaves: float
    radius: float
    aim_std: float
    start_std: float
    target_std: float


@dataclass(frozen=True, slots=True)
class Corridor:
    """Both sides of a way, as offsets to its left and right.

    Attributes:
        reach: distances along the way, metres, increasing.
        left: how far the corridor reaches to the left there, metres, ≥ 0.
        right: the same to the right.
    """

    reach: tuple[float, ...]
    left: tuple[float, ...]
    right: tuple[float, ...]

    def share_of_width(self, reach: float, beside: float) -> float:
        """An offset (+ left) at a distance along the way, in widths of the corridor on its side."""
        side = self.left if beside >= 0 else self.right
        width = float(np.interp(reach, self.reach, side))
        return abs(beside) / max(width, 1e-4)


def corridor(contact: Contact, way: Sequence[Point], factor: float = 1.0) -> Corridor | None:
    """The corridor around the object ball's way.

    Args:
        contact: see there.
        way: the predicted way, a polyline from the object ball's place on.
        factor: the player's errors against the assumed ones.

    Returns:
        ``None`` where there is no way to speak of.
    """
    length = sum(math.dist(a, b) for a, b in pairwise(way))
    if length < 0.02:
        return None
    offset, turn = _departures(contact, factor)
    corners = _corner_reaches(way)
    reach = tuple(sorted({*(s * length for s in _STATIONS), *corners}))
    stations = np.array(reach)
    beside = offset + stations[:, None] * np.tan(np.clip(turn, -_WIDEST, _WIDEST))
    beside.sort(axis=1)
    outside = round(_DRAWS * (1 - SHARE) / 2)
    bounced = np.array([sum((s - c for c in corners if c < s), 0.0) for s in reach])
    bounced *= _GAUSSIAN * _CUSHION * factor
    left = np.hypot(np.maximum(beside[:, -1 - outside], 0.0), bounced).tolist()
    right = np.hypot(np.maximum(-beside[:, outside], 0.0), bounced).tolist()
    return Corridor(reach, tuple(left), tuple(right))


def _departures(contact: Contact, factor: float) -> tuple[Array, Array]:
    """Of each draw: how far beside the predicted way the ball starts, and how much it turns."""
    way = math.atan2(contact.ghost[1] - contact.start[1], contact.ghost[0] - contact.start[0])
    normal = _NORMAL * factor
    angle = way + contact.aim_std * normal[0]
    dx, dy = np.cos(angle), np.sin(angle)
    moved = contact.target_std * normal[3:5]
    apart_x = contact.target[0] + moved[0] - contact.start[0] - contact.start_std * normal[1]
    apart_y = contact.target[1] + moved[1] - contact.start[1] - contact.start_std * normal[2]
    beside = dx * apart_y - dy * apart_x
    reach = 2 * contact.radius
    # Balls that are missed count as just grazed: the corridor ends at its widest there.
    inside = np.clip(beside / reach, -1.0, 1.0)
    centres = angle + np.arcsin(inside)
    predicted = math.atan2(
        contact.target[1] - contact.ghost[1], contact.target[0] - contact.ghost[0]
    )
    turn = np.mod(centres - predicted + math.pi, 2 * math.pi) - math.pi
    turn = turn + _THROW * normal[5]
    across = -math.sin(contact.leaves), math.cos(contact.leaves)
    return moved[0] * across[0] + moved[1] * across[1], turn


def _corner_reaches(way: Sequence[Point]) -> list[float]:
    """Distances along a way at which it turns sharply."""
    found, along, before = [], 0.0, None
    for a, b in pairwise(way):
        heading = math.atan2(b[1] - a[1], b[0] - a[0])
        if before is not None and abs(math.remainder(heading - before, 2 * math.pi)) > _CORNER:
            found.append(along)
        along, before = along + math.dist(a, b), heading
    return found


def outline(way: Sequence[Point], found: Corridor) -> list[list[Point]]:
    """The corridor as closed polygons, one for each straight leg of the way."""
    polygons: list[list[Point]] = []
    along = 0.0
    legs: list[tuple[float, list[Point]]] = []
    for a, b in pairwise(way):
        step = math.dist(a, b)
        if step <= 0.0:
            continue
        last = legs[-1][1] if legs else None
        if last is not None and abs(_turn(last[-2], last[-1], b)) < _CORNER:
            last.append(b)
        else:
            legs.append((along, [a, b]))
        along += step
    for begin, leg in legs:
        polygons.append(_strip(begin, leg, found))
    return polygons


def _strip(begin: float, leg: Sequence[Point], found: Corridor) -> list[Point]:
    """Both sides of one leg, out along the left and back along the right."""
    left: list[Point] = []
    right: list[Point] = []
    along = begin
    for (ax, ay), (bx, by) in pairwise(leg):
        step = math.dist((ax, ay), (bx, by))
        ux, uy = (bx - ax) / step, (by - ay) / step
        stations = [s for s in found.reach if along < s < along + step]
        for s in (along, *stations, along + step):
            x, y = ax + ux * (s - along), ay + uy * (s - along)
            wide = float(np.interp(s, found.reach, found.left))
            back = float(np.interp(s, found.reach, found.right))
            left.append((x - uy * wide, y + ux * wide))
            right.append((x + uy * back, y - ux * back))
        along += step
    return [*left, *reversed(right)]


def _turn(a: Point, b: Point, c: Point) -> float:
    one = math.atan2(b[1] - a[1], b[0] - a[0])
    other = math.atan2(c[1] - b[1], c[0] - b[0])
    return math.remainder(other - one, 2 * math.pi)


class Spread:
    """What a player's shots say of his own errors: a factor on the assumed ones.

    Each shot tells where in the corridor it ended, as a share of the corridor's width.  For normal
    errors the root mean square of these shares is 1 / 1.28; the factor makes it so.  A few shots as
    good as assumed stand at the beginning, and the oldest are forgotten.
    """

    _ASSUMED = 6
    _REMEMBERED = 200
    _MOST = 3.0 / _GAUSSIAN
    """One miscue shall not widen the corridor for an evening."""

    def __init__(self, shares: Iterable[float] = ()) -> None:
        self.shares: deque[float] = deque(shares, maxlen=self._REMEMBERED)

    @property
    def factor(self) -> float:
        """By how much the player's errors exceed the assumed ones."""
        wide = 1 / _GAUSSIAN**2
        total = self._ASSUMED * wide + sum(v * v for v in self.shares)
        mean = total / (self._ASSUMED + len(self.shares))
        return min(4.0, max(0.1, math.sqrt(mean / wide)))

    def learn(self, share: float) -> None:
        """A shot ended at a share of the width of the corridor drawn with the present factor."""
        self.shares.append(min(share, self._MOST) * self.factor)
