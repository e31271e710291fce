"""Draws where drawing is allowed: not over balls, into pockets or off the table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from billiards_trainer import messages as m
from billiards_trainer.core.guidance.clip import (
    Disc,
    inside_rectangle,
    outside_discs,
    shortened,
)
from billiards_trainer.core.guidance.palette import Inks
from billiards_trainer.table import Pocket, Point, Table

_INSET = 0.006
"""Lines keep this far from the noses, metres."""
CLEAR = 1.25
"""Balls are kept clear of lines within so many radii."""
_LONGEST = 6.0
"""Metres of a ball's way that are drawn at most."""


class Brush:
    """Draws lines where lines may be.

    Attributes:
        table: whose cloth it is.
        inks: colours that show on this cloth.
        radius: of a ball, metres.
        toward: direction in which the player looks, rad; text is upright for him.
    """

    def __init__(
        self,
        table: Table,
        balls: Sequence[m.BallState],
        inks: Inks,
        toward: float = math.pi / 2,
    ) -> None:
        self.table = table
        self.inks = inks
        self.toward = toward
        radius = table.balls.radius
        self.radius = radius
        self._balls: list[Disc] = [(b.x_m, b.y_m, CLEAR * radius) for b in balls]
        self._pockets: list[Disc] = [(*p.centre, p.radius) for p in table.pockets]

    def line(
        self,
        points: Sequence[Point],
        colour: str,
        width: float,
        *,
        opacity: float = 1.0,
        dash: tuple[float, float] | None = None,
        discs: Iterable[Disc] = (),
    ) -> list[m.Element]:
        """The visible pieces of a polyline; ``discs`` are left out besides balls and pockets."""
        if len(points) < 2:
            return []
        low = (_INSET, _INSET)
        high = (self.table.width - _INSET, self.table.length - _INSET)
        found: list[m.Element] = []
        for piece in inside_rectangle(shortened(points, _LONGEST), low, high):
            for part in outside_discs(piece, [*self._balls, *self._pockets, *discs]):
                if sum(math.dist(a, b) for a, b in pairwise(part)) < 0.004:
                    continue
                found.append(
                    m.Line(
                        points=tuple(part), colour=colour, width=width, opacity=opacity, dash=dash
                    )
                )
        return found

    def mouth(self, pocket: Pocket, colour: str) -> list[m.Element]:
        """A pocket pointed out: a bar on the cloth before its mouth."""
        (ax, ay), (bx, by) = pocket.jaws
        mx, my = pocket.mouth_centre
        out = math.dist((mx, my), pocket.centre) or 1.0
        nx, ny = (mx - pocket.centre[0]) / out, (my - pocket.centre[1]) / out
        back = 0.022
        a = (mx + 0.6 * (ax - mx) + nx * back, my + 0.6 * (ay - my) + ny * back)
        b = (mx + 0.6 * (bx - mx) + nx * back, my + 0.6 * (by - my) + ny * back)
        return self.line((a, b), colour, 0.008)

    def free_place(self, near: Point, half_width: float = 0.11) -> Point | None:
        """A place for a short text beside a point: to its right or left, off balls and rails."""
        angle = self.toward - math.pi / 2
        for reach in (0.16, -0.16, 0.24, -0.24):
            x, y = near[0] + reach * math.cos(angle), near[1] + reach * math.sin(angle)
            inside = self.table.contains(x, y, half_width + 0.03)
            if inside and all(math.dist((x, y), b[:2]) > half_width for b in self._balls):
                return x, y
        return None

    def text(
        self, words: str, place: Point, colour: str, height: float = 0.03, opacity: float = 1.0
    ) -> m.Text:
        """Words that the player reads upright."""
        return m.Text(
            text=words,
            position=place,
            height=height,
            angle=self.toward - math.pi / 2,
            colour=colour,
            opacity=opacity,
        )
