"""A drill on the cloth: numbered rings to set up, zones to reach, the way to copy."""

from __future__ import annotations

import math
from collections.abc import Sequence

from billiards_trainer import messages as m
from billiards_trainer.core.guidance.brush import Brush
from billiards_trainer.core.guidance.drills import missing


def drill(brush: Brush, wanted: m.Drill, balls: Sequence[m.BallState]) -> list[m.Element]:
    """What is to be set up while something is missing; then what is to be played."""
    inks, radius = brush.inks, brush.radius
    elements: list[m.Element] = []
    for zone in wanted.zones:
        elements.append(_disc(zone, inks.good, 0.14))
        elements.append(
            m.Ring(centre=zone.centre, radius=zone.radius, width=0.003, colour=inks.good)
        )
    absent = missing(wanted, balls)
    if not absent:
        return elements + brush.line(wanted.path, inks.object_ball, 0.004, dash=(0.03, 0.02))
    elements += brush.line(wanted.path, inks.quiet, 0.003, dash=(0.02, 0.03), opacity=0.6)
    for number, ball in enumerate(wanted.balls, start=1):
        if ball not in absent:
            continue
        place = (ball.x_m, ball.y_m)
        elements.append(m.Ring(centre=place, radius=radius, width=0.003, colour=inks.aim))
        elements.append(_number(brush, str(number), ball))
    # What the numbers stand for, once, where the player stands.
    words = "set up  " + "   ".join(
        f"{n}: {b.label}" for n, b in enumerate(wanted.balls, start=1) if b in absent
    )
    table = brush.table
    place = (table.width / 2, 0.06 * table.length)
    elements.append(brush.text(words[:200], place, inks.text, 0.028))
    return elements


def _number(brush: Brush, words: str, ball: m.DrillBall) -> m.Text:
    """Beside its ring, on the side where there is cloth."""
    table, reach = brush.table, 2.1 * brush.radius
    side = 1.0 if ball.x_m < table.width / 2 else -1.0
    return brush.text(words, (ball.x_m + side * reach, ball.y_m), brush.inks.aim, 0.03)


def _disc(zone: m.DrillZone, colour: str, opacity: float) -> m.Area:
    (x, y), radius = zone.centre, zone.radius
    turns = [2 * math.pi * k / 48 for k in range(48)]
    points = tuple((x + radius * math.cos(a), y + radius * math.sin(a)) for a in turns)
    return m.Area(points=points, colour=colour, opacity=opacity)
