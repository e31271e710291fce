"""Two balls of equal mass and size meet.

Models (``parameters.BallBallModel``):

* ELASTIC: the velocities along the line of centres are exchanged.
* ALCIATORE: restitution ``e_ball`` along the line of centres; across it, friction slows the
  surfaces past each other by at most what makes them stick (a seventh of the slip each), with
  μ = a + b·exp(-c·v), the fit to Marlow's measurements in D. Alciatore, TP A-14; spin is
  transferred as in TP A-5 and A-6.  The friction impulse is μ·e·v_n: those proofs have e = 1, and
  the public engine that extended them to e < 1, pooltool, takes the normal speed after the impact.
* COULOMB: the same with a constant μ.
* MATHAVAN_2014: the impact in small steps, with friction on the cloth; see ``mathavan``.

The cloth keeps the balls down: the vertical velocity that friction would give is dropped.  Contacts
slower than ``layout.SLOW`` take the whole normal velocity in every model.
"""

from __future__ import annotations

import math

from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.layout import (
    DEEP,
    N_E_BALL,
    N_MASS,
    N_MU_A,
    N_MU_B,
    N_MU_BALL,
    N_MU_C,
    N_RADIUS,
    N_SLIDE,
    SLOW,
    VX,
    VY,
    WX,
    WY,
    WZ,
    X,
    Y,
)
from billiards_trainer.physics.mathavan import balls
from billiards_trainer.physics.parameters import BallBallModel
from billiards_trainer.physics.state import Floats

_ELASTIC = int(BallBallModel.ELASTIC)
_COULOMB = int(BallBallModel.COULOMB)
_MATHAVAN = int(BallBallModel.MATHAVAN_2014)


@kernel
def collide(first: Floats, second: Floats, numbers: Floats, model: int) -> None:
    """Change velocity and spin of two touching balls (rows of the ball array) by their impact."""
    nx, ny = second[X] - first[X], second[Y] - first[Y]
    distance = math.sqrt(nx * nx + ny * ny)
    nx /= distance
    ny /= distance
    rx, ry = first[VX] - second[VX], first[VY] - second[VY]
    closing = rx * nx + ry * ny
    if closing <= 0.0 and distance > 2.0 * numbers[N_RADIUS] - DEEP:
        return
    # They are freed of what they have sunk into each other: rounding, unless they were pressed.
    free = 0.5 * min(distance - 2.0 * numbers[N_RADIUS], 0.0)
    first[X] += free * nx
    first[Y] += free * ny
    second[X] -= free * nx
    second[Y] -= free * ny
    if closing <= 0.0:
        return
    if closing < SLOW:
        # They go on together.
        half = 0.5 * closing
        first[VX] -= half * nx
        first[VY] -= half * ny
        second[VX] += half * nx
        second[VY] += half * ny
        return
    if model == _ELASTIC:
        first[VX] -= closing * nx
        first[VY] -= closing * ny
        second[VX] += closing * nx
        second[VY] += closing * ny
        return
    e = numbers[N_E_BALL]
    radius = numbers[N_RADIUS]
    if model == _MATHAVAN:
        _integrate(first, second, nx, ny, numbers)
        return
    # Velocity of the first ball's surface past the second's, along t = ẑ × n and along z.
    ut = ry * nx - rx * ny + radius * (first[WZ] + second[WZ])
    uz = radius * ((first[WX] + second[WX]) * ny - (first[WY] + second[WY]) * nx)
    slip = math.hypot(ut, uz)
    dt = 0.0
    dz = 0.0
    if slip > 0.0:
        if model == _COULOMB:
            mu = numbers[N_MU_BALL]
        else:
            mu = numbers[N_MU_A] + numbers[N_MU_B] * math.exp(-numbers[N_MU_C] * slip)
        share = min(mu * e * closing / slip, 1.0 / 7.0)
        dt = -share * ut
        dz = -share * uz
    dn = -0.5 * (1.0 + e) * closing
    dvx = dn * nx - dt * ny
    dvy = dn * ny + dt * nx
    first[VX] += dvx
    first[VY] += dvy
    second[VX] -= dvx
    second[VY] -= dvy
    # Δω = (5/2R) n × Δv, alike for both balls.
    k = 2.5 / radius
    dwx, dwy, dwz = k * dz * ny, -k * dz * nx, k * dt
    first[WX] += dwx
    first[WY] += dwy
    first[WZ] += dwz
    second[WX] += dwx
    second[WY] += dwy
    second[WZ] += dwz


@kernel
def _integrate(first: Floats, second: Floats, nx: float, ny: float, numbers: Floats) -> None:
    """MATHAVAN_2014 in its own frame: y along the line of centres, x = y × z."""
    radius = numbers[N_RADIUS]
    ut = (first[VX] - second[VX]) * ny - (first[VY] - second[VY]) * nx
    ut -= radius * (first[WZ] + second[WZ])
    uz = radius * ((first[WX] + second[WX]) * ny - (first[WY] + second[WY]) * nx)
    slip = math.hypot(ut, uz)
    mu = numbers[N_MU_A] + numbers[N_MU_B] * math.exp(-numbers[N_MU_C] * slip)
    vi, wi, vj, wj = balls(
        (first[VX] * ny - first[VY] * nx, first[VX] * nx + first[VY] * ny),
        (first[WX] * ny - first[WY] * nx, first[WX] * nx + first[WY] * ny, first[WZ]),
        (second[VX] * ny - second[VY] * nx, second[VX] * nx + second[VY] * ny),
        (second[WX] * ny - second[WY] * nx, second[WX] * nx + second[WY] * ny, second[WZ]),
        numbers[N_MASS],
        radius,
        numbers[N_E_BALL],
        mu,
        numbers[N_SLIDE],
    )
    first[VX], first[VY] = vi[0] * ny + vi[1] * nx, -vi[0] * nx + vi[1] * ny
    second[VX], second[VY] = vj[0] * ny + vj[1] * nx, -vj[0] * nx + vj[1] * ny
    first[WX], first[WY], first[WZ] = wi[0] * ny + wi[1] * nx, -wi[0] * nx + wi[1] * ny, wi[2]
    second[WX], second[WY], second[WZ] = wj[0] * ny + wj[1] * nx, -wj[0] * nx + wj[1] * ny, wj[2]
