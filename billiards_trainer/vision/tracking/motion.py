"""A ball moving on cloth: a Kalman filter whose motion model knows rolling friction.

Position and velocity along x and y are filtered separately with the same dynamics (the noise of
acceleration is the same in all directions; correlations between the axes are left out).  Friction
takes speed along the velocity, a known input rather than noise.
[Bar-Shalom, Li & Kirubarajan 2001, §6.2: discrete white noise acceleration.]
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Axis:
    """One axis: covariance of position and velocity, m², m²/s, m²/s²."""

    pp: float
    pv: float
    vv: float

    def grow(self, dt: float, acceleration: float) -> None:
        """Uncertainty after ``dt`` seconds under random accelerations of that size."""
        q = acceleration * acceleration
        self.pp += 2 * dt * self.pv + dt * dt * self.vv + q * dt**4 / 4
        self.pv += dt * self.vv + q * dt**3 / 2
        self.vv += q * dt * dt

    def gains(self, noise: float) -> tuple[float, float]:
        """Take in a measurement of that variance; returns the gains for position and velocity."""
        s = self.pp + noise
        gain_p, gain_v = self.pp / s, self.pv / s
        self.vv -= gain_v * self.pv
        self.pv *= 1 - gain_p
        self.pp *= 1 - gain_p
        return gain_p, gain_v


@dataclass(slots=True)
class Motion:
    """State of a moving ball: metres, m/s."""

    x: float
    y: float
    vx: float
    vy: float
    along_x: Axis
    along_y: Axis

    @property
    def speed(self) -> float:
        """m/s."""
        return math.hypot(self.vx, self.vy)

    @classmethod
    def started(
        cls, x: float, y: float, vx: float, vy: float, position_std: float, speed_std: float
    ) -> Motion:
        """A ball of which place and velocity are known that well."""
        p, v = position_std**2, speed_std**2
        return cls(x, y, vx, vy, Axis(p, 0.0, v), Axis(p, 0.0, v))

    def copy(self) -> Motion:
        """An independent copy."""
        a, b = self.along_x, self.along_y
        return Motion(
            self.x, self.y, self.vx, self.vy, Axis(a.pp, a.pv, a.vv), Axis(b.pp, b.pv, b.vv)
        )

    def advanced(self, dt: float, deceleration: float, restless: float) -> Motion:
        """The state ``dt`` seconds later; friction never turns a ball round."""
        after = self.copy()
        speed = self.speed
        if speed > 0.0:
            rolling = min(dt, speed / deceleration) if deceleration > 0.0 else dt
            way = (speed * rolling - deceleration * rolling * rolling / 2) / speed
            left = max(0.0, 1.0 - deceleration * rolling / speed)
            after.x += self.vx * way
            after.y += self.vy * way
            after.vx *= left
            after.vy *= left
        after.along_x.grow(dt, restless)
        after.along_y.grow(dt, restless)
        return after

    def measure(self, x: float, y: float, noise_x: float, noise_y: float) -> None:
        """Take in a measured place; noise as variances in m²."""
        dx, dy = x - self.x, y - self.y
        gain_p, gain_v = self.along_x.gains(noise_x)
        self.x += gain_p * dx
        self.vx += gain_v * dx
        gain_p, gain_v = self.along_y.gains(noise_y)
        self.y += gain_p * dy
        self.vy += gain_v * dy
