"""Physics of one table from tracked shots: everything the tracks say, with uncertainties."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from billiards_trainer.physics.fitting.balls import fit_balls
from billiards_trainer.physics.fitting.cloth import ClothFit, fit_cloth
from billiards_trainer.physics.fitting.contacts import Turn, turns
from billiards_trainer.physics.fitting.cushions import fit_cushions, nose_at
from billiards_trainer.physics.fitting.frame import Frame, frame_by_rails
from billiards_trainer.physics.fitting.legs import Leg, cut, noise_of
from billiards_trainer.physics.fitting.tracks import TrackedShot
from billiards_trainer.physics.parameters import (
    Models,
    PhysicsParameters,
    for_table,
    replaced,
)
from billiards_trainer.table import Table

_FEWEST_LEGS = 4
_VAGUE = 0.3
"""A figure whose standard deviation is a larger share of it is not determined."""


class FitError(ValueError):
    """The tracks say too little; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Attributes:

    value: the figure.
    std: its standard deviation.
    count: legs, rebounds or collisions that it comes from.
    """

    value: float
    std: float
    count: int


@dataclass(frozen=True)
class TableFit:
    """What tracked shots say about a table.

    Attributes:
        estimates: by the name of the parameter (``PhysicsParameters``); what is not determined is
            missing.
        drift: acceleration of a rolling ball by the table's slope, m/s², along x and y.
        models: those that the figures of cushions and balls belong to.
        residual_mm: standard deviation of the samples about the fitted ways, mm.
        legs: ways between contacts that were fitted.
        outliers: share of their samples that were given no weight.
        model_error: what the cushion model leaves unexplained, share of the speed; or ``None``.
        frame: what the tracks' places were changed by, or ``None``.
        gravity: m/s².
    """

    estimates: dict[str, Estimate]
    drift: tuple[Estimate, Estimate]
    models: Models
    residual_mm: float
    legs: int
    outliers: float
    model_error: float | None
    frame: Frame | None
    gravity: float

    def applied_to(self, parameters: PhysicsParameters) -> PhysicsParameters:
        """Parameters with everything replaced that is determined."""
        return replaced(parameters, {name: e.value for name, e in self.estimates.items()})


def fit_table(
    table: Table,
    shots: list[TrackedShot],
    *,
    parameters: PhysicsParameters | None = None,
    models: Models | None = None,
    find_frame: bool = False,
) -> TableFit:
    """Fit frictions, restitutions and slope.

    Args:
        table: on which the shots were played.
        shots: what was seen of them.
        parameters: what is not fitted, and where fits begin; the game's standard when ``None``.
        models: for which the figures of cushions and balls are; the default ones when ``None``.
        find_frame: the tracks' frame is only roughly that of the table: see ``frame``.

    Raises:
        FitError: not even the cloth can be told.
    """
    known, models = parameters or for_table(table), models or Models()
    seen = _look(table, shots, known.gravity)
    frame = None
    if find_frame:
        frame = frame_by_rails(seen.turns, table)
        if frame is None:
            raise FitError("too few balls turn back at each of the four rails to find the frame")
        seen = _look(table, frame.applied_to(shots), known.gravity)
    cloth = seen.cloth
    estimates = _cloth_estimates(cloth)
    known = replaced(known, {name: e.value for name, e in estimates.items()})
    at_noses = [turn for turn in seen.turns if nose_at(table, turn) is not None]
    cushions = fit_cushions(at_noses, table, known, models.cushion)
    if cushions is not None:
        stds = np.sqrt(np.diag(cushions.covariance))
        for k, name in enumerate(("e_cushion", "mu_cushion")):
            _put(estimates, name, cushions.values[k], stds[k], cushions.rebounds)
    shot_of = [k for k, shot in enumerate(shots) for _ in shot.tracks]
    balls = fit_balls(
        seen.turns, seen.legs, seen.moving, cloth, shot_of, table, known, models.ball_ball
    )
    if balls is not None:
        _put(estimates, "e_ball", min(balls.value, 1.0), balls.std, balls.collisions)
    stds = np.sqrt(np.diag(cloth.covariance))
    x, y = (Estimate(float(cloth.values[k]), float(stds[k]), cloth.rolling) for k in (2, 3))
    return TableFit(
        estimates,
        (x, y),
        models,
        1e3 * cloth.noise,
        int(cloth.sound.sum()),
        cloth.outliers,
        None if cushions is None else cushions.model_error,
        frame,
        known.gravity,
    )


@dataclass(frozen=True)
class _Seen:
    """Tracks, cut and fitted: all legs, which of them move, their fit, and what parts them."""

    legs: list[Leg]
    moving: list[int]
    cloth: ClothFit
    turns: list[Turn]


def _look(table: Table, shots: list[TrackedShot], gravity: float) -> _Seen:
    tracks = [track for shot in shots for track in shot.tracks]
    noise = noise_of(tracks)
    legs = [leg for k, track in enumerate(tracks) for leg in cut(track, k, table, noise)]
    moving = [i for i, leg in enumerate(legs) if leg.moves]
    if len(moving) < _FEWEST_LEGS:
        raise FitError(
            f"only {len(moving)} ways between contacts are long enough; {_FEWEST_LEGS} are needed"
        )
    cloth = fit_cloth([legs[i] for i in moving], noise, gravity)
    return _Seen(legs, moving, cloth, turns(legs, moving, cloth))


def _cloth_estimates(cloth: ClothFit) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    stds = np.sqrt(np.diag(cloth.covariance))
    _put(found, "mu_slide", cloth.values[0], stds[0], cloth.sliding)
    _put(found, "mu_roll", cloth.values[1], stds[1], cloth.rolling)
    return found


def _put(into: dict[str, Estimate], name: str, value: float, std: float, count: int) -> None:
    """Keep a figure that is determined."""
    if count >= _FEWEST_LEGS and math.isfinite(std) and 0.0 < std <= _VAGUE * abs(value):
        into[name] = Estimate(float(value), float(std), count)
