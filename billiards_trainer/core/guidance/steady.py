"""One prediction after the other, without flicker and without needless work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from billiards_trainer import messages as m
from billiards_trainer.core.guidance.aim import Aim
from billiards_trainer.core.guidance.prediction import PredictionError, Predictor

_TURNED = math.radians(0.02)
_MOVED = 0.0003
_INSIST = 3
"""Pictures in a row that must name another target before it is shown."""
_ODDS_EVERY = 3


@dataclass(frozen=True, slots=True)
class _Basis:
    """What a prediction was made from."""

    aim: Aim
    balls: dict[int, tuple[float, float]]


class SteadyPredictor:
    """Predicts again only when aim or balls have changed, and holds on to its first target.

    Where a cue's line grazes a ball, noise makes it hit and miss in turn: a new target is shown
    only after it has come up three times in a row.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.forget()

    def forget(self) -> None:
        """Begin anew: nobody aims."""
        self._shown: m.Prediction | None = None
        self._basis: _Basis | None = None
        self._other: tuple[int | None, int] = (None, 0)
        self._since_odds = _ODDS_EVERY
        self.problem = ""

    def update(
        self, balls: Sequence[m.BallState], aim: Aim, frame: int, exposure_ns: int
    ) -> m.Prediction | None:
        """The prediction to show at a state; when ``None``, ``problem`` says why there is none."""
        basis = _Basis(aim, {b.track: (b.x_m, b.y_m) for b in balls})
        if self._shown is not None and self._basis is not None and _same(basis, self._basis):
            return self._shown.model_copy(update={"frame": frame, "exposure_ns": exposure_ns})
        self._since_odds += 1
        odds = self._since_odds >= _ODDS_EVERY
        try:
            fresh = self._predictor.predict(balls, aim, frame, exposure_ns, odds=odds)
        except PredictionError as error:
            self.forget()
            self.problem = str(error)
            return None
        shown = self._shown
        if shown is not None and fresh.target_track != shown.target_track:
            track, count = self._other
            count = count + 1 if track == fresh.target_track else 1
            self._other = (fresh.target_track, count)
            if count < _INSIST:
                return shown.model_copy(update={"frame": frame, "exposure_ns": exposure_ns})
        self._other = (None, 0)
        if odds:
            self._since_odds = 0
            fresh = _eased(fresh, shown)
        elif shown is not None:
            fresh = fresh.model_copy(
                update={
                    "pot_probability": shown.pot_probability
                    if shown.target_track == fresh.target_track
                    else fresh.pot_probability,
                    "scratch_probability": shown.scratch_probability,
                    "fan": shown.fan if shown.target_track == fresh.target_track else (),
                }
            )
        self._shown, self._basis = fresh, basis
        return fresh


def _same(a: _Basis, b: _Basis) -> bool:
    if a.aim.track != b.aim.track or a.aim.speed != b.aim.speed or a.aim.side != b.aim.side:
        return False
    if abs(math.remainder(a.aim.angle - b.aim.angle, 2 * math.pi)) > _TURNED:
        return False
    return a.balls.keys() == b.balls.keys() and all(
        math.dist(place, b.balls[track]) < _MOVED for track, place in a.balls.items()
    )


def _eased(fresh: m.Prediction, shown: m.Prediction | None) -> m.Prediction:
    """Probabilities come in steps of one sampled strike: half the way from the ones before."""
    if shown is None or shown.target_track != fresh.target_track:
        return fresh
    update: dict[str, float] = {
        "scratch_probability": (fresh.scratch_probability + shown.scratch_probability) / 2
    }
    if fresh.pot_probability is not None and shown.pot_probability is not None:
        update["pot_probability"] = (fresh.pot_probability + shown.pot_probability) / 2
    return fresh.model_copy(update=update)
