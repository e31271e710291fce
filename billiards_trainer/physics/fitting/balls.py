"""Fits the restitution between balls to collisions with a ball that lay still.

Velocity and spin of the struck ball just after the impact depend linearly on the restitution in the
engine's models.  Both are known from its leg, some of it well (the velocity with which it begins to
roll, or before that the velocity alone) and some badly, which the leg's covariance says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from billiards_trainer.physics.ball_ball import collide
from billiards_trainer.physics.engine import numbers_of
from billiards_trainer.physics.fitting.cloth import ClothFit
from billiards_trainer.physics.fitting.contacts import Turn
from billiards_trainer.physics.fitting.legs import Leg
from billiards_trainer.physics.layout import BALL_COLUMNS, VX, VY, WX, WY, X, Y
from billiards_trainer.physics.parameters import BallBallModel, PhysicsParameters
from billiards_trainer.physics.state import Floats
from billiards_trainer.table import Table

FEWEST = 5
"""Collisions without which nothing is said."""
_AT_ONCE_S = 0.15
_SLACK = 0.02
"""Balls that meet are a diameter apart, up to so much, m."""
_SLOWEST = 0.3
_FULLEST = math.cos(math.radians(60))
"""Thinner cuts say little about the line of centres."""
_MISFIT = 0.15
"""The struck ball may go otherwise than expected by this share of the speed that came in."""
_PLACE_STD = 0.002
_SYSTEMATIC = 0.02
"""What averaging does not help: the instant of the impact decides where the balls were."""


@dataclass(frozen=True, slots=True)
class BallFit:
    """Attributes:

    value, std: restitution between balls.
    collisions: how many there were.
    """

    value: float
    std: float
    collisions: int


def fit_balls(
    turns: list[Turn],
    legs: list[Leg],
    moving: list[int],
    fit: ClothFit,
    shot_of: list[int],
    table: Table,
    parameters: PhysicsParameters,
    model: BallBallModel,
) -> BallFit | None:
    """Restitution; ``None`` when there are too few collisions.

    Args:
        turns: the changes of motion of all tracks.
        legs: all legs.
        moving: which of them were fitted, in the fit's order.
        fit: of those.
        shot_of: for each track the shot it belongs to.
        table: whose balls.
        parameters: everything else, friction between the balls among it.
        model: how balls part.
    """
    struck = _struck(legs, moving, fit)
    values, variances = [], []
    for turn in turns:
        for k in struck:
            leg = legs[moving[k]]
            if leg.track == turn.track or shot_of[leg.track] != shot_of[turn.track]:
                continue
            if abs(fit.starts[k] - turn.time) > _AT_ONCE_S:
                continue
            found = _restitution(turn, k, fit, table, parameters, model)
            if found is not None:
                values.append(found[0])
                variances.append(found[1])
    if len(values) < FEWEST:
        return None
    return BallFit(*_robust_mean(np.array(values), np.array(variances)), len(values))


def _struck(legs: list[Leg], moving: list[int], fit: ClothFit) -> list[int]:
    """Fitted legs that begin from rest, or with which a track begins."""
    found = []
    for k, i in enumerate(moving):
        first = i == 0 or legs[i - 1].track != legs[i].track
        rested = not first and not legs[i - 1].moves and _lies(legs[i - 1])
        if fit.sound[k] and (first or rested):
            found.append(k)
    return found


def _lies(leg: Leg) -> bool:
    return bool(np.hypot(*np.ptp(leg.places, axis=0)) < 0.02) or len(leg.times) < 3


def _restitution(
    turn: Turn,
    k: int,
    fit: ClothFit,
    table: Table,
    parameters: PhysicsParameters,
    model: BallBallModel,
) -> tuple[float, float] | None:
    """Restitution and its variance from one collision, if it is one."""
    line = _place_of_rest(k, turn.time, fit) - turn.place
    apart = float(np.hypot(*line))
    if abs(apart - table.balls.diameter) > _SLACK:
        return None
    n = line / apart
    came = turn.incoming[:2]
    closing, speed = float(came @ n), float(np.hypot(*came))
    if closing < max(_SLOWEST, _FULLEST * speed):
        return None
    # Friction between the balls hardly changes the striker's spin, which shows best in its slide
    # after the impact.
    entering = np.concatenate([came, came + turn.outgoing[2:] - turn.outgoing[:2]])
    dead, lively = (_struck_motion(entering, n, parameters, model, e) for e in (0.5, 1.0))
    slope = (lively - dead) / 0.5
    seen = fit.state(k, turn.time)[2:]
    # The line of centres is known by the places' errors over their distance, and better by the
    # way the struck ball goes: what turns with it is one unknown more.
    tilt = _PLACE_STD * math.sqrt(2.0) / apart
    across = np.array([-n[1], n[0]])
    left, right = (
        _struck_motion(entering, n + sign * tilt * across, parameters, model, 0.9)
        for sign in (1.0, -1.0)
    )
    turned = 0.5 * (left - right)
    noise = fit.state_covariance(k, turn.time)[2:, 2:] + np.outer(turned, turned)
    noise = noise + (0.01 * speed) ** 2 * np.eye(4)
    heavy = np.linalg.solve(noise, slope)
    value = 0.5 + float(heavy @ (seen - dead) / (heavy @ slope))
    expected = dead + (value - 0.5) * slope
    if float(np.hypot(*(seen - expected)[:2])) > _MISFIT * speed:
        return None
    entered = float(n @ turn.in_covariance[:2, :2] @ n) * ((1.0 + value) / closing) ** 2
    return value, 1.0 / float(heavy @ slope) + entered


def _struck_motion(
    incoming: Floats, n: Floats, parameters: PhysicsParameters, model: BallBallModel, e: float
) -> Floats:
    """Velocity and slip (4,) of a resting ball after the impact of another."""
    radius = parameters.radius
    rows = np.zeros((2, BALL_COLUMNS))
    rows[0, [VX, VY]] = incoming[:2]
    rows[0, [WX, WY]] = (
        (incoming[3] - incoming[1]) / radius,
        -(incoming[2] - incoming[0]) / radius,
    )
    rows[1, [X, Y]] = 2.0 * radius * n / np.hypot(*n)
    collide(rows[0], rows[1], numbers_of(replace(parameters, e_ball=e)), int(model))
    vx, vy = rows[1, [VX, VY]]
    return np.array([vx, vy, vx - radius * rows[1, WY], vy + radius * rows[1, WX]])


def _place_of_rest(k: int, time: float, fit: ClothFit) -> Floats:
    """Where the struck ball lay: its way continued back to the impact, but no farther."""
    return fit.state(k, min(time, float(fit.starts[k])))[:2]


def _robust_mean(values: Floats, variances: Floats) -> tuple[float, float]:
    """Weighted mean with Tukey's weights about the median, and its standard deviation."""
    centre = float(np.median(values))
    spread = max(1.4826 * float(np.median(np.abs(values - centre))), 0.005)
    for _ in range(20):
        off = (values - centre) / (4.685 * np.maximum(np.sqrt(variances), spread))
        weights = np.maximum(1.0 - off**2, 0.0) ** 2 / (variances + spread**2)
        centre = float((weights * values).sum() / weights.sum())
    std = math.sqrt(float((weights**2 * (values - centre) ** 2).sum())) / float(weights.sum())
    n = len(values)
    return centre, math.hypot(std * math.sqrt(n / (n - 1)), _SYSTEMATIC)
