"""The predicted shot, and the last one against its prediction, as elements of a scene."""

from __future__ import annotations

import math
from collections.abc import Sequence

from billiards_trainer import messages as m
from billiards_trainer.core.guidance import corridor
from billiards_trainer.core.guidance.brush import CLEAR, Brush
from billiards_trainer.core.guidance.clip import Disc
from billiards_trainer.core.guidance.comparison import Comparison, first_leg, widths_of
from billiards_trainer.table import Point

_SCRATCH = 0.25
"""From this chance on the player is warned that the cue ball may drop."""


def guidance(brush: Brush, prediction: m.Prediction, assistance: str) -> list[m.Element]:
    """What the level of assistance shows of a predicted shot."""
    inks, radius = brush.inks, brush.radius
    ghost = prediction.ghost_ball
    target = next((p for p in prediction.paths if p.track == prediction.target_track), None)
    if assistance == "advanced":
        return _contact_point(brush, ghost, target)
    everything = assistance == "beginner"
    cue_path = prediction.paths[0] if prediction.paths else None
    around_ghost: list[Disc] = [] if ghost is None else [(*ghost, radius)]
    elements: list[m.Element] = []
    if target is not None:
        shown = target.points if everything else first_leg(target.points)
        elements += _corridor(brush, shown, prediction.corridor)
    if everything:
        for piece in prediction.fan:
            elements += brush.line(
                piece.points, inks.cue_ball, 0.003, opacity=0.35, discs=around_ghost
            )
    if cue_path is not None:
        before, after = split_at(cue_path.points, ghost)
        elements += brush.line(before, inks.aim, 0.004, discs=around_ghost)
        if everything:
            elements += brush.line(
                after, inks.cue_ball, 0.004, dash=(0.03, 0.02), opacity=0.9, discs=around_ghost
            )
    if ghost is not None:
        elements.append(m.Ring(centre=ghost, radius=radius - 0.0015, width=0.003, colour=inks.aim))
    if target is not None:
        elements += brush.line(shown, inks.object_ball, 0.005)
        if everything and target.end == "pocketed":
            elements += _pocket_bar(brush, target.pocket, inks.good)
    if everything:
        for piece in prediction.paths[1:]:
            if piece is not target:
                elements += brush.line(piece.points, inks.other_ball, 0.003, opacity=0.7)
        elements += _words(brush, prediction, cue_path, target)
    return elements


def comparison(brush: Brush, found: Comparison) -> list[m.Element]:
    """What was predicted, what happened, and by how much they differ."""
    inks = brush.inks
    elements = brush.line(found.predicted, inks.quiet, 0.004, dash=(0.02, 0.02), opacity=0.8)
    elements += brush.line(found.actual, inks.object_ball, 0.004, opacity=0.9)
    if found.error_m is not None and found.error_rad is not None:
        off_mm, off_deg = 1e3 * found.error_m, math.degrees(found.error_rad)
        start, end = found.actual[0], found.actual[-1]
        place = brush.free_place(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        if place is not None:
            words = f"{off_mm:.0f} mm   {off_deg:.1f}°"
            elements.append(brush.text(words, place, inks.text, 0.035, 0.9))
    return elements


def split_at(
    points: Sequence[Point], place: Point | None
) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """A polyline before and after the vertex nearest to a place; all of it before when ``None``."""
    if place is None:
        return tuple(points), ()
    k = min(range(len(points)), key=lambda i: math.dist(points[i], place))
    return tuple(points[: k + 1]), tuple(points[k:])


def _corridor(brush: Brush, way: Sequence[Point], found: m.Corridor | None) -> list[m.Element]:
    """Where the ball will run in the stated share of cases, faint below everything else."""
    if found is None:
        return []
    return [
        m.Area(points=tuple(polygon), colour=brush.inks.object_ball, opacity=0.16)
        for polygon in corridor.outline(way, widths_of(found))
    ]


def _contact_point(
    brush: Brush, ghost: Point | None, target: m.PathPiece | None
) -> list[m.Element]:
    """Where the balls will touch, marked beside the ball: on it, light would be lost."""
    if ghost is None or target is None:
        return []
    x, y = target.points[0]
    gap = math.dist(ghost, (x, y)) or 1.0
    nx, ny = (ghost[0] - x) / gap, (ghost[1] - y) / gap
    near, far = CLEAR * brush.radius, CLEAR * brush.radius + 0.025
    return brush.line(
        ((x + nx * near, y + ny * near), (x + nx * far, y + ny * far)), brush.inks.aim, 0.004
    )


def _pocket_bar(brush: Brush, name: str | None, colour: str) -> list[m.Element]:
    pocket = next((p for p in brush.table.pockets if p.name == name), None)
    return brush.mouth(pocket, colour) if pocket else []


def _words(
    brush: Brush,
    prediction: m.Prediction,
    cue_path: m.PathPiece | None,
    target: m.PathPiece | None,
) -> list[m.Element]:
    """The chance to pot, and a warning when the cue ball may drop."""
    inks = brush.inks
    found: list[m.Element] = []
    if prediction.scratch_probability >= _SCRATCH and cue_path is not None:
        found += _pocket_bar(brush, cue_path.pocket, inks.warning)
        place = brush.free_place(prediction.ghost_ball or cue_path.points[0])
        if place is not None:
            found.append(brush.text("cue ball may drop", place, inks.warning))
        return found
    chance = prediction.pot_probability
    if chance is None or target is None or target.end != "pocketed":
        return found
    percent = 5 * round(20 * chance)
    place = brush.free_place(target.points[0])
    if percent >= 5 and place is not None:
        colour = inks.good if percent >= 50 else inks.text
        found.append(brush.text(f"{percent} %", place, colour))
    return found
