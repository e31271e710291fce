"""The scene: what shall be seen on the cloth now.

Nothing is drawn over a ball, into a pocket or off the table; lines say where balls will go, a text
stands there only when it helps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from billiards_trainer import messages as m
from billiards_trainer.core.guidance import palette
from billiards_trainer.core.guidance.clip import (
    Disc,
    inside_rectangle,
    outside_discs,
    shortened,
)
from billiards_trainer.core.guidance.comparison import Comparison, first_leg
from billiards_trainer.table import Pocket, Point, Table

_INSET = 0.006
"""Lines keep this far from the noses, metres."""
_CLEAR = 1.25
"""Balls are kept clear of lines within so many radii."""
_LONGEST = 6.0
"""Metres of a ball's way that are drawn at most."""
_SCRATCH = 0.25
_BANNER = 0.034


@dataclass(frozen=True, slots=True)
class View:
    """What the scene is made from.

    Attributes:
        assistance: how much the player wants to see.
        phase: what the game is doing.
        prediction: of the present aim.
        comparison: of the last shot, while it is to be seen.
        notice: something that the player must know, instead of everything else.
        banner: said at all times: that this is no real table.
    """

    assistance: str
    phase: m.Phase
    prediction: m.Prediction | None = None
    comparison: Comparison | None = None
    notice: str | None = None
    banner: str | None = None


def build_scene(state: m.TableState, table: Table, view: View) -> m.Scene:
    """The scene for one table state."""
    balls = [b for b in state.balls if not b.in_hand]
    brush = _Brush(table, balls)
    elements: list[m.Element] = []
    if view.notice is not None:
        elements += _notice(table, view.notice)
    elif view.assistance not in ("off", "drill"):
        if view.comparison is not None and view.phase is not m.Phase.SHOT:
            elements += _comparison(brush, view.comparison)
        if view.prediction is not None and view.phase is m.Phase.AIMING:
            elements += _guidance(brush, view.prediction, balls, view.assistance)
    if view.banner is not None:
        elements.append(_banner(table, view.banner))
    return m.Scene(
        frame=state.frame,
        exposure_ns=state.exposure_ns,
        table=state.table,
        width=table.width,
        length=table.length,
        ball_radius=table.balls.radius,
        elements=tuple(elements),
        keep_clear=tuple((b.x_m, b.y_m) for b in balls),
    )


class _Brush:
    """Draws lines where lines may be."""

    def __init__(self, table: Table, balls: Sequence[m.BallState]) -> None:
        self.table = table
        radius = table.balls.radius
        self.radius = radius
        self._balls: list[Disc] = [(b.x_m, b.y_m, _CLEAR * radius) for b in balls]
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


def _guidance(
    brush: _Brush, prediction: m.Prediction, balls: Sequence[m.BallState], assistance: str
) -> list[m.Element]:
    radius = brush.radius
    ghost = prediction.ghost_ball
    target = next((p for p in prediction.paths if p.track == prediction.target_track), None)
    if assistance == "advanced":
        return _contact_point(brush, ghost, target)
    elements: list[m.Element] = []
    cue_path = prediction.paths[0] if prediction.paths else None
    around_ghost: list[Disc] = [] if ghost is None else [(*ghost, radius)]
    if cue_path is not None:
        before, after = split_at(cue_path.points, ghost)
        elements += brush.line(before, palette.AIM, 0.004, discs=around_ghost)
        if assistance == "beginner":
            elements += brush.line(
                after, palette.CUE_BALL, 0.004, dash=(0.03, 0.02), opacity=0.9, discs=around_ghost
            )
    if ghost is not None:
        elements.append(
            m.Ring(centre=ghost, radius=radius - 0.0015, width=0.003, colour=palette.AIM)
        )
    if target is not None:
        points = target.points if assistance == "beginner" else first_leg(target.points)
        elements += brush.line(points, palette.OBJECT_BALL, 0.005)
        if assistance == "beginner" and target.end == "pocketed":
            elements += _pocket_bar(brush, target.pocket, palette.GOOD)
    if assistance == "beginner":
        for piece in prediction.paths[1:]:
            if piece is not target:
                elements += brush.line(piece.points, palette.OTHER_BALL, 0.003, opacity=0.7)
        elements += _words(brush, prediction, cue_path, target, balls)
    return elements


def _contact_point(
    brush: _Brush, ghost: Point | None, target: m.PathPiece | None
) -> list[m.Element]:
    """Where the balls will touch, marked beside the ball: on it, light would be lost."""
    if ghost is None or target is None:
        return []
    x, y = target.points[0]
    gap = math.dist(ghost, (x, y)) or 1.0
    nx, ny = (ghost[0] - x) / gap, (ghost[1] - y) / gap
    near, far = _CLEAR * brush.radius, _CLEAR * brush.radius + 0.025
    return brush.line(
        ((x + nx * near, y + ny * near), (x + nx * far, y + ny * far)), palette.AIM, 0.004
    )


def _pocket_bar(brush: _Brush, name: str | None, colour: str) -> list[m.Element]:
    pocket = next((p for p in brush.table.pockets if p.name == name), None)
    return brush.mouth(pocket, colour) if pocket else []


def _words(
    brush: _Brush,
    prediction: m.Prediction,
    cue_path: m.PathPiece | None,
    target: m.PathPiece | None,
    balls: Sequence[m.BallState],
) -> list[m.Element]:
    """The chance to pot, and a warning when the cue ball may drop."""
    # Upright for the player, who looks along the cue.
    angle = prediction.angle_rad - math.pi / 2
    found: list[m.Element] = []
    if prediction.scratch_probability >= _SCRATCH:
        if cue_path is not None:
            found += _pocket_bar(brush, cue_path.pocket, palette.WARNING)
        place = _free_place(brush, prediction.ghost_ball or _first(cue_path), angle, balls)
        if place is not None:
            found.append(
                m.Text(
                    text="cue ball may drop",
                    position=place,
                    height=0.03,
                    angle=angle,
                    colour=palette.WARNING,
                )
            )
        return found
    chance = prediction.pot_probability
    if chance is None or target is None or target.end != "pocketed":
        return found
    percent = 5 * round(20 * chance)
    place = _free_place(brush, target.points[0], angle, balls)
    if percent >= 5 and place is not None:
        found.append(
            m.Text(
                text=f"{percent} %",
                position=place,
                height=0.03,
                angle=angle,
                colour=palette.GOOD if percent >= 50 else palette.TEXT,
            )
        )
    return found


def _first(path: m.PathPiece | None) -> Point:
    return path.points[0] if path is not None else (0.0, 0.0)


def _free_place(
    brush: _Brush, near: Point, angle: float, balls: Sequence[m.BallState]
) -> Point | None:
    """A place for a short text beside a point: to its right or left, off balls and rails."""
    half_width, margin = 0.11, 0.03
    for reach in (0.16, -0.16, 0.24, -0.24):
        x, y = near[0] + reach * math.cos(angle), near[1] + reach * math.sin(angle)
        inside = brush.table.contains(x, y, half_width + margin)
        if inside and all(math.dist((x, y), (b.x_m, b.y_m)) > half_width for b in balls):
            return x, y
    return None


def _comparison(brush: _Brush, comparison: Comparison) -> list[m.Element]:
    elements = brush.line(
        comparison.predicted, palette.QUIET, 0.004, dash=(0.02, 0.02), opacity=0.8
    )
    elements += brush.line(comparison.actual, palette.OBJECT_BALL, 0.004, opacity=0.9)
    if comparison.error_m is not None and comparison.error_rad is not None:
        table = brush.table
        off_mm, off_deg = 1e3 * comparison.error_m, math.degrees(comparison.error_rad)
        elements.append(
            m.Text(
                text=f"{off_mm:.0f} mm   {off_deg:.1f}°",
                position=(table.width / 2, table.length / 2),
                height=0.035,
                angle=math.pi / 2,
                colour=palette.TEXT,
                opacity=0.9,
            )
        )
    return elements


def _notice(table: Table, text: str) -> list[m.Element]:
    height = min(0.06, 1.6 * table.length * 0.8 / max(1, len(text)))
    return [
        m.Text(
            text=text[:200],
            position=(table.width / 2, table.length / 2),
            height=height,
            angle=math.pi / 2,
            colour=palette.TEXT,
        )
    ]


def _banner(table: Table, text: str) -> m.Element:
    """Along the foot rail, small: never to be mistaken for a real table."""
    return m.Text(
        text=text,
        position=(table.width / 2, table.length - 2 * _BANNER),
        height=_BANNER,
        angle=math.pi,
        colour=palette.WARNING,
        opacity=0.8,
    )


def split_at(
    points: Sequence[Point], place: Point | None
) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """A polyline before and after the vertex nearest to a place; all of it before when ``None``."""
    if place is None:
        return tuple(points), ()
    k = min(range(len(points)), key=lambda i: math.dist(points[i], place))
    return tuple(points[: k + 1]), tuple(points[k:])
