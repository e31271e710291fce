"""Drills: one that is built in, and how far a set-up has come."""

from __future__ import annotations

import math
from collections.abc import Sequence

from billiards_trainer import messages as m
from billiards_trainer.table import Table

SET_WITHIN = 0.012
"""A ball counts as set up so near to its place, metres."""


def stop_shot(table: Table) -> m.Drill:
    """The first drill of all: straight into the far left corner, the cue ball stops dead.

    On tables without pockets the object ball goes up the table and back.
    """
    w, length, radius = table.width, table.length, table.balls.radius
    labels = table.balls.labels
    cue = "cue" if "cue" in labels else labels[0]
    other = next(label for label in labels if label != cue)
    corner = next((p for p in table.pockets if p.kind == "corner" and p.centre[1] > w), None)
    goal = corner.mouth_centre if corner else (0.5 * w, length - radius)
    object_ball = (goal[0] + 0.32 * (w / 2 - goal[0]), goal[1] + 0.25 * (length / 2 - goal[1]))
    if corner is None:
        object_ball = (0.5 * w, 0.6 * length)
    away = math.dist(object_ball, goal)
    ux, uy = (goal[0] - object_ball[0]) / away, (goal[1] - object_ball[1]) / away
    start = (object_ball[0] - 0.2 * length * ux, object_ball[1] - 0.2 * length * uy)
    ghost = (object_ball[0] - 2 * radius * ux, object_ball[1] - 2 * radius * uy)
    return m.Drill(
        name="stop shot",
        balls=(
            m.DrillBall(label=cue, x_m=start[0], y_m=start[1]),
            m.DrillBall(label=other, x_m=object_ball[0], y_m=object_ball[1]),
        ),
        zones=(m.DrillZone(centre=ghost, radius=3 * radius),),
        path=(start, object_ball, goal),
    )


def missing(drill: m.Drill, balls: Sequence[m.BallState]) -> list[m.DrillBall]:
    """Balls of the drill that do not lie at their places yet.

    A ball that vision cannot name may stand for any but the cue ball.
    """
    return [
        wanted
        for wanted in drill.balls
        if not any(
            math.dist((b.x_m, b.y_m), (wanted.x_m, wanted.y_m)) < SET_WITHIN
            and (b.label == wanted.label or "cue" not in (b.label, wanted.label))
            for b in balls
            if not b.in_hand
        )
    ]
