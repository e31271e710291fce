"""A ball meets a straight cushion or a jaw.

The rubber touches the ball at the nose's height h, usually above the ball's centre.  All models get
the horizontal unit vector from the cushion to the ball's centre; jaws differ from straight cushions
in that, and in STRONGE, where as in pooltool the contact normal runs from the jaw's axis at nose
height to the ball's centre.

* MIRROR: the horizontal normal velocity is reversed and multiplied by ``e_cushion``.
* HAN_2005: an impulse along the line from the nose to the centre, sin θ = h/R - 1, and Coulomb
  friction across it that may make the contact stick (I. Han 2005, equations 14 to 23).
* STRONGE: the rubber is a spring in both directions, so that the contact may stick, store energy
  across, and slip again (W. J. Stronge, Impact Mechanics, 2nd ed., ch. 5); ``cushion_ratio`` is the
  ratio of the two natural frequencies.
* MATHAVAN_2010: the impact in small steps, with friction on the cloth; see ``mathavan``.

The cloth keeps the ball down: the vertical velocity is dropped.  Contacts slower than
``layout.SLOW`` take the whole normal velocity in every model.
"""

from __future__ import annotations

import math

from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.layout import (
    N_E_CUSHION,
    N_MASS,
    N_MU_CUSHION,
    N_RADIUS,
    N_RATIO,
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
from billiards_trainer.physics.mathavan import cushion
from billiards_trainer.physics.parameters import CushionModel
from billiards_trainer.physics.state import Floats

_MIRROR = int(CushionModel.MIRROR)
_HAN = int(CushionModel.HAN_2005)
_MATHAVAN = int(CushionModel.MATHAVAN_2010)

# Inverse effective masses of a solid sphere against a wall, in units of 1/m: normal and across.
_ACROSS = 3.5
# Slower slip has no direction worth dividing by, m/s.
_NO_SLIP = 1e-12
_HALF_PI = 0.5 * math.pi


@kernel
def rebound(
    ball: Floats,
    nx: float,
    ny: float,
    reach: float,
    gap: float,
    height: float,
    numbers: Floats,
    model: int,
) -> None:
    """Change velocity and spin of a ball (row of the ball array) by its impact on a cushion.

    ``nx, ny`` is the horizontal unit vector from the cushion to the ball's centre, ``reach`` the
    horizontal distance from it (of a jaw: from its axis), ``gap`` that between the surfaces, and
    ``height`` that of the nose, in metres.
    """
    closing = -(ball[VX] * nx + ball[VY] * ny)
    if closing <= 0.0:
        return
    # It is freed of what it has sunk in: rounding, unless it was pressed.
    ball[X] -= min(gap, 0.0) * nx
    ball[Y] -= min(gap, 0.0) * ny
    if closing < SLOW:
        # It stays at the cushion.
        ball[VX] += closing * nx
        ball[VY] += closing * ny
        return
    if model == _MIRROR:
        bounce = (1.0 + numbers[N_E_CUSHION]) * closing
        ball[VX] += bounce * nx
        ball[VY] += bounce * ny
        return
    if model == _MATHAVAN:
        _integrate(ball, nx, ny, height, numbers)
        return
    radius = numbers[N_RADIUS]
    e = numbers[N_E_CUSHION]
    mu = numbers[N_MU_CUSHION]
    # Contact normal from nose to centre: (c·n, -s).
    if model == _HAN:
        s = min(max(height / radius - 1.0, -0.999), 0.999)
        c = math.sqrt(1.0 - s * s)
    else:
        rise = height - radius
        length = math.sqrt(reach * reach + rise * rise)
        s = rise / length
        c = reach / length
    # Directions across: t = ẑ × n (horizontal), and b = (s·n, c), which points up the cushion.
    wn = ball[WX] * nx + ball[WY] * ny
    wt = -ball[WX] * ny + ball[WY] * nx
    # Velocity of the ball's contact point, v - R ω × normal, along t and b.
    ut = -ball[VX] * ny + ball[VY] * nx - radius * (c * ball[WZ] + s * wn)
    ub = -closing * s + radius * wt
    un = -closing * c
    slip = math.hypot(ut, ub)
    # Change of the contact point's speed across (it divides by 7/2 for the centre's).
    if model == _HAN:
        change = min(_ACROSS * mu * (1.0 + e) * -un, slip)
    else:
        change = _stronge(slip, -un, e, mu, numbers[N_RATIO])
    gain_n = (1.0 + e) * -un
    gain_t = 0.0
    gain_b = 0.0
    if slip > _NO_SLIP:
        share = change / (_ACROSS * slip)
        gain_t = -share * ut
        gain_b = -share * ub
    out = gain_n * c + gain_b * s
    ball[VX] += out * nx - gain_t * ny
    ball[VY] += out * ny + gain_t * nx
    # Δω = -(5/2R) normal × Δv, with normal × t = b and normal × b = -t.
    k = 2.5 / radius
    along_n = -k * gain_t * s
    along_t = k * gain_b
    ball[WX] += along_n * nx - along_t * ny
    ball[WY] += along_n * ny + along_t * nx
    ball[WZ] += -k * gain_t * c


@kernel
def _integrate(ball: Floats, nx: float, ny: float, height: float, numbers: Floats) -> None:
    """MATHAVAN_2010 in its own frame: y into the cushion, x = y × z."""
    yx, yy = -nx, -ny
    vx, vy, wx, wy, wz = cushion(
        ball[VX] * yy - ball[VY] * yx,
        ball[VX] * yx + ball[VY] * yy,
        ball[WX] * yy - ball[WY] * yx,
        ball[WX] * yx + ball[WY] * yy,
        ball[WZ],
        numbers[N_MASS],
        numbers[N_RADIUS],
        height,
        numbers[N_E_CUSHION],
        numbers[N_MU_CUSHION],
        numbers[N_SLIDE],
    )
    ball[VX], ball[VY] = vx * yy + vy * yx, -vx * yx + vy * yy
    ball[WX], ball[WY], ball[WZ] = wx * yy + wy * yx, -wx * yx + wy * yy, wz


@kernel
def _stronge(slip: float, closing: float, e: float, mu: float, ratio: float) -> float:
    """By how much the speed of the contact point across falls, m/s; more than ``slip`` if it turns.

    The phase θ is time times the normal frequency.  While the rubber is compressed (θ up to π/2)
    the normal force goes with sin θ, while it is released with sin φ, φ = π/2 + (θ - π/2)/e.
    Sliding drags the tangential spring along at the friction limit; a contact that sticks lets it
    swing with ``ratio`` times the frequency, until it is at the limit again.  Usually that is the
    limit of the other side, and it slips back; where the rubber lets go faster than the spring
    swings (e·ratio < 1) it may be the limit of the same side, and it slips on.  It does not stick
    a second time.

    Args:
        slip: initial speed across, m/s, not negative.
        closing: initial speed along the normal, m/s, positive.
        e: restitution.
        mu: friction.
        ratio: tangential over normal frequency, 1…2.
    """
    if slip <= 0.0 or mu <= 0.0:
        return 0.0
    # From here on speeds are in units of mu·closing, displacements in that over the frequency.
    unit = mu * closing
    limit = _ACROSS / (ratio * ratio)
    # It slides throughout if it does at the end of the compression and at that of the release:
    # in between, its speed past the rubber changes in one direction only.
    if slip >= max(_ACROSS, _ACROSS * (1.0 + e) - limit / e) * unit:
        return _ACROSS * (1.0 + e) * unit
    angle = slip / unit
    # Phase at which the contact sticks, and the spring's displacement and speed there.
    if angle <= limit:
        begin = 0.0
        u = 0.0
        v = angle
    elif angle <= _ACROSS:
        begin = math.acos(min(max((angle - _ACROSS) / (limit - _ACROSS), -1.0), 1.0))
        u = limit * math.sin(begin)
        v = angle - _ACROSS * (1.0 - math.cos(begin))
    else:
        x = (angle - _ACROSS) / (limit / e - e * _ACROSS)
        phi = math.acos(min(max(x, -1.0), 1.0))
        begin = _HALF_PI + e * (phi - _HALF_PI)
        u = limit * math.sin(phi)
        v = angle - _ACROSS * (1.0 - e * math.cos(phi))
    # Phase at which it slips again, by Newton within a bracket: limit·sin φ is what the spring's
    # displacement reaches, or that turned to the other side.
    lo = max(begin, _HALF_PI)
    hi = _HALF_PI * (1.0 + e)
    swing = ratio * (hi - begin)
    side = 1.0 if u * math.cos(swing) + v / ratio * math.sin(swing) >= 0.0 else -1.0
    theta = 0.5 * (lo + hi)
    for _ in range(60):
        phi = _HALF_PI + (theta - _HALF_PI) / e
        swing = ratio * (theta - begin)
        cos_swing, sin_swing = math.cos(swing), math.sin(swing)
        g = limit * math.sin(phi) - side * (u * cos_swing + v / ratio * sin_swing)
        if g > 0.0:
            lo = theta
        else:
            hi = theta
        slope = limit / e * math.cos(phi) - side * (v * cos_swing - ratio * u * sin_swing)
        after = theta - g / slope if slope != 0.0 else lo
        if not lo < after < hi:
            after = 0.5 * (lo + hi)
        if abs(after - theta) < 1e-13:
            break
        theta = after
    phi = _HALF_PI + (theta - _HALF_PI) / e
    swing = ratio * (theta - begin)
    v = v * math.cos(swing) - ratio * u * math.sin(swing)
    v -= side * _ACROSS * e * (1.0 + math.cos(phi))
    return (angle - v) * unit
