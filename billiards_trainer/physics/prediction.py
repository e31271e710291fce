"""What happens next to each ball, and the queue of it.

The queue follows Lubachevsky (J. Comput. Phys. 94, 1991): each ball keeps only its own earliest
event.  When a ball's motion changes, it and those whose next event was with it are asked again;
nobody else is.  A pair is looked at only up to the earlier of the two balls' next events, since
anything later would not happen.
"""

from __future__ import annotations

import math

from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.geometry import Ints
from billiards_trainer.physics.layout import (
    AX,
    AY,
    BALL_BALL,
    CRADIUS,
    CUSHION,
    CX,
    CY,
    DEEP,
    JAW,
    MOTION,
    N_RADIUS,
    NEXT,
    NEXT_KIND,
    NEXT_WITH,
    OWN,
    OWN_KIND,
    OWN_WITH,
    POCKET,
    SBOTH,
    SLENGTH,
    SNX,
    SNY,
    STX,
    STY,
    SX,
    SY,
    TIME,
    TO_RESTING,
    TO_ROLLING,
    UNTIL,
    VX,
    VY,
    X,
    Y,
)
from billiards_trainer.physics.roots import circle_contact, line_contact, segment_contact
from billiards_trainer.physics.state import Floats, Motion

_SLIDING = int(Motion.SLIDING)
_ROLLING = int(Motion.ROLLING)
_POCKETED = int(Motion.POCKETED)
_NEVER = math.inf

# A ball may lie this far beyond the free box and still count as in it, m.
_EDGE = 1e-6


@kernel
def predict_own(
    i: int,
    ball: Floats,
    queue: Floats,
    whom: Ints,
    segments: Floats,
    jaws: Floats,
    pockets: Floats,
    box: Floats,
    sides: Ints,
    numbers: Floats,
) -> None:
    """Find what happens to ball ``i`` if no other ball interferes; its row holds the present."""
    row = ball[i]
    motion = row[MOTION]
    until = row[UNTIL]
    queue[i, OWN] = until
    whom[i, OWN_KIND] = TO_ROLLING if motion == _SLIDING else TO_RESTING
    whom[i, OWN_WITH] = -1
    if motion != _SLIDING and motion != _ROLLING:
        return
    now = row[TIME]
    horizon = until - now
    x, y, vx, vy, ax, ay = row[X], row[Y], row[VX], row[VY], row[AX], row[AY]
    x0, x1, y0, y1 = box[0], box[1], box[2], box[3]
    if x0 - _EDGE <= x <= x1 + _EDGE and y0 - _EDGE <= y <= y1 + _EDGE:
        side = 0
        best = line_contact(x - x0, vx, ax)
        t = line_contact(x1 - x, -vx, -ax)
        if t < best:
            best, side = t, 1
        t = line_contact(y - y0, vy, ay)
        if t < best:
            best, side = t, 2
        t = line_contact(y1 - y, -vy, -ay)
        if t < best:
            best, side = t, 3
        if best > horizon:
            return
        cx = x + best * (vx + 0.5 * best * ax)
        cy = y + best * (vy + 0.5 * best * ay)
        for j in range(sides.shape[1]):
            k = sides[side, j]
            if k < 0:
                break
            along = (cx - segments[k, SX]) * segments[k, STX] + (cy - segments[k, SY]) * segments[
                k, STY
            ]
            if 0.0 <= along <= segments[k, SLENGTH]:
                queue[i, OWN] = now + best
                whom[i, OWN_KIND] = CUSHION
                whom[i, OWN_WITH] = k
                return
    # Into a mouth, or on a table without a free box: everything is looked at.
    radius = numbers[N_RADIUS]
    kind = -1
    other = -1
    for k in range(segments.shape[0]):
        nx, ny, length = segments[k, SNX], segments[k, SNY], segments[k, SLENGTH]
        px, py = x - segments[k, SX], y - segments[k, SY]
        t = segment_contact(px, py, vx, vy, ax, ay, nx, ny, length, radius, horizon)
        if segments[k, SBOTH] != 0.0:
            t = min(t, segment_contact(px, py, vx, vy, ax, ay, -nx, -ny, -length, radius, horizon))
        if t <= horizon:
            horizon = t
            kind = CUSHION
            other = k
    for k in range(pockets.shape[0]):
        t = circle_contact(
            x - pockets[k, CX], y - pockets[k, CY], vx, vy, ax, ay, pockets[k, CRADIUS], horizon
        )
        if t <= horizon:
            horizon = t
            kind = POCKET
            other = k
    for k in range(jaws.shape[0]):
        t = circle_contact(
            x - jaws[k, CX], y - jaws[k, CY], vx, vy, ax, ay, jaws[k, CRADIUS] + radius, horizon
        )
        if t <= horizon:
            horizon = t
            kind = JAW
            other = k
    if kind >= 0:
        queue[i, OWN] = now + horizon
        whom[i, OWN_KIND] = kind
        whom[i, OWN_WITH] = other


@kernel
def reset(i: int, queue: Floats, whom: Ints) -> None:
    """Let ball ``i`` expect only what it meets without other balls."""
    queue[i, NEXT] = queue[i, OWN]
    whom[i, NEXT_KIND] = whom[i, OWN_KIND]
    whom[i, NEXT_WITH] = whom[i, OWN_WITH]


@kernel
def predict_pairs(
    i: int, now: float, ball: Floats, queue: Floats, whom: Ints, numbers: Floats
) -> None:
    """Find the first ball that ball ``i`` meets before either of them meets something else."""
    first = ball[i]
    motion = first[MOTION]
    if motion == _POCKETED:
        return
    moves = motion in (_SLIDING, _ROLLING)
    x, y, vx, vy, ax, ay = first[X], first[Y], first[VX], first[VY], first[AX], first[AY]
    dt = now - first[TIME]
    if moves and dt > 0.0:
        x += dt * (vx + 0.5 * dt * ax)
        y += dt * (vy + 0.5 * dt * ay)
        vx += dt * ax
        vy += dt * ay
    reach = 2.0 * numbers[N_RADIUS]
    deep = (reach - DEEP) * (reach - DEEP)
    for j in range(ball.shape[0]):
        if j == i:
            continue
        second = ball[j]
        motion = second[MOTION]
        if motion == _POCKETED:
            continue
        if motion in (_SLIDING, _ROLLING):
            dt = now - second[TIME]
            bx, by = second[AX], second[AY]
            wx, wy = second[VX] + dt * bx, second[VY] + dt * by
            px = second[X] + 0.5 * dt * (second[VX] + wx) - x
            py = second[Y] + 0.5 * dt * (second[VY] + wy) - y
            wx -= vx
            wy -= vy
            bx -= ax
            by -= ay
        elif moves:
            px, py = second[X] - x, second[Y] - y
            wx, wy, bx, by = -vx, -vy, -ax, -ay
        else:
            continue
        limit = min(queue[i, NEXT], queue[j, NEXT])
        if limit == _NEVER:
            continue
        if px * px + py * py < deep:
            t = 0.0
        else:
            t = circle_contact(px, py, wx, wy, bx, by, reach, limit - now)
        if now + t < limit:
            queue[i, NEXT] = now + t
            whom[i, NEXT_KIND] = BALL_BALL
            whom[i, NEXT_WITH] = j
            queue[j, NEXT] = now + t
            whom[j, NEXT_KIND] = BALL_BALL
            whom[j, NEXT_WITH] = i
