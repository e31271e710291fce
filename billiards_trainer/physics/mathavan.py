"""The two impact models of Mathavan, Jackson and Parkin, integrated over the impulse.

Both follow the impact in small steps of the normal impulse and let every contact, also the one with
the cloth, slip under Coulomb friction: ball on cushion in Proc. IMechE C 224 (2010) 1863, ball on
ball in Sports Engineering 17 (2014) 227.  They cost some hundred times more than the closed forms.
Step sizes are those of pooltool's versions, so that results can be compared; where a slow ball
would get fewer than eight steps at a cushion, they are finer.  One thing differs: between balls,
pooltool takes the spin's part in the slip on the cloth with the other sign, and gains energy.

Such steps err by about their size: friction turns a slip that it should stop, the last step goes
too far.  Where that would gain energy (with hardly any loss or friction, or with a lot of friction)
the impact is worked out anew with *careful* steps: friction stops a slip but does not turn it, the
cloth does not pull down a ball that the nose lifts, and the last steps are cut short.
"""

from __future__ import annotations

import math

from billiards_trainer.physics.compilation import kernel

# Steps of an impact between balls, and at most of a compression at a cushion.
_STEPS = 1000
# By how much an impulse across changes the slip at one ball's contact, times the ball's mass; where
# two balls meet, twice that.
_ACROSS = 3.5
# Smallest step at a cushion, N s, unless the ball is slow.
_IMPULSE = 1e-3
_FEWEST = 8.0

Pair = tuple[float, float]
Triple = tuple[float, float, float]
Five = tuple[float, float, float, float, float]


@kernel
def _direction(x: float, y: float) -> tuple[float, float]:
    """Unit vector; along x where there is none."""
    size = math.sqrt(x * x + y * y)
    if size > 0.0:
        return x / size, y / size
    return 1.0, 0.0


@kernel
def _cushion_step(
    vx: float,
    vy: float,
    wx: float,
    wy: float,
    wz: float,
    step: float,
    mass: float,
    radius: float,
    sine: float,
    cosine: float,
    mu_cushion: float,
    mu_cloth: float,
) -> Five:
    """One step of the impulse: equations 12 to 17 of the paper (y points into the cushion)."""
    c, s = _direction(
        vx + radius * (wy * sine - wz * cosine),
        -vy * sine + wx * radius,
    )
    cc, sc = _direction(vx - wy * radius, vy + wx * radius)
    # The cloth carries what the nose presses down.
    pressed = mu_cloth * (sine + mu_cushion * s * cosine)
    k = step / mass
    j = 2.5 * step / (mass * radius)
    return (
        vx - k * (mu_cushion * c + cc * pressed),
        vy - k * (cosine - mu_cushion * sine * s + sc * pressed),
        wx - j * (mu_cushion * s + sc * pressed),
        wy - j * (mu_cushion * c * sine - cc * pressed),
        wz + j * mu_cushion * c * cosine,
    )


@kernel
def _rub(x: float, y: float, most: float, stops: float) -> tuple[float, float]:
    """Impulse along a slip (x, y) m/s: ``most`` N s, or what stops it, ``stops`` kg times it."""
    size = math.sqrt(x * x + y * y)
    if size <= 0.0 or most <= 0.0:
        return 0.0, 0.0
    share = min(most / size, stops)
    return share * x, share * y


@kernel
def _careful_step(
    vx: float,
    vy: float,
    wx: float,
    wy: float,
    wz: float,
    step: float,
    mass: float,
    radius: float,
    sine: float,
    cosine: float,
    mu_cushion: float,
    mu_cloth: float,
) -> Five:
    """The same, but friction does not turn a slip, and the cloth only pushes."""
    stops = mass / _ACROSS
    px, pz = _rub(
        vx + radius * (wy * sine - wz * cosine),
        -vy * sine + wx * radius,
        mu_cushion * step,
        stops,
    )
    # The cloth carries what the nose presses down.
    pressed = mu_cloth * (sine * step + cosine * pz)
    qx, qy = _rub(vx - wy * radius, vy + wx * radius, pressed, stops)
    j = 2.5 / (mass * radius)
    return (
        vx - (px + qx) / mass,
        vy - (cosine * step - sine * pz + qy) / mass,
        wx - j * (pz + qy),
        wy - j * (sine * px - qx),
        wz + j * cosine * px,
    )


@kernel
def _energy(vx: float, vy: float, wx: float, wy: float, wz: float, radius: float) -> float:
    """Of motion and spin over mass, J/kg."""
    return 0.5 * (vx * vx + vy * vy) + 0.2 * radius * radius * (wx * wx + wy * wy + wz * wz)


@kernel
def _step(
    vx: float,
    vy: float,
    wx: float,
    wy: float,
    wz: float,
    step: float,
    mass: float,
    radius: float,
    sine: float,
    cosine: float,
    mu_cushion: float,
    mu_cloth: float,
    careful: bool,
) -> Five:
    if careful:
        return _careful_step(
            vx, vy, wx, wy, wz, step, mass, radius, sine, cosine, mu_cushion, mu_cloth
        )
    return _cushion_step(vx, vy, wx, wy, wz, step, mass, radius, sine, cosine, mu_cushion, mu_cloth)


@kernel
def _press(
    vx: float,
    vy: float,
    wx: float,
    wy: float,
    wz: float,
    mass: float,
    radius: float,
    height: float,
    e: float,
    mu_cushion: float,
    mu_cloth: float,
    careful: bool,
) -> Five:
    sine = min(max(height / radius - 1.0, -0.999), 0.999)
    cosine = math.sqrt(1.0 - sine * sine)
    step = max(mass * vy / _STEPS, min(_IMPULSE, mass * vy / _FEWEST))
    work = 0.0
    for _ in range(10 * _STEPS):
        if vy <= 0.0:
            break
        ax, ay, bx, by, bz = _step(
            vx, vy, wx, wy, wz, step, mass, radius, sine, cosine, mu_cushion, mu_cloth, careful
        )
        if ay > 0.0:
            vx, vy, wx, wy, wz = ax, ay, bx, by, bz
            work += step * abs(vy) * cosine
            continue
        # The compression ends within this step: eight halvings up to where the ball stands.
        part = step
        for _ in range(8):
            part *= 0.5
            ax, ay, bx, by, bz = _step(
                vx, vy, wx, wy, wz, part, mass, radius, sine, cosine, mu_cushion, mu_cloth, careful
            )
            if ay > 0.0:
                vx, vy, wx, wy, wz = ax, ay, bx, by, bz
                work += part * abs(vy) * cosine
        break
    # The release gives back e² of the work of the compression.
    target = e * e * work
    step = max(target / _STEPS, min(_IMPULSE, step))
    work = 0.0
    for _ in range(10 * _STEPS):
        if work >= target:
            break
        gain = step * abs(vy) * cosine
        last = work + gain > target
        if last:
            step = (target - work) / (abs(vy) * cosine)
        vx, vy, wx, wy, wz = _step(
            vx, vy, wx, wy, wz, step, mass, radius, sine, cosine, mu_cushion, mu_cloth, careful
        )
        work += step * abs(vy) * cosine
        if last:
            break
    return vx, vy, wx, wy, wz


@kernel
def cushion(
    vx: float,
    vy: float,
    wx: float,
    wy: float,
    wz: float,
    mass: float,
    radius: float,
    height: float,
    e: float,
    mu_cushion: float,
    mu_cloth: float,
) -> Five:
    """Velocity and spin after an impact on a cushion towards +y; ``vy`` must be positive."""
    before = _energy(vx, vy, wx, wy, wz, radius)
    ax, ay, bx, by, bz = _press(
        vx, vy, wx, wy, wz, mass, radius, height, e, mu_cushion, mu_cloth, False
    )
    if _energy(ax, ay, bx, by, bz, radius) > before:
        ax, ay, bx, by, bz = _press(
            vx, vy, wx, wy, wz, mass, radius, height, e, mu_cushion, mu_cloth, True
        )
    return ax, ay, bx, by, bz


@kernel
def _meet(
    vi: Pair,
    wi: Triple,
    vj: Pair,
    wj: Triple,
    mass: float,
    radius: float,
    e: float,
    mu_ball: float,
    mu_cloth: float,
) -> tuple[Pair, Triple, Pair, Triple]:
    vix, viy = vi
    vjx, vjy = vj
    wix, wiy, wiz = wi
    wjx, wjy, wjz = wj
    apart = vjy - viy
    step = 0.5 * (1.0 + e) * mass * abs(apart) / _STEPS
    j = 2.5 / (mass * radius)
    work = 0.0
    target = math.inf
    for _ in range(20 * _STEPS):
        if apart >= 0.0 and work >= target:
            break
        # Slip between the balls, along x and z.
        ux = vix - vjx - radius * (wiz + wjz)
        uz = radius * (wix + wjx)
        slip = math.sqrt(ux * ux + uz * uz)
        p1 = p2 = pix = piy = pjx = pjy = 0.0
        if slip >= 1e-16:
            p1 = -mu_ball * step * ux / slip
            if abs(uz) >= 1e-16:
                p2 = -mu_ball * step * uz / slip
                # The ball that is pressed down rubs on the cloth.
                if p2 > 0.0:
                    sx, sy = vjx - radius * wjy, vjy + radius * wjx
                    size = math.sqrt(sx * sx + sy * sy)
                    if size > 0.0:
                        pjx = -mu_cloth * sx / size * p2
                        pjy = -mu_cloth * sy / size * p2
                else:
                    sx, sy = vix - radius * wiy, viy + radius * wix
                    size = math.sqrt(sx * sx + sy * sy)
                    if size > 0.0:
                        pix = mu_cloth * sx / size * p2
                        piy = mu_cloth * sy / size * p2
        vix += (p1 + pix) / mass
        viy += (piy - step) / mass
        vjx += (pjx - p1) / mass
        vjy += (pjy + step) / mass
        wix += j * (p2 + piy)
        wiy -= j * pix
        wiz -= j * p1
        wjx += j * (p2 + pjy)
        wjy -= j * pjx
        wjz -= j * p1
        before = apart
        apart = vjy - viy
        work += 0.5 * step * abs(before + apart)
        if target == math.inf and apart > 0.0:
            target = (1.0 + e * e) * work
    return (vix, viy), (wix, wiy, wiz), (vjx, vjy), (wjx, wjy, wjz)


@kernel
def _meet_carefully(
    vi: Pair,
    wi: Triple,
    vj: Pair,
    wj: Triple,
    mass: float,
    radius: float,
    e: float,
    mu_ball: float,
    mu_cloth: float,
) -> tuple[Pair, Triple, Pair, Triple]:
    vix, viy = vi
    vjx, vjy = vj
    wix, wiy, wiz = wi
    wjx, wjy, wjz = wj
    apart = vjy - viy
    step = 0.5 * (1.0 + e) * mass * abs(apart) / _STEPS
    j = 2.5 / (mass * radius)
    work = 0.0
    target = math.inf
    apart = min(apart, 0.0)
    released = False
    for _ in range(20 * _STEPS):
        if released and work >= target:
            break
        # The last step of the compression, or of the release, is cut to what is left.
        part = step
        if not released:
            part = min(step, -0.5 * mass * apart)
        else:
            left = target - work
            part = min(step, 0.5 * mass * (math.sqrt(apart * apart + 4.0 * left / mass) - apart))
            if part <= 1e-9 * step:
                break
        # Slip between the balls, along x and z.
        ux = vix - vjx - radius * (wiz + wjz)
        uz = radius * (wix + wjx)
        p1, p2 = _rub(ux, uz, mu_ball * part, 0.5 * mass / _ACROSS)
        pix = piy = pjx = pjy = 0.0
        # The ball that is pressed down rubs on the cloth.
        if p2 < 0.0:
            pjx, pjy = _rub(vjx - radius * wjy, vjy + radius * wjx, -mu_cloth * p2, mass / _ACROSS)
        elif p2 > 0.0:
            pix, piy = _rub(vix - radius * wiy, viy + radius * wix, mu_cloth * p2, mass / _ACROSS)
        vix -= (p1 + pix) / mass
        viy -= (piy + part) / mass
        vjx -= (pjx - p1) / mass
        vjy -= (pjy - part) / mass
        wix -= j * (p2 + piy)
        wiy += j * pix
        wiz += j * p1
        wjx -= j * (p2 + pjy)
        wjy += j * pjx
        wjz += j * p1
        before = apart
        apart = vjy - viy
        work += 0.5 * part * abs(before + apart)
        if not released and apart >= -1e-9 * step / mass:
            released = True
            target = work + e * e * work
    return (vix, viy), (wix, wiy, wiz), (vjx, vjy), (wjx, wjy, wjz)


@kernel
def balls(
    vi: Pair,
    wi: Triple,
    vj: Pair,
    wj: Triple,
    mass: float,
    radius: float,
    e: float,
    mu_ball: float,
    mu_cloth: float,
) -> tuple[Pair, Triple, Pair, Triple]:
    """Velocities and spins of two balls after their impact.

    In the frame whose y runs from ball i to ball j, z up and x = y × z.
    """
    before = _energy(vi[0], vi[1], wi[0], wi[1], wi[2], radius)
    before += _energy(vj[0], vj[1], wj[0], wj[1], wj[2], radius)
    ai, bi, aj, bj = _meet(vi, wi, vj, wj, mass, radius, e, mu_ball, mu_cloth)
    after = _energy(ai[0], ai[1], bi[0], bi[1], bi[2], radius)
    after += _energy(aj[0], aj[1], bj[0], bj[1], bj[2], radius)
    if after > before:
        return _meet_carefully(vi, wi, vj, wj, mass, radius, e, mu_ball, mu_cloth)
    return ai, bi, aj, bj
