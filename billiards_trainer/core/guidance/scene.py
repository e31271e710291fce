"""The scene: what shall be seen on the cloth now.

Nothing is drawn over a ball, into a pocket or off the table; lines say where balls will go, a text
stands there only when it helps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from billiards_trainer import messages as m
from billiards_trainer.core.guidance import screens
from billiards_trainer.core.guidance.brush import Brush
from billiards_trainer.core.guidance.comparison import Comparison
from billiards_trainer.core.guidance.drill_drawing import drill
from billiards_trainer.core.guidance.palette import inks_for
from billiards_trainer.core.guidance.shot_drawing import comparison, guidance
from billiards_trainer.table import Table

_HEAD_TO_FOOT = math.pi / 2


@dataclass(frozen=True, slots=True)
class View:
    """What the scene is made from.

    Attributes:
        assistance: how much the player wants to see.
        phase: what the game is doing.
        prediction: of the present aim.
        comparison: of the last shot, while it is to be seen.
        drill: what is to be set up and played, at the level of that name.
        notice: something that the player must know, instead of everything else.
        banner: said at all times: that this is no real table.
        screen: what an unused table shows.
        code: a QR code's modules, row by row, that was asked for.
    """

    assistance: str
    phase: m.Phase
    prediction: m.Prediction | None = None
    comparison: Comparison | None = None
    drill: m.Drill | None = None
    notice: str | None = None
    banner: str | None = None
    screen: screens.Screen = screens.Screen.PLAY
    code: tuple[tuple[bool, ...], ...] = ()


def build_scene(state: m.TableState, table: Table, view: View) -> m.Scene:
    """The scene for one table state."""
    balls = [b for b in state.balls if not b.in_hand]
    elements: list[m.Element] = []
    if view.screen is not screens.Screen.NIGHT:
        elements += _picture(state, table, view, balls)
    if view.banner is not None and view.screen is not screens.Screen.NIGHT:
        elements.append(screens.banner(table, view.banner))
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


def _picture(
    state: m.TableState, table: Table, view: View, balls: list[m.BallState]
) -> list[m.Element]:
    toward = _HEAD_TO_FOOT if view.prediction is None else view.prediction.angle_rad
    brush = Brush(table, balls, inks_for(state.cloth_colour), toward)
    elements: list[m.Element] = []
    if view.notice is not None:
        return screens.notice(table, view.notice)
    if view.code:
        elements += screens.code(table, view.code)
    if view.screen is screens.Screen.IDLE:
        return elements + screens.idle(table)
    if view.comparison is not None and view.phase is not m.Phase.SHOT and view.assistance != "off":
        elements += comparison(brush, view.comparison)
    if view.assistance == "drill":
        if view.drill is not None and view.phase is not m.Phase.SHOT:
            elements += drill(brush, view.drill, balls)
    elif view.prediction is not None and view.phase is m.Phase.AIMING and view.assistance != "off":
        elements += guidance(brush, view.prediction, view.assistance)
    return elements
