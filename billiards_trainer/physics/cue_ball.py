"""The cue strikes a ball.

An instantaneous blow at one point without miscue (D. Alciatore, TP A-30; Leckie and Greenspan
2006).  With the tip offset (side, height) in ball radii at right angles to the cue, cue speed V,
masses m of the ball and M of the cue:

    v = 2 V / (1 + m/M + 5/2 (side² + height²)),    ω = 5 v / 2R · (offset × direction)

The cloth takes the vertical part of v when the cue is elevated.  The tip's own mass deflects the
ball away from the side that is hit (squirt, TP A-31).
"""

from __future__ import annotations

import math

from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.layout import N_MASS, N_RADIUS, VX, VY, WX, WY, WZ
from billiards_trainer.physics.parameters import CueModel
from billiards_trainer.physics.state import Floats

_POINT = int(CueModel.POINT)

# Entries of a strike in an array.
BALL, SPEED, DIRECTION, ELEVATION, SIDE, HEIGHT, CUE_MASS, END_MASS = range(8)
STRIKE_COLUMNS = 8


@kernel
def strike_ball(ball: Floats, strike: Floats, numbers: Floats, model: int) -> None:
    """Give a ball (row of the ball array) the velocity and spin of a strike."""
    side, height = strike[SIDE], strike[HEIGHT]
    mass = numbers[N_MASS]
    speed = (
        2.0
        * strike[SPEED]
        / (1.0 + mass / strike[CUE_MASS] + 2.5 * (side * side + height * height))
    )
    fx, fy = math.cos(strike[DIRECTION]), math.sin(strike[DIRECTION])
    ce, se = math.cos(strike[ELEVATION]), math.sin(strike[ELEVATION])
    k = 2.5 * speed / numbers[N_RADIUS]
    ball[WX] = k * (-height * fy + side * se * fx)
    ball[WY] = k * (height * fx + side * se * fy)
    ball[WZ] = k * side * ce
    along = speed * ce
    if model == _POINT:
        rest = 1.0 - side * side
        squirt = math.atan2(
            2.5 * side * math.sqrt(max(rest, 0.0)),
            1.0 + mass / strike[END_MASS] + 2.5 * rest,
        )
        cs, ss = math.cos(squirt), math.sin(squirt)
        fx, fy = cs * fx - ss * fy, ss * fx + cs * fy
    ball[VX] = along * fx
    ball[VY] = along * fy
