"""What is shown when there is nothing to show."""

from __future__ import annotations

import math

from billiards_trainer import messages as m
from billiards_trainer.table import Table

_COLOUR = "#8fb8d8"
_OPACITY = 0.6


def notice(table: Table, text: str) -> m.Scene:
    """A calm sentence in the middle of the cloth, to be read from both long sides."""
    height = 0.035 * table.length
    x, y = table.width / 2, table.length / 2
    from_right, from_left = (
        m.Text(text=text, position=(x + side * 0.18 * table.width, y), height=height,
               angle=side * math.pi / 2, colour=_COLOUR, opacity=_OPACITY)
        for side in (1, -1)
    )  # fmt: skip
    line = m.Line(
        points=((x, y - 0.1 * table.length), (x, y + 0.1 * table.length)),
        width=0.003,
        colour=_COLOUR,
        opacity=_OPACITY / 2,
    )
    return m.Scene(
        frame=0,
        exposure_ns=0,
        table=table.name,
        width=table.width,
        length=table.length,
        ball_radius=table.balls.radius,
        elements=(from_right, line, from_left),
    )
