"""First contact: when does a gap that closes under constant acceleration reach zero?

Every event between bodies is the first instant at which a gap, a polynomial of time, passes zero
*downwards*: a quadratic for a straight cushion, a quartic for a ball, a jaw or a pocket.  Roots at
which the bodies part are not contacts, which is why a ball that has just bounced does not bounce
again.  Bodies that touch already are treated by the rules beside ``TOUCH``, ``SINK`` and ``SLOW``
in ``layout``.
"""

from __future__ import annotations

import math

from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.layout import SINK, SLOW, STILL, TOUCH

_NEVER = math.inf
# What overlaps more than SINK already is met when it is this much deeper, m.
_DEEPER = 1e-10
# Closing speed beyond which a touching body has certainly been away and come back, m/s.
_FAST = 20.0 * SLOW


@kernel
def falling_root(c: float, v: float, a: float) -> float:
    """First t ≥ 0 with c + v·t + a·t²/2 = 0 and the left side falling, or infinity; c ≥ 0."""
    square = v * v - 2.0 * a * c
    if square < 0.0:
        return _NEVER
    root = math.sqrt(square)
    if v < 0.0:
        return 2.0 * c / (root - v)
    if a < 0.0:
        return -(v + root) / a
    return _NEVER


@kernel
def line_contact(gap: float, speed: float, acceleration: float) -> float:
    """Time until a ball touches a straight edge, or infinity.

    Args:
        gap: distance between surface and edge, m; negative when it has sunk in.
        speed: rate of change of the gap, m/s.
        acceleration: second derivative of the gap, m/s².
    """
    if gap > TOUCH:
        return falling_root(gap, speed, acceleration)
    if -speed > SLOW or (gap <= -SINK and -speed > STILL):
        return 0.0
    depth = max(SINK, _DEEPER - gap)
    t = falling_root(gap + depth, speed, acceleration)
    if t < _NEVER:
        closing = -(speed + acceleration * t)
        if closing > _FAST:
            # A body that left and comes back at speed: it touches before it could sink in.
            t = max(0.0, t - depth / closing)
    return t


@kernel
def later_falling_root(c: float, v: float, a: float) -> float:
    """First t > 0 with c + v·t + a·t²/2 = 0, rising before and falling then; c ≤ 0."""
    square = v * v - 2.0 * a * c
    if v > 0.0 and a < 0.0 and square > 0.0:
        return -(v + math.sqrt(square)) / a
    return _NEVER


@kernel
def segment_contact(
    px: float,
    py: float,
    vx: float,
    vy: float,
    ax: float,
    ay: float,
    nx: float,
    ny: float,
    length: float,
    radius: float,
    horizon: float,
) -> float:
    """Time until a ball touches one side of a straight edge between its ends, or infinity.

    The arguments are the ball's position from the edge's start, its velocity and acceleration, the
    edge's unit normal on the side in question (the edge then runs along -n turned by +90° or -90°;
    ``length`` is signed accordingly), the ball's radius, and the time after which a contact is of
    no interest (infinity is returned then, or the later contact).
    """
    gap = px * nx + py * ny - radius
    speed = vx * nx + vy * ny
    acceleration = ax * nx + ay * ny
    # Along the edge: n turned by -90°.
    along = px * ny - py * nx
    along_speed = vx * ny - vy * nx
    along_acceleration = ax * ny - ay * nx
    low, high = min(0.0, length), max(0.0, length)
    # A ball beyond the end of the edge may be past its line without being sunk in it.
    if gap > TOUCH or (gap > -radius and low <= along <= high):
        t = line_contact(gap, speed, acceleration)
        if t > horizon:
            return _NEVER
        s = along + t * (along_speed + 0.5 * t * along_acceleration)
        if low <= s <= high:
            return t
    # Beyond the end of the edge it may have come past its line: by a sink's depth where it is
    # pressed along the jaw that the edge is tangent to, or all the way round.  What happens then
    # is decided where it comes level with the edge, at either end.
    first = _NEVER
    for end in range(2):
        if end == 0:
            t = _rising_root(along - low, along_speed, along_acceleration)
        else:
            t = _rising_root(high - along, -along_speed, -along_acceleration)
        if t > horizon:
            continue
        there = gap + t * (speed + 0.5 * t * acceleration)
        if there <= -radius:
            continue
        t += line_contact(there, speed + t * acceleration, acceleration)
        if t < min(first, horizon):
            s = along + t * (along_speed + 0.5 * t * along_acceleration)
            if low - TOUCH <= s <= high + TOUCH:
                first = t
    return first


@kernel
def _rising_root(c: float, v: float, a: float) -> float:
    """First t ≥ 0 with c + v·t + a·t²/2 = 0 and the left side rising, or infinity."""
    if c < 0.0:
        return falling_root(-c, -v, -a)
    return later_falling_root(-c, -v, -a)


@kernel
def quartic_falling_root(
    e: float, d: float, c: float, b: float, a: float, horizon: float, guess: float
) -> float:
    """First t in (0, horizon] with e + d·t + c·t² + b·t³ + a·t⁴ = 0 and falling, or infinity.

    ``e`` must be positive.  On an interval the polynomial is written in Bernstein's form, whose
    coefficients bound it: no change of sign means no root (Descartes), exactly one means one root,
    found by Newton's method kept inside its bracket; more than one halves the interval.

    ``horizon`` is finite and positive; ``guess`` is an instant just after the expected root, or
    anything: a first place to cut.
    """
    low = 0.0
    width = horizon
    if 1e-3 * horizon < guess < horizon:
        width = guess
    smallest = 1e-12 * horizon + 1e-13
    for _ in range(400):
        w = width
        # Bernstein coefficients on [low, low + w] from the polynomial shifted to low.
        d1 = d * w
        c1 = c * w * w
        b1 = b * w * w * w
        a1 = a * w * w * w * w
        p0 = e
        p1 = e + 0.25 * d1
        p2 = e + 0.5 * d1 + c1 / 6.0
        p3 = e + 0.75 * d1 + 0.5 * c1 + 0.25 * b1
        p4 = e + d1 + c1 + b1 + a1
        changes = 0
        sign = p0 > 0.0
        if (p1 > 0.0) != sign:
            changes += 1
            sign = not sign
        if (p2 > 0.0) != sign:
            changes += 1
            sign = not sign
        if (p3 > 0.0) != sign:
            changes += 1
            sign = not sign
        if (p4 > 0.0) != sign:
            changes += 1
        if changes == 1 and p0 > 0.0:
            lo = 0.0
            hi = w
            # The tangent at the left end: short of the root where the gap closes ever slower.
            t = -e / d if e < -d * w else 0.5 * w
            for _ in range(100):
                f = e + t * (d + t * (c + t * (b + t * a)))
                if f > 0.0:
                    lo = t
                else:
                    hi = t
                slope = d + t * (2.0 * c + t * (3.0 * b + t * 4.0 * a))
                step = 0.0 if slope == 0.0 else f / slope
                after = t - step
                if slope == 0.0 or not lo < after < hi:
                    after = 0.5 * (lo + hi)
                if abs(after - t) <= 1e-14 * (1.0 + low) or hi - lo <= 1e-14 * (1.0 + low):
                    t = after
                    break
                t = after
            return low + t
        if changes > 1 and w > smallest:
            width = 0.5 * w
            continue
        # No root here (or one that grazes by less than can be told): go on behind it.
        low += w
        if low >= horizon * (1.0 - 1e-15):
            return _NEVER
        e, d, c, b = (
            e + w * (d + w * (c + w * (b + w * a))),
            d + w * (2.0 * c + w * (3.0 * b + w * 4.0 * a)),
            c + w * (3.0 * b + w * 6.0 * a),
            b + w * 4.0 * a,
        )
        if e <= 0.0:
            return low
        width = min(2.0 * w if changes == 0 else w, horizon - low)
    return _NEVER


@kernel
def circle_contact(
    px: float,
    py: float,
    vx: float,
    vy: float,
    ax: float,
    ay: float,
    reach: float,
    horizon: float,
) -> float:
    """Time until a point comes within ``reach`` of the origin, or infinity if not by ``horizon``.

    The arguments are the point's position, velocity and acceleration now, the sum of the radii in
    metres, and a finite time in seconds.
    """
    square = px * px + py * py
    vv = vx * vx + vy * vy
    aa = ax * ax + ay * ay
    pv = px * vx + py * vy
    # What the point could cover at most: settles most pairs with one square root.
    far = reach + math.sqrt(vv) * horizon + 0.5 * math.sqrt(aa) * horizon * horizon
    if square > far * far:
        return _NEVER
    depth = 0.0
    touching = square <= (reach + TOUCH) * (reach + TOUCH)
    if touching:
        distance = math.sqrt(square)
        if distance <= 0.0:
            return _NEVER
        closing = -pv / distance
        gap = distance - reach
        if closing > SLOW or (gap <= -SINK and closing > STILL):
            return 0.0
        depth = max(SINK, _DEEPER - gap)
        reach -= depth
    if horizon <= 0.0:
        return _NEVER
    guess = -pv / vv if pv < 0.0 else 0.0
    t = quartic_falling_root(
        square - reach * reach,
        2.0 * pv,
        vv + px * ax + py * ay,
        vx * ax + vy * ay,
        0.25 * aa,
        horizon,
        guess,
    )
    if touching and t < _NEVER:
        qx = px + t * (vx + 0.5 * t * ax)
        qy = py + t * (vy + 0.5 * t * ay)
        closing = -(qx * (vx + t * ax) + qy * (vy + t * ay)) / reach
        if closing > _FAST:
            t = max(0.0, t - depth / closing)
    return t
