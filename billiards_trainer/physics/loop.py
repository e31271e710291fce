"""The event loop: take the earliest event, resolve it, ask those whose future it changed."""

from __future__ import annotations

import math

from billiards_trainer.physics.ball_ball import collide
from billiards_trainer.physics.ball_cushion import rebound
from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.cue_ball import BALL, strike_ball
from billiards_trainer.physics.geometry import Ints
from billiards_trainer.physics.layout import (
    BALL_BALL,
    BURST,
    C_BALL_BALL,
    C_CUE,
    C_CUSHION,
    CHEIGHT,
    CRADIUS,
    CUSHION,
    CX,
    CY,
    DONE,
    FULL,
    JAM,
    JAM_EACH,
    JAMMED,
    JAW,
    MOTION,
    N_RADIUS,
    NEXT,
    NEXT_KIND,
    NEXT_WITH,
    P_BEFORE,
    P_EVENTS,
    P_SINCE,
    P_TIME,
    POCKET,
    SBOTH,
    SHEIGHT,
    SNX,
    SNY,
    STALE,
    STRIKE,
    SX,
    SY,
    TO_RESTING,
    TO_ROLLING,
    TO_SPINNING,
    TOO_LONG,
    TOO_MANY,
    VX,
    VY,
    WX,
    WY,
    WZ,
    X,
    Y,
)
from billiards_trainer.physics.motion import advance, settle, stop
from billiards_trainer.physics.prediction import predict_own, predict_pairs, reset
from billiards_trainer.physics.state import Floats, Motion

_RESTING = int(Motion.RESTING)
_SPINNING = int(Motion.SPINNING)
_SLIDING = int(Motion.SLIDING)
_ROLLING = int(Motion.ROLLING)
_POCKETED = int(Motion.POCKETED)


@kernel
def note(records: Floats, event: int, which: int, after: int, row: Floats) -> None:
    """Write a ball's state into an event's record (which of two balls; before or after)."""
    record = records[event, which, after]
    record[0] = row[X]
    record[1] = row[Y]
    record[2] = row[VX]
    record[3] = row[VY]
    record[4] = row[WX]
    record[5] = row[WY]
    record[6] = row[WZ]
    record[7] = row[MOTION]


@kernel
def classify(ball: Floats, numbers: Floats) -> None:
    """Decide for all balls how they move, from their velocities and spins."""
    for i in range(ball.shape[0]):
        if ball[i, MOTION] == _POCKETED:
            stop(ball[i], _POCKETED)
        else:
            settle(ball[i], numbers, True)


@kernel
def begin(
    ball: Floats,
    queue: Floats,
    whom: Ints,
    segments: Floats,
    jaws: Floats,
    pockets: Floats,
    box: Floats,
    sides: Ints,
    numbers: Floats,
    choice: Ints,
    strike: Floats,
    times: Floats,
    kinds: Ints,
    records: Floats,
    progress: Floats,
    tallies: Ints,
) -> None:
    """Apply the strike (``strike[BALL] < 0``: none) to classified balls and fill the queue."""
    n = ball.shape[0]
    tallies[:, :] = -1
    tallies[:, 1] = 0
    events = 0
    struck = int(strike[BALL])
    if struck >= 0:
        keep = times.shape[0] > 0
        if keep:
            note(records, 0, 0, 0, ball[struck])
        strike_ball(ball[struck], strike, numbers, choice[C_CUE])
        settle(ball[struck], numbers, True)
        if keep:
            note(records, 0, 0, 1, ball[struck])
            times[0] = 0.0
            kinds[0, 0] = STRIKE
            kinds[0, 1] = struck
            kinds[0, 2] = -1
        events = 1
    for i in range(n):
        predict_own(i, ball, queue, whom, segments, jaws, pockets, box, sides, numbers)
        reset(i, queue, whom)
    for i in range(n):
        predict_pairs(i, 0.0, ball, queue, whom, numbers)
    progress[:] = 0.0
    progress[P_EVENTS] = events


@kernel
def is_slow(row: Floats, limit: float) -> bool:
    """Whether a ball is slower than ``limit`` m/s."""
    return row[VX] * row[VX] + row[VY] * row[VY] < limit * limit


@kernel
def proceed(
    ball: Floats,
    queue: Floats,
    whom: Ints,
    segments: Floats,
    jaws: Floats,
    pockets: Floats,
    box: Floats,
    sides: Ints,
    numbers: Floats,
    choice: Ints,
    times: Floats,
    kinds: Ints,
    records: Floats,
    progress: Floats,
    tallies: Ints,
    max_events: int,
    max_time: float,
) -> int:
    """Resolve events in order until all is still or a bound is reached.

    Events are written to ``times`` (E,), ``kinds`` (E, 3) and ``records`` (E, 2, 2, 8); with E = 0
    they are only counted.  ``progress`` holds time and number of events so far, from which the run
    can be taken up again.  ``tallies`` (N, 3) get for each ball the pocket it fell into or -1, the
    number of cushions it met, and the first ball it met.  The run stops when ``max_events`` have
    happened, and before the first event later than ``max_time`` seconds.

    Returns:
        DONE, FULL (no room for more events: call again with more), TOO_MANY or TOO_LONG.
    """
    n = ball.shape[0]
    events = int(progress[P_EVENTS])
    keep = times.shape[0] > 0
    while True:
        now = math.inf
        i = 0
        for k in range(n):
            if queue[k, NEXT] < now:
                now = queue[k, NEXT]
                i = k
        progress[P_EVENTS] = events
        if now == math.inf:
            return DONE
        if now > max_time:
            progress[P_TIME] = max_time
            return TOO_LONG
        if events >= max_events:
            return TOO_MANY
        if keep and events >= times.shape[0]:
            return FULL
        progress[P_TIME] = now
        if now > progress[P_SINCE] + BURST:
            progress[P_SINCE] = now
            progress[P_BEFORE] = events
        kind = whom[i, NEXT_KIND]
        other = whom[i, NEXT_WITH]
        if kind == BALL_BALL and other < i:
            i, other = other, i
        row = ball[i]
        advance(row, now)
        if kind == BALL_BALL:
            advance(ball[other], now)
        if keep:
            note(records, events, 0, 0, row)
            if kind == BALL_BALL:
                note(records, events, 1, 0, ball[other])
        if kind == BALL_BALL:
            collide(row, ball[other], numbers, choice[C_BALL_BALL])
            settle(ball[other], numbers, True)
            settle(row, numbers, True)
            if tallies[i, 2] < 0:
                tallies[i, 2] = other
            if tallies[other, 2] < 0:
                tallies[other, 2] = i
        elif kind == CUSHION:
            nx, ny = segments[other, SNX], segments[other, SNY]
            away = (row[X] - segments[other, SX]) * nx + (row[Y] - segments[other, SY]) * ny
            if away < 0.0 and segments[other, SBOTH] != 0.0:
                nx, ny, away = -nx, -ny, -away
            radius = numbers[N_RADIUS]
            height = segments[other, SHEIGHT]
            rebound(row, nx, ny, radius, away - radius, height, numbers, choice[C_CUSHION])
            settle(row, numbers, True)
            tallies[i, 1] += 1
        elif kind == JAW:
            nx, ny = row[X] - jaws[other, CX], row[Y] - jaws[other, CY]
            distance = math.sqrt(nx * nx + ny * ny)
            nx /= distance
            ny /= distance
            gap = distance - numbers[N_RADIUS] - jaws[other, CRADIUS]
            height = jaws[other, CHEIGHT]
            rebound(row, nx, ny, distance, gap, height, numbers, choice[C_CUSHION])
            settle(row, numbers, True)
            tallies[i, 1] += 1
        elif kind == POCKET:
            stop(row, _POCKETED)
            row[X], row[Y] = pockets[other, CX], pockets[other, CY]
            tallies[i, 0] = other
        else:
            settle(row, numbers, False)
            motion = row[MOTION]
            kind = TO_RESTING
            if motion == _ROLLING:
                kind = TO_ROLLING
            elif motion == _SPINNING:
                kind = TO_SPINNING
        crowd = (events - progress[P_BEFORE]) / (JAM + JAM_EACH * n)
        if crowd > 1.0 and kind in (BALL_BALL, CUSHION, JAW):
            limit = JAMMED * crowd
            if kind != BALL_BALL:
                if is_slow(row, limit):
                    stop(row, _RESTING)
            # A ball that a fast one squeezes past must be free to give way.
            elif is_slow(row, limit) and is_slow(ball[other], limit):
                stop(row, _RESTING)
                stop(ball[other], _RESTING)
        if keep:
            note(records, events, 0, 1, row)
            if kind == BALL_BALL:
                note(records, events, 1, 1, ball[other])
            times[events] = now
            kinds[events, 0] = kind
            kinds[events, 1] = i
            kinds[events, 2] = other
        events += 1
        # Those whose motion changed, and those who expected to meet them.
        second = other if kind == BALL_BALL else i
        predict_own(i, ball, queue, whom, segments, jaws, pockets, box, sides, numbers)
        reset(i, queue, whom)
        if second != i:
            predict_own(second, ball, queue, whom, segments, jaws, pockets, box, sides, numbers)
            reset(second, queue, whom)
        for k in range(n):
            if k != i and k != second and whom[k, NEXT_KIND] == BALL_BALL:
                expected = whom[k, NEXT_WITH]
                if expected in (i, second):
                    reset(k, queue, whom)
                    whom[k, STALE] = 1
        predict_pairs(i, now, ball, queue, whom, numbers)
        if second != i:
            predict_pairs(second, now, ball, queue, whom, numbers)
        for k in range(n):
            if whom[k, STALE] != 0:
                whom[k, STALE] = 0
                predict_pairs(k, now, ball, queue, whom, numbers)


@kernel
def bring_to(ball: Floats, time: float) -> None:
    """Move all balls to one ``time`` not after the next event."""
    for i in range(ball.shape[0]):
        advance(ball[i], time)
