"""Fits all legs at once: one cloth and one slope, and for each leg how the ball moved.

A leg begins with a slide, perhaps of no length, and goes on rolling.  Its six numbers are the place
at its first sample, the velocity with which it will begin to roll, and the velocity u of its
contact point over the cloth: with them the slide lasts 2·abs(u)/(7 μ_s g) and the velocity before
it is v_roll + 2u/7 (see ``physics.motion``).  A table that is not level adds a constant
acceleration d to a rolling ball, 7/5 of it to a sliding one; across a rolling ball's way friction
turns with the velocity, and the displacement to first order in d is

    d⊥/f² · (s₀²/4 - s²/4 - s²/2 · ln(s₀/s)),   f = μ_r g,  s = s₀ - f t.

The fit is Gauss-Newton with Tukey's weights; the numbers of a leg are eliminated (Schur), which
leaves four equations for the cloth.  The covariance is the sandwich over legs, so that legs which
disagree count as what they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from billiards_trainer.physics.fitting.legs import Leg
from billiards_trainer.physics.state import Floats

X, V, U = slice(0, 2), slice(2, 4), slice(4, 6)
"""Columns of a leg's numbers: place, rolling velocity, velocity of the contact point."""
_SLIDE, _ROLL, _DRIFT = 0, 1, slice(2, 4)
_START = np.array([0.2, 0.01, 0.0, 0.0])
_LOWEST = np.array([0.02, 0.0005, -0.2, -0.2])
_HIGHEST = np.array([1.0, 0.2, 0.2, 0.2])
# Beforehand a contact point moves at some metres a second: keeps legs solvable that do not slide.
_SLIP_STD = 3.0
_STEPS = 4
_ROUNDS = 25
_STEP = 1e-6
_CUTOFF = 4.685
"""Tukey's, in standard deviations: 95 % efficient where errors are normal."""
_WORST_LEG = 3.0
"""A leg whose typical residual is so many times the usual was cut wrongly, and is left out."""


@dataclass(frozen=True)
class ClothFit:
    """What the legs say together.

    Attributes:
        values: (4,) μ_s, μ_r, and the acceleration (x, y) of a rolling ball by the slope, m/s².
        covariance: (4, 4).
        sound: (L,) which legs took part.
        motions: (L, 6) of each leg.
        covariances: (L, 6, 6).
        sliding, rolling: number of legs that show either.
        noise: standard deviation of a coordinate, m, by the residuals.
        outliers: share of samples that were given no weight.
    """

    values: Floats
    covariance: Floats
    sound: np.ndarray
    motions: Floats
    covariances: Floats
    sliding: int
    rolling: int
    noise: float
    outliers: float
    gravity: float
    starts: Floats = field(repr=False)

    def state(self, leg: int, time: float) -> Floats:
        """Place, velocity and slip (6,) of a leg's ball at a time, also a little before it."""
        t = np.array([time - self.starts[leg]])
        theta = self.motions[leg][None]
        return np.asarray(_states(theta, self.values, t, self.gravity)[0])

    def state_covariance(self, leg: int, time: float) -> Floats:
        """The covariance (6, 6) of that, from the samples' noise.

        By steps of a standard deviation, since a slide that is not known to have ended may not
        have.
        """
        t = np.full(6, time - self.starts[leg])
        steps = np.linalg.cholesky(self.covariances[leg]).T
        plus = _states(self.motions[leg] + steps, self.values, t, self.gravity)
        minus = _states(self.motions[leg] - steps, self.values, t, self.gravity)
        change = 0.5 * (plus - minus)
        return np.asarray(change.T @ change)


@dataclass
class _Problem:
    """All samples of all legs in one array."""

    leg: np.ndarray
    begins: np.ndarray
    times: Floats
    places: Floats
    count: int
    gravity: float

    def residuals(self, theta: Floats, shared: Floats) -> Floats:
        """(M, 2) m."""
        return self.places - _places(theta[self.leg], shared, self.times, self.gravity)

    def by_leg(self, values: Floats) -> Floats:
        """Sums over each leg's samples: (M, …) → (L, …)."""
        return np.asarray(np.add.reduceat(values, self.begins, axis=0))


def fit_cloth(legs: list[Leg], noise: float, gravity: float) -> ClothFit:
    """Fit legs that move (``Leg.moves``); at least one.

    Args:
        legs: all of one table.
        noise: standard deviation of a coordinate, m, to begin with.
        gravity: m/s².
    """
    lengths = [len(leg.times) for leg in legs]
    problem = _Problem(
        np.repeat(np.arange(len(legs)), lengths),
        np.concatenate([[0], np.cumsum(lengths)[:-1]]),
        np.concatenate([leg.times - leg.times[0] for leg in legs]),
        np.concatenate([leg.places for leg in legs]),
        len(legs),
        gravity,
    )
    shared = _START.copy()
    theta = _first_guess(problem, legs, shared, noise)
    sound = np.ones(len(legs), dtype=bool)
    damping = np.full(len(legs), 1e-3)
    for round_ in range(_ROUNDS):
        r = problem.residuals(theta, shared)
        size = np.hypot(*r.T)
        typical = np.array([np.median(size[problem.leg == k]) for k in range(len(legs))])
        # The median length of a normal error in the plane is 1.1774 standard deviations.
        noise = max(2e-4, float(np.median(typical[sound])) / 1.1774)
        if round_ > 3:
            sound = typical < _WORST_LEG * 1.1774 * noise
        weight = _tukey(size / noise) / noise**2 * sound[problem.leg]
        theta, damping = _fit_motions(problem, theta, shared, weight, damping)
        step, _, _ = _shared_step(problem, theta, shared, weight)
        before = shared
        shared = np.clip(shared + 0.8 * step[:4], _LOWEST, _HIGHEST)
        theta = theta + _answer(problem, theta, before, weight, shared - before)
        if np.abs(step / np.array([0.2, 0.01, 0.01, 0.01])).max() < 1e-4 and round_ > 6:
            break
    theta, _ = _fit_motions(problem, theta, shared, weight, damping)
    _, covariance, covariances = _shared_step(problem, theta, shared, weight)
    speed, slip = np.hypot(*theta[:, V].T), np.hypot(*theta[:, U].T)
    slides = 2.0 * slip / (7.0 * shared[_SLIDE] * gravity)
    length = np.array([leg.times[-1] - leg.times[0] for leg in legs])
    return ClothFit(
        shared,
        covariance,
        sound,
        theta,
        covariances,
        int((sound & (slides > 0.05)).sum()),
        int((sound & (length - slides > 0.2) & (speed > 0.02)).sum()),
        noise,
        float((weight[sound[problem.leg]] == 0.0).mean()),
        gravity,
        np.array([leg.times[0] for leg in legs]),
    )


def _tukey(off: Floats) -> Floats:
    inside = np.maximum(1.0 - (off / _CUTOFF) ** 2, 0.0)
    return np.asarray(inside**2)


def _places(theta: Floats, shared: Floats, t: Floats, gravity: float) -> Floats:
    return _states(theta, shared, t, gravity)[:, :2]


def _states(theta: Floats, shared: Floats, t: Floats, gravity: float) -> Floats:
    """Place, velocity, slip (M, 6) of motions (M, 6) at times (M,) after their first sample.

    A time before it continues the slide backwards.
    """
    place, roll, slip = theta[:, X], theta[:, V], theta[:, U]
    drift = shared[_DRIFT]
    size = np.hypot(*slip.T)
    brake = shared[_SLIDE] * gravity
    until = 2.0 * size / (7.0 * brake)
    way = slip / np.maximum(size, 1e-12)[:, None]
    a = -brake * way
    s = np.minimum(t, until)[:, None]
    start = roll + 2.0 / 7.0 * slip
    place = place + s * (start + 0.5 * s * a) + 0.7 * s * s * drift
    velocity = start + s * a + 1.4 * s * drift
    left = slip + 3.5 * s * a
    f = shared[_ROLL] * gravity
    speed = np.maximum(np.hypot(*roll.T), 1e-9)
    along = roll / speed[:, None]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    pull, push = along @ drift, across @ drift
    r = np.clip(t - until, 0.0, speed / np.maximum(f - pull, 0.1 * f))
    now = np.maximum(speed - f * r, 1e-6 * speed)
    ratio = np.log(speed / now)
    aside = (push / f**2) * (speed**2 - now**2 - 2.0 * now**2 * ratio) / 4.0
    forth = r * (speed - 0.5 * r * (f - pull))
    place = place + forth[:, None] * along + aside[:, None] * across
    rolls = (r > 0.0)[:, None]
    going = np.maximum(speed - r * (f - pull), 0.0)[:, None] * along
    going = going + (push / f * now * ratio)[:, None] * across
    return np.column_stack([place, np.where(rolls, going, velocity), np.where(rolls, 0.0, left)])


def _first_guess(problem: _Problem, legs: list[Leg], shared: Floats, noise: float) -> Floats:
    """For each leg the best of several slides: none, along its way, against it, as it curves."""
    guesses = []
    for leg in legs:
        t, p = leg.times - leg.times[0], leg.places
        late = t > 0.4 * t[-1]
        line = np.polynomial.polynomial.polyfit(t[late], p[late], 1)
        bend = np.polynomial.polynomial.polyfit(t, p, 2)[2] * 2.0
        curve = -bend / max(float(np.hypot(*bend)), 1e-9)
        ahead = line[1] / max(float(np.hypot(*line[1])), 1e-9)
        slips = (np.zeros(2), ahead, 3.0 * ahead, -ahead, curve, 3.0 * curve)
        guesses.append([np.concatenate([p[0], line[1], u]) for u in slips])
    best: Floats | None = None
    cost = np.full(problem.count, np.inf)
    for theta in np.array(guesses).transpose(1, 0, 2):
        damping = np.full(problem.count, 1e-2)
        for _ in range(2):
            size = np.hypot(*problem.residuals(theta, shared).T)
            # Far outliers must still draw a little: the guess may be what is wrong.
            weight = 1.0 / np.maximum(1.0, size / (2.0 * noise)) / noise**2
            theta, damping = _fit_motions(problem, theta, shared, weight, damping, steps=5)
        size = np.hypot(*problem.residuals(theta, shared).T) / noise
        now = problem.by_leg(np.minimum(size, _CUTOFF) ** 2)
        better = now < cost
        best = theta if best is None else np.where(better[:, None], theta, best)
        cost = np.minimum(cost, now)
    assert best is not None
    return best


def _cost(problem: _Problem, theta: Floats, shared: Floats, weight: Floats) -> Floats:
    r = problem.residuals(theta, shared)
    prior = (theta[:, U] ** 2).sum(axis=1) / _SLIP_STD**2
    return np.asarray(problem.by_leg(weight * (r * r).sum(axis=1)) + prior)


def _fit_motions(
    problem: _Problem,
    theta: Floats,
    shared: Floats,
    weight: Floats,
    damping: Floats,
    steps: int = _STEPS,
) -> tuple[Floats, Floats]:
    """Levenberg-Marquardt steps of every leg on its own, the cloth held fast."""
    cost = _cost(problem, theta, shared, weight)
    for _ in range(steps):
        turn = _turns(problem, theta, shared)
        r = problem.residuals(theta, shared)
        information, right = _normal(problem, theta, turn, r, weight)
        diagonal = np.einsum("lii->li", information)
        damped = information + np.einsum(
            "li,ij->lij", damping[:, None] * diagonal + 1e-9, np.eye(6)
        )
        step = np.linalg.solve(damped, right[..., None])[..., 0]
        tried = theta + step
        now = _cost(problem, tried, shared, weight)
        better = now <= cost
        theta = np.where(better[:, None], tried, theta)
        cost = np.where(better, now, cost)
        damping = np.clip(np.where(better, 0.3 * damping, 8.0 * damping), 1e-9, 1e6)
    return theta, damping


def _turns(problem: _Problem, theta: Floats, shared: Floats) -> Floats:
    """Derivatives of the places by each leg's own numbers, (M, 2, 6)."""
    found = np.empty((len(problem.times), 2, 6))
    here = _places(theta[problem.leg], shared, problem.times, problem.gravity)
    found[:, :, 0], found[:, :, 1] = (1.0, 0.0), (0.0, 1.0)
    for k in range(2, 6):
        step = np.zeros(6)
        step[k] = _STEP
        there = _places((theta + step)[problem.leg], shared, problem.times, problem.gravity)
        found[:, :, k] = (there - here) / _STEP
    return found


def _shared_turns(problem: _Problem, theta: Floats, shared: Floats) -> Floats:
    """Derivatives of the places by what all legs share, (M, 2, 4)."""
    found = np.empty((len(problem.times), 2, 4))
    for k, size in enumerate((1e-4, 1e-5, 1e-5, 1e-5)):
        step = np.zeros(4)
        step[k] = size
        plus = _places(theta[problem.leg], shared + step, problem.times, problem.gravity)
        minus = _places(theta[problem.leg], shared - step, problem.times, problem.gravity)
        found[:, :, k] = (plus - minus) / (2 * size)
    return found


def _normal(
    problem: _Problem, theta: Floats, turn: Floats, r: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Normal equations of each leg: (L, 6, 6) and (L, 6)."""
    heavy = turn * weight[:, None, None]
    information = problem.by_leg(np.einsum("mij,mik->mjk", heavy, turn))
    right = problem.by_leg(np.einsum("mij,mi->mj", heavy, r))
    for k in (4, 5):
        information[:, k, k] += 1.0 / _SLIP_STD**2
        right[:, k] -= theta[:, k] / _SLIP_STD**2
    return information, right


def _shared_step(
    problem: _Problem, theta: Floats, shared: Floats, weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """The step of what is shared with all legs following, its covariance, and the legs'."""
    turn, pull = _turns(problem, theta, shared), _shared_turns(problem, theta, shared)
    r = problem.residuals(theta, shared)
    information = _normal(problem, theta, turn, r, weight)[0] + 1e-9 * np.eye(6)
    inverse = np.linalg.inv(information)
    heavy = turn * weight[:, None, None]
    cross = problem.by_leg(np.einsum("mij,mik->mjk", heavy, pull))
    # What is left of the derivatives by the cloth once the legs have answered to it.
    answer = np.einsum("ljk,lkn->ljn", inverse, cross)
    free = pull - np.einsum("mij,mjn->min", turn, answer[problem.leg])
    matrix = np.einsum("mij,mik,m->jk", free, pull, weight)
    scores = problem.by_leg(np.einsum("mij,mi,m->mj", free, r, weight))
    matrix = matrix + np.diag([1e-3, 1e-1, 1e-1, 1e-1])
    solved = np.linalg.inv(matrix)
    step = solved @ scores.sum(axis=0)
    legs = max(int((problem.by_leg(weight) > 0.0).sum()), 1)
    meat = scores.T @ scores * (legs / max(legs - 4, 1))
    # Never surer than the samples' noise allows.
    covariance = solved @ meat @ solved
    floor = np.diag(solved)
    spread = np.sqrt(
        np.maximum(np.diag(covariance), floor) / np.maximum(np.diag(covariance), 1e-30)
    )
    covariance = covariance * np.outer(spread, spread)
    return step, np.asarray(covariance), np.asarray(inverse)


def _answer(
    problem: _Problem, theta: Floats, shared: Floats, weight: Floats, change: Floats
) -> Floats:
    """How each leg's numbers follow a change of the cloth, (L, 6)."""
    turn, pull = _turns(problem, theta, shared), _shared_turns(problem, theta, shared)
    information, _ = _normal(problem, theta, turn, turn[..., 0] * 0.0, weight)
    heavy = turn * weight[:, None, None]
    cross = problem.by_leg(np.einsum("mij,mik->mjk", heavy, pull))
    inverse = np.linalg.inv(information + 1e-9 * np.eye(6))
    return np.asarray(-np.einsum("ljk,lkn,n->lj", inverse, cross, change))
