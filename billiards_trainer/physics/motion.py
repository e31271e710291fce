"""How a ball moves between two events, in closed form.

After J. Walker's and W. C. Marlow's treatment of a sphere on a plane with Coulomb friction: the
contact point slides with velocity u = v + ω × (-R ẑ) until friction has made it stand still
(2|u| / 7μ_s g), always along the same direction, so that the centre runs on a parabola; then the
ball rolls along a straight line and loses μ_r g; spin about the vertical decays on its own.
"""

from __future__ import annotations

import math

import numpy as np

from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.layout import (
    AX,
    AY,
    BX,
    BY,
    BZ,
    MOTION,
    N_GRAVITY,
    N_RADIUS,
    N_ROLL,
    N_SLIDE,
    N_SPIN,
    TIME,
    UNTIL,
    VX,
    VY,
    WX,
    WY,
    WZ,
    X,
    Y,
)
from billiards_trainer.physics.state import SLOWEST, Floats, Motion

_RESTING = int(Motion.RESTING)
_SPINNING = int(Motion.SPINNING)
_SLIDING = int(Motion.SLIDING)
_ROLLING = int(Motion.ROLLING)
_POCKETED = int(Motion.POCKETED)


@kernel
def settle(ball: Floats, numbers: Floats, may_slide: bool) -> None:
    """Decide how a ball moves from its velocity and spin, and set the coefficients of its path.

    ``ball`` is a row of the ball array whose time, position, velocity and spin are given;
    ``may_slide`` is false when the slide has just ended, so that what is left of it is rounding.
    """
    radius = numbers[N_RADIUS]
    gravity = numbers[N_GRAVITY]
    vx, vy = ball[VX], ball[VY]
    if abs(ball[WZ]) <= SLOWEST:
        ball[WZ] = 0.0
    decay = 2.5 * numbers[N_SPIN] * gravity / radius
    ball[BZ] = -math.copysign(decay, ball[WZ]) if ball[WZ] != 0.0 else 0.0
    ux = vx - radius * ball[WY]
    uy = vy + radius * ball[WX]
    slip = math.sqrt(ux * ux + uy * uy)
    speed = math.sqrt(vx * vx + vy * vy)
    if may_slide and slip > SLOWEST:
        friction = numbers[N_SLIDE] * gravity
        ax, ay = -friction * ux / slip, -friction * uy / slip
        ball[AX], ball[AY] = ax, ay
        ball[BX], ball[BY] = 2.5 * ay / radius, -2.5 * ax / radius
        ball[UNTIL] = ball[TIME] + slip / (3.5 * friction)
        ball[MOTION] = _SLIDING
        return
    if speed > SLOWEST:
        friction = numbers[N_ROLL] * gravity
        ax, ay = -friction * vx / speed, -friction * vy / speed
        ball[WX], ball[WY] = -vy / radius, vx / radius
        ball[AX], ball[AY] = ax, ay
        ball[BX], ball[BY] = -ay / radius, ax / radius
        ball[UNTIL] = ball[TIME] + speed / friction
        ball[MOTION] = _ROLLING
        return
    ball[VX] = ball[VY] = ball[WX] = ball[WY] = 0.0
    ball[AX] = ball[AY] = ball[BX] = ball[BY] = 0.0
    if ball[WZ] != 0.0:
        ball[UNTIL] = ball[TIME] + abs(ball[WZ]) / decay
        ball[MOTION] = _SPINNING
        return
    ball[UNTIL] = np.inf
    ball[MOTION] = _RESTING


@kernel
def stop(ball: Floats, motion: int) -> None:
    """Take every motion from a ball and call it ``motion``."""
    for column in range(VX, BZ + 1):
        ball[column] = 0.0
    ball[UNTIL] = np.inf
    ball[MOTION] = motion


@kernel
def advance(ball: Floats, time: float) -> None:
    """Move a ball along its closed form to an absolute ``time`` not after its next event."""
    t = time - ball[TIME]
    ball[TIME] = time
    motion = ball[MOTION]
    if t == 0.0 or motion in (_RESTING, _POCKETED):
        return
    half = 0.5 * t
    ball[X] += t * (ball[VX] + half * ball[AX])
    ball[Y] += t * (ball[VY] + half * ball[AY])
    ball[VX] += t * ball[AX]
    ball[VY] += t * ball[AY]
    ball[WX] += t * ball[BX]
    ball[WY] += t * ball[BY]
    wz = ball[WZ]
    if wz != 0.0:
        lost = ball[BZ] * t
        if abs(lost) >= abs(wz):
            ball[WZ] = 0.0
            ball[BZ] = 0.0
        else:
            ball[WZ] = wz + lost
