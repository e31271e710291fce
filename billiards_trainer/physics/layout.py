"""What stands in which column of the arrays the kernels work on.

A ball is one row of ``ball`` (two cache lines): its state at the instant of its last event, and the
coefficients of the closed form that holds from then on.
"""

from __future__ import annotations

# Columns of `ball` (N, BALL_COLUMNS), float64.
TIME = 0  # of the last event, s; everything below holds from here
X, Y = 1, 2
VX, VY = 3, 4
WX, WY, WZ = 5, 6, 7
AX, AY = 8, 9  # acceleration of the centre
BX, BY = 10, 11  # angular acceleration about the horizontal axes
BZ = 12  # angular acceleration about the vertical, until it has eaten the side spin
UNTIL = 13  # absolute time at which this motion ends by itself; infinite at rest
MOTION = 14
BALL_COLUMNS = 16

# Columns of `queue` (N, 2), float64: absolute times.
NEXT, OWN = 0, 1  # the ball's next event; its next event without other balls

# Columns of `whom` (N, 5), int64; STALE is only set while an event is being resolved.
NEXT_KIND, NEXT_WITH, OWN_KIND, OWN_WITH, STALE = 0, 1, 2, 3, 4

# Columns of `segments` (S, 9): ends, unit direction, length, unit normal towards the cloth, height,
# and whether the ball may come from both sides.
SX, SY, STX, STY, SLENGTH, SNX, SNY, SHEIGHT, SBOTH = 0, 1, 2, 3, 4, 5, 6, 7, 8
SEGMENT_COLUMNS = 9
# Columns of `jaws` (J, 4) and of `pockets` (K, 3).
CX, CY, CRADIUS, CHEIGHT = 0, 1, 2, 3

# Entries of `numbers`, float64.
(
    N_RADIUS,
    N_GRAVITY,
    N_SLIDE,
    N_ROLL,
    N_SPIN,
    N_E_BALL,
    N_MU_BALL,
    N_MU_A,
    N_MU_B,
    N_MU_C,
    N_E_CUSHION,
    N_MU_CUSHION,
    N_RATIO,
    N_MASS,
) = range(14)

# Entries of `choice`, int64.
C_BALL_BALL, C_CUSHION, C_CUE = 0, 1, 2

# Kinds of event; `EventKind` in trajectory.py names them for people.
STRIKE, BALL_BALL, CUSHION, JAW, POCKET, TO_ROLLING, TO_SPINNING, TO_RESTING = range(8)

# Columns of an event's record: state of one ball.
RECORD_COLUMNS = 8  # x, y, vx, vy, wx, wy, wz, motion

# Entries of `progress`, float64 (what a run carries from one call to the next).
P_TIME, P_EVENTS = 0, 1
P_SINCE, P_BEFORE = 2, 3  # when the present burst of events began, and how many were before it
PROGRESS_ENTRIES = 4

# How a run ended, or why it stopped.
DONE, FULL, TOO_MANY, TOO_LONG = 0, 1, 2, 3

# Two bodies nearer than this touch, m.
TOUCH = 1e-9
# Friction can press touching bodies together for a while (a spinning ball against a frozen one).
# Instead of infinitely many ever smaller bounces there are contacts slower than SLOW, m/s: they
# take the whole normal velocity, and happen when the bodies have sunk into each other by SINK, m,
# of which they are freed.  So a push costs at most some thousand events a second.
SINK = 1e-6
SLOW = 1e-3
# Slower than this is no approach at all, m/s.
STILL = 1e-6
# Freeing a ball of one that is pressed upon it may push it into a third from which it parts.  Balls
# deeper in each other than this, m, are freed whether they approach or not.
DEEP = 1e-5
# Balls can be wedged between two cushions, as in a pocket's jaws: each impulse frees one contact at
# another's cost.  More than JAM events, and JAM_EACH for each ball, within BURST seconds are no
# game (a frozen rack that a spinning ball pushes has half as many); balls slower than JAMMED, m/s,
# that touch something then stand, as in the jaws they would by the friction of the rubber.  The
# longer it goes on, the faster a ball may be that stands.
JAM = 200
JAM_EACH = 20
BURST = 5e-3
JAMMED = 0.05
