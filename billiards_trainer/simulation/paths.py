"""One ball's way through a shot, ready to be asked many times.

Between two events a ball's position is quadratic in time and its velocity and spin are linear (only
the spin about the vertical stops at zero).  The coefficients are read off the trajectory once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.physics.trajectory import EventKind, Trajectory

Array = NDArray[np.float64]


class BallPath:
    """Position, velocity and spin of one ball.

    Args:
        trajectory: the shot.
        ball: index.

    Attributes:
        begins: time of the first event that concerns the ball, s; infinite when none does.
        ends: time of the last one.
    """

    def __init__(self, trajectory: Trajectory, ball: int) -> None:
        kinds = trajectory.kinds
        pair = kinds[:, 0] == EventKind.BALL_BALL
        mine = trajectory.times[(kinds[:, 1] == ball) | (pair & (kinds[:, 2] == ball))]
        self.begins = float(mine[0]) if len(mine) else np.inf
        self.ends = float(mine[-1]) if len(mine) else np.inf
        # Events at the same instant count once, by what holds after the last of them.
        starts = np.unique(np.concatenate([[0.0], mine]))
        spans = np.diff(np.append(starts, starts[-1] + 1.0))
        later = starts + 0.5 * spans
        self._starts = starts
        self._position = trajectory.path(ball, starts)
        self._velocity = trajectory.velocity(ball, starts)
        self._spin = trajectory.spin(ball, starts)
        self._motion = trajectory.motion(ball, starts)
        half = 0.5 * spans[:, None]
        self._acceleration = (trajectory.velocity(ball, later) - self._velocity) / half
        self._turning = (trajectory.spin(ball, later) - self._spin) / half
        # Spin about the vertical may have died within the piece: its slope is that of the start.
        soon = starts + 1e-3 * spans
        slope = (trajectory.spin(ball, soon)[:, 2] - self._spin[:, 2]) / (1e-3 * spans)
        self._turning[:, 2] = slope

    def at(self, times: Array) -> tuple[Array, Array, Array]:
        """Position, velocity and spin at times since contact, each (T, 3)."""
        which = np.maximum(np.searchsorted(self._starts, times, side="right") - 1, 0)
        t = (times - self._starts[which])[:, None]
        v0, a = self._velocity[which], self._acceleration[which]
        position = self._position[which] + t * (v0 + 0.5 * t * a)
        spin = self._spin[which] + t * self._turning[which]
        died = spin[:, 2] * self._spin[which, 2] < 0
        spin[died, 2] = 0.0
        return position, v0 + t * a, spin

    def motion(self, time: float) -> int:
        """What the ball does at a time since contact: a value of ``Motion``."""
        return int(self._motion[max(int(np.searchsorted(self._starts, time, "right")) - 1, 0)])
