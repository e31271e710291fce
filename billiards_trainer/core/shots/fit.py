"""Free motion of a ball over a few pictures: a parabola with a prior on its curvature.

Between two contacts a ball slides (constant acceleration of mu·g in a fixed direction) and then
rolls (small constant deceleration along its way) [Wallace & Schroeder 1988], so over a few tenths
of a second its way is a parabola in time.  The acceleration is known beforehand to lie near rolling
friction, with a spread for sliding; the fit is least squares with that prior.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """Where a ball was measured: seconds, metres, standard deviation in metres."""

    t: float
    x: float
    y: float
    std: float


@dataclass(frozen=True, slots=True)
class Path:
    """A piece of free motion.

    Attributes:
        t0: reference time, seconds.
        coefficients: shape (3, 2): place, velocity and acceleration at ``t0`` along x and y.
        covariance: shape (3, 3) of those, the same for both axes.
        chi2: sum of squared residuals over their variances, prior included.
    """

    t0: float
    coefficients: Array
    covariance: Array
    chi2: float

    def at(self, t: float) -> tuple[float, float]:
        """Place at a time, metres."""
        s = t - self.t0
        c = self.coefficients
        return (
            float(c[0, 0] + s * (c[1, 0] + s * c[2, 0] / 2)),
            float(c[0, 1] + s * (c[1, 1] + s * c[2, 1] / 2)),
        )

    def velocity(self, t: float) -> tuple[float, float]:
        """m/s at a time."""
        s = t - self.t0
        c = self.coefficients
        return float(c[1, 0] + s * c[2, 0]), float(c[1, 1] + s * c[2, 1])

    def variance(self, t: float) -> float:
        """Variance of the place at a time, per axis, m²."""
        s = t - self.t0
        h = np.array([1.0, s, s * s / 2])
        return float(h @ self.covariance @ h)

    def places(self, times: Array) -> Array:
        """Places at many times, shape (N, 2)."""
        s = times - self.t0
        return np.column_stack([np.ones_like(s), s, s * s / 2]) @ self.coefficients


def fit(samples: Sequence[Sample], deceleration: float, spread: float) -> Path:
    """Fit free motion.

    Args:
        samples: one or more measurements, in order of time.
        deceleration: of a rolling ball, m/s².
        spread: standard deviation of other accelerations, m/s².
    """
    t0 = samples[-1].t
    s = np.array([sample.t - t0 for sample in samples])
    places = np.array([(sample.x, sample.y) for sample in samples])
    weights = np.array([sample.std**-2 for sample in samples])
    prior = np.zeros(2)
    span = float(s[-1] - s[0])
    if span > 0.0:
        velocity = (places[-1] - places[0]) / span
        speed = float(np.hypot(*velocity))
        if speed > 1e-6:
            # Friction cannot take more speed than there is.
            prior = -min(deceleration, speed / max(span, 1e-3)) * velocity / speed
    design = np.column_stack([np.ones_like(s), s, s * s / 2])
    weighted = design * weights[:, None]
    # No ball is faster than some 10 m/s: a single sample has a velocity, unknown as it is.
    information = weighted.T @ design + np.diag([0.0, 1 / 100.0, 1 / spread**2])
    right = weighted.T @ places
    right[2] += prior / spread**2
    covariance = np.linalg.inv(information)
    coefficients = covariance @ right
    residuals = places - design @ coefficients
    chi2 = float((weights[:, None] * residuals**2).sum())
    chi2 += float((((coefficients[2] - prior) / spread) ** 2).sum())
    return Path(t0, coefficients, covariance, chi2)


def still(x: float, y: float, std: float, t: float) -> Path:
    """The path of a ball that lies at a place known that well."""
    coefficients = np.zeros((3, 2))
    coefficients[0] = x, y
    covariance = np.zeros((3, 3))
    covariance[0, 0] = std * std
    return Path(t, coefficients, covariance, 0.0)


def meeting_time(before: Path, after: Path, start: float, end: float) -> tuple[float, float]:
    """When a ball went over from one path to the next: where they are nearest to each other.

    Args:
        before: path up to the change.
        after: path from it on.
        start: earliest time, seconds.
        end: latest.

    Returns:
        The time and its standard deviation, seconds.
    """
    times = np.linspace(start, max(end, start + 1e-6), 65)
    gap = before.places(times) - after.places(times)
    variance = np.array([before.variance(t) + after.variance(t) for t in times])
    k = int(np.argmin((gap**2).sum(axis=1) / variance))
    t = float(times[k])
    (bx, by), (ax, ay) = before.velocity(t), after.velocity(t)
    change = math.hypot(ax - bx, ay - by)
    std = min(math.sqrt(variance[k]) / max(change, 1e-3), end - start)
    if k in (0, len(times) - 1):
        # The paths meet outside: all that is known is that it happened in here.
        std = max(std, (end - start) / 2)
    return t, std
