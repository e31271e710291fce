"""A ball's way as closed forms: one piece from each change of its motion to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from billiards_trainer.physics.parameters import PhysicsParameters
from billiards_trainer.physics.state import SLOWEST, Floats, Motion


@dataclass(frozen=True, slots=True)
class Pieces:
    """K pieces of one ball's way; a piece holds until the next begins, the last for ever.

    With t the time since a piece began: centre ``position + velocity·t + acceleration·t²/2``;
    spin about x and y ``spin + spin_change·t``, about z the same until it reaches zero, where it
    stays.

    Attributes:
        times: (K,) s, when each begins; the first is 0.
        position, velocity, acceleration: (K, 2), m, m/s, m/s².
        spin, spin_change: (K, 3), rad/s, rad/s².
        motion: (K,) values of ``Motion``.
    """

    times: Floats
    position: Floats
    velocity: Floats
    acceleration: Floats
    spin: Floats
    spin_change: Floats
    motion: npt.NDArray[np.int8]

    @classmethod
    def from_states(cls, times: Floats, rows: Floats, parameters: PhysicsParameters) -> Pieces:
        """From the states (K, 8) at the times (K,), as the engine records them (``layout``).

        The closed forms are those of ``motion.settle``.
        """
        p = parameters
        position, velocity, spin = rows[:, 0:2], rows[:, 2:4], rows[:, 4:7]
        motion = rows[:, 7].astype(np.int8)
        sliding, rolling = motion == Motion.SLIDING, motion == Motion.ROLLING
        slip = velocity + p.radius * np.column_stack([-spin[:, 1], spin[:, 0]])
        way = np.where(sliding[:, None], slip, velocity)
        size = np.hypot(way[:, 0], way[:, 1])[:, None]
        mu = np.where(sliding, p.mu_slide, np.where(rolling, p.mu_roll, 0.0))[:, None]
        acceleration = -mu * p.gravity * way / np.maximum(size, SLOWEST)
        turned = np.column_stack([-acceleration[:, 1], acceleration[:, 0]]) / p.radius
        decay = 2.5 * p.mu_spin * p.gravity / p.radius
        change = np.column_stack(
            [np.where(sliding[:, None], -2.5 * turned, turned), -decay * np.sign(spin[:, 2])]
        )
        return cls(times, position, velocity, acceleration, spin, change, motion)

    def at(self, times: Floats) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int8]]:
        """Position (T, 2), velocity (T, 2), spin (T, 3) and motion (T,) at times (T,) from 0 on."""
        k = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, None)
        t = np.maximum(times - self.times[k], 0.0)[:, None]
        a = self.acceleration[k]
        spin = self.spin[k] + t * self.spin_change[k]
        # Friction stops the side spin; it does not turn it.
        spin[:, 2] = np.where(spin[:, 2] * self.spin[k, 2] > 0.0, spin[:, 2], 0.0)
        return (
            self.position[k] + t * (self.velocity[k] + 0.5 * t * a),
            self.velocity[k] + t * a,
            spin,
            self.motion[k],
        )
