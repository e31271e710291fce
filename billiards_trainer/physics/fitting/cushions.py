"""Fits restitution and friction of the cushions to rebounds, with the engine's own model.

A track shows velocity and, by the slide that follows, the spin about horizontal axes; it does not
show side spin.  So for each run of rebounds of one ball the likelihood is averaged over the side
spin it may have begun with, which then goes from cushion to cushion as the model says.  The
restitution, the friction and the model's own relative error have the greatest likelihood; their
covariance is the sandwich over runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from billiards_trainer.physics.ball_cushion import rebound
from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.engine import numbers_of
from billiards_trainer.physics.fitting.contacts import Turn
from billiards_trainer.physics.layout import (
    BALL_COLUMNS,
    N_E_CUSHION,
    N_GRAVITY,
    N_MU_CUSHION,
    N_RADIUS,
    N_SPIN,
    VX,
    VY,
    WX,
    WY,
    WZ,
)
from billiards_trainer.physics.parameters import CushionModel, PhysicsParameters
from billiards_trainer.physics.state import Floats
from billiards_trainer.table import CushionSegment, Table

FEWEST = 8
"""Rebounds without which nothing is said."""
_SLACK = 0.025
"""A ball turns at a nose when its surface is at most so far from it, m."""
_SLOWEST = 0.15
_GRID = 33
_SIDE_SPIN = 0.6
"""Side spin beforehand, in units of speed over radius (standard deviation)."""
_WILD = 0.1
"""Share of rebounds that follow no model: a ball in the way, a wrongly cut track."""
_WILD_STD = 1.0

# Columns of a rebound's row.
_RUN, _TIME, _NX, _NY, _HEIGHT, _IN, _OUT, _COV = 0, 1, 2, 3, 4, 5, 9, 13
_COLUMNS = _COV + 16


@dataclass(frozen=True, slots=True)
class CushionFit:
    """Attributes:

    values: (2,) restitution and friction.
    covariance: (2, 2).
    rebounds: how many there were.
    model_error: what the model leaves unexplained, as share of the speed.
    """

    values: Floats
    covariance: Floats
    rebounds: int
    model_error: float


def nose_at(table: Table, turn: Turn) -> CushionSegment | None:
    """The nose that turned a ball back, away from pockets; ``None`` when none did."""
    for pocket in table.pockets:
        if np.hypot(*(turn.place - pocket.centre)) < pocket.radius + 3.0 * table.balls.radius:
            return None
    for segment in table.segments:
        if segment.kind != "nose":
            continue
        along, normal = _axes(segment)
        off = turn.place - segment.start
        if not 0.0 <= off @ along <= math.dist(segment.start, segment.end):
            continue
        if abs(off @ normal - table.balls.radius) > _SLACK:
            continue
        if turn.incoming[:2] @ normal < -_SLOWEST and turn.outgoing[:2] @ normal > 0.3 * _SLOWEST:
            return segment
    return None


def fit_cushions(
    turns: list[Turn],
    table: Table,
    parameters: PhysicsParameters,
    model: CushionModel,
) -> CushionFit | None:
    """Restitution and friction; ``None`` when there are too few rebounds to say anything.

    Args:
        turns: of all tracks, in each in order of time.
        table: where the noses are.
        parameters: everything else, with which the model is evaluated.
        model: which.
    """
    rows = _rows(turns, table, parameters, model)
    if len(rows) < FEWEST:
        return None
    spins, weights = _spin_grid()
    numbers = numbers_of(parameters).copy()
    count = int(rows[-1, _RUN]) + 1

    def by_run(x: Floats) -> Floats:
        numbers[N_E_CUSHION] = min(max(x[0], 0.05), 1.0)
        numbers[N_MU_CUSHION] = min(max(x[1], 0.0), 2.0)
        found = np.empty(count)
        likelihoods(rows, spins, weights, numbers, int(model), math.exp(x[2]), found)
        return found

    def cost(x: Floats) -> float:
        beyond = max(0.05 - x[0], x[0] - 1.0, -x[1], x[1] - 2.0, 0.0)
        # A model is some per cent right, no better and no worse.
        prior = 0.5 * ((x[2] - math.log(0.03)) / 1.0) ** 2
        return float(-by_run(x).sum() + prior + 1e4 * beyond)

    start = np.array([parameters.e_cushion, parameters.mu_cushion, math.log(0.03)])
    simplex = start + np.vstack([np.zeros(3), np.diag([-0.08, 0.08, 0.5])])
    best = minimize(
        cost, start, method="Nelder-Mead", options={"initial_simplex": simplex, "xatol": 1e-5}
    ).x
    covariance = _sandwich(by_run, best)
    if covariance is None:
        return None
    return CushionFit(best[:2], covariance, len(rows), math.exp(best[2]))


def _axes(segment: CushionSegment) -> tuple[Floats, Floats]:
    way = np.array(segment.end) - segment.start
    along = way / np.hypot(*way)
    return along, np.array([-along[1], along[0]])


def _spin_grid() -> tuple[Floats, Floats]:
    spins = np.linspace(-2.5, 2.5, _GRID)
    weights = np.exp(-0.5 * spins**2)
    return spins, weights / weights.sum()


def _rows(
    turns: list[Turn], table: Table, parameters: PhysicsParameters, model: CushionModel
) -> Floats:
    """Rebounds as rows: run, time, normal, height, motion before and after, covariance.

    The noise of the motion before goes through the model's derivatives there.
    """
    rows: list[Floats] = []
    run, last = -1, (-1, -1)
    numbers = numbers_of(parameters)
    for turn in turns:
        nose = nose_at(table, turn)
        if nose is None:
            continue
        if last != (turn.track, turn.before):
            run += 1
        last = (turn.track, turn.after)
        _, (nx, ny) = _axes(nose)
        row = np.zeros(_COLUMNS)
        row[: _IN + 8] = (
            *(run, turn.time, nx, ny, table.cushion_height),
            *(*turn.incoming, *turn.outgoing),
        )
        turned = np.empty((4, 4))
        step = 1e-4
        for k in range(4):
            moved = row.copy()
            moved[_IN + k] += step
            plus = bounced(moved, 0.0, numbers, int(model))
            moved[_IN + k] -= 2 * step
            minus = bounced(moved, 0.0, numbers, int(model))
            turned[:, k] = (np.array(plus[:4]) - minus[:4]) / (2 * step)
        noise = turn.out_covariance + turned @ turn.in_covariance @ turned.T
        row[_COV:] = noise.ravel()
        rows.append(row)
    return np.array(rows).reshape(-1, _COLUMNS)


def _sandwich(by_run: Callable[[Floats], Floats], best: Floats) -> Floats | None:
    """Covariance of restitution and friction; ``None`` where they are not determined."""
    steps = np.array([0.006, 0.006])
    at = np.array([[by_run(best + [*(steps * s), 0.0]) for s in pair] for pair in _CROSS])
    # at[direction, sign, run]: along e, along μ, along both, along e against μ.
    middle = by_run(best)
    second = [float((a[0] + a[1] - 2 * middle).sum()) for a in at]
    mixed = (second[2] - second[3]) / (4 * steps[0] * steps[1])
    along = [value / step**2 for value, step in zip(second[:2], steps, strict=True)]
    information = -np.array([[along[0], mixed], [mixed, along[1]]])
    scores = np.array([(a[0] - a[1]) / (2 * step) for a, step in zip(at[:2], steps, strict=True)])
    if not np.isfinite(information).all() or (np.linalg.eigvalsh(information) <= 0.0).any():
        return None
    inverse = np.linalg.inv(information)
    runs = scores.shape[1]
    robust = inverse @ (scores @ scores.T * (runs / max(runs - 2, 1))) @ inverse
    # Never surer than the curvature of the likelihood allows.
    grow = np.sqrt(np.maximum(np.diag(robust), np.diag(inverse)) / np.diag(robust))
    return np.asarray(robust * np.outer(grow, grow))


_CROSS = (
    (np.array([1, 0]), np.array([-1, 0])),
    (np.array([0, 1]), np.array([0, -1])),
    (np.array([1, 1]), np.array([-1, -1])),
    (np.array([1, -1]), np.array([-1, 1])),
)


@kernel
def bounced(
    row: Floats, side_spin: float, numbers: Floats, model: int
) -> tuple[float, float, float, float, float]:
    """Velocity (x, y), slip over the cloth (x, y) and side spin after the rebound of a row."""
    radius = numbers[N_RADIUS]
    ball = np.zeros(BALL_COLUMNS)
    ball[VX], ball[VY] = row[_IN], row[_IN + 1]
    # The slip is v + R ẑ × ω.
    ball[WX] = (row[_IN + 3] - row[_IN + 1]) / radius
    ball[WY] = -(row[_IN + 2] - row[_IN]) / radius
    ball[WZ] = side_spin
    rebound(ball, row[_NX], row[_NY], radius, 0.0, row[_HEIGHT], numbers, model)
    return (
        ball[VX],
        ball[VY],
        ball[VX] - radius * ball[WY],
        ball[VY] + radius * ball[WX],
        ball[WZ],
    )


@kernel
def likelihoods(
    rows: Floats,
    spins: Floats,
    weights: Floats,
    numbers: Floats,
    model: int,
    model_error: float,
    found: Floats,
) -> None:
    """Log-likelihood of every run of rebounds, averaged over the side spin, into ``found``."""
    radius = numbers[N_RADIUS]
    decay = 2.5 * numbers[N_SPIN] * numbers[N_GRAVITY] / radius
    first = 0
    while first < rows.shape[0]:
        last = first
        while last < rows.shape[0] and rows[last, _RUN] == rows[first, _RUN]:
            last += 1
        speed = math.hypot(rows[first, _IN], rows[first, _IN + 1])
        total = 0.0
        best = -math.inf
        for g in range(spins.shape[0]):
            spin = spins[g] * _SIDE_SPIN * speed / radius
            value = math.log(weights[g])
            for k in range(first, last):
                if k > first:
                    lost = decay * (rows[k, _TIME] - rows[k - 1, _TIME])
                    spin = math.copysign(max(abs(spin) - lost, 0.0), spin)
                value += _log_density(rows[k], spin, numbers, model, model_error)
                spin = bounced(rows[k], spin, numbers, model)[4]
            if value > best:
                total = total * math.exp(best - value) + 1.0 if best > -math.inf else 1.0
                best = value
            else:
                total += math.exp(value - best)
        found[int(rows[first, _RUN])] = best + math.log(total)
        first = last


@kernel
def _log_density(
    row: Floats, spin: float, numbers: Floats, model: int, model_error: float
) -> float:
    """Log-density of what was seen after one rebound, wild ones allowed for."""
    v0, v1, u0, u1, _ = bounced(row, spin, numbers, model)
    r = np.array([row[_OUT] - v0, row[_OUT + 1] - v1, row[_OUT + 2] - u0, row[_OUT + 3] - u1])
    speed2 = row[_IN] ** 2 + row[_IN + 1] ** 2
    own = model_error**2 * speed2 + 1e-4
    noise = row[_COV : _COV + 16].copy().reshape(4, 4)
    for k in range(4):
        # The slip is made of velocity and spin: twice as wrong.
        noise[k, k] += own if k < 2 else 4.0 * own
    # Cholesky by hand: small, and it gives the determinant.
    square = 0.0
    log_root = 0.0
    for i in range(4):
        for j in range(i + 1):
            s = noise[i, j]
            for k in range(j):
                s -= noise[i, k] * noise[j, k]
            if i == j:
                noise[i, i] = math.sqrt(max(s, 1e-12))
            else:
                noise[i, j] = s / noise[j, j]
        s = r[i]
        for k in range(i):
            s -= noise[i, k] * r[k]
        r[i] = s / noise[i, i]
        square += r[i] * r[i]
        log_root += math.log(noise[i, i])
    sound = math.exp(-0.5 * min(square, 600.0) - log_root)
    wild_square = (
        (row[_OUT] - v0) ** 2
        + (row[_OUT + 1] - v1) ** 2
        + (row[_OUT + 2] - u0) ** 2
        + (row[_OUT + 3] - u1) ** 2
    )
    wild = math.exp(-0.5 * min(wild_square / _WILD_STD**2, 600.0)) / _WILD_STD**4
    return math.log((1.0 - _WILD) * sound + _WILD * wild + 1e-300)
