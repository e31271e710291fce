"""Which candidates are balls.

A ball is full (its face is unlike cloth), it has an outline of the right size almost all round, and
no two balls share a place.  What has only the one or the other is a ring of light, a shadow, a
finger or a pocket.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.vision.detection.refine import Fit
from billiards_trainer.vision.detection.view import View

Array = NDArray[np.float64]
Mask = NDArray[np.uint8]

FULL = 90
"""How unlike cloth a pixel of a ball's face is."""
CLOSEST = 0.80
"""Two balls' centres are at least this many diameters apart, measurement errors allowed for."""

_TURN = np.arange(20) * (2 * np.pi / 20)
_FACE = np.array(
    [(0.0, 0.0)] + [(k * np.cos(t), k * np.sin(t)) for k in (0.35, 0.6, 0.82) for t in _TURN]
)
_AROUND = np.array([(k * np.cos(t), k * np.sin(t)) for k in (1.25, 1.4) for t in _TURN])


@dataclass(frozen=True, slots=True)
class Verdict:
    """Per candidate: probability of being a ball, and the evidence, each of shape (N,)."""

    confidence: Array
    fullness: Array
    bareness: Array


def judge(view: View, unlike: Mask, votes: Array, fit: Fit) -> Verdict:
    """How likely each candidate is a ball."""
    middle = view.to_work(fit.middle)
    radius = fit.radius / view.shrink
    fullness = (_look(unlike, middle, radius, _FACE) > FULL).mean(axis=1)
    bareness = (_look(unlike, middle, radius, _AROUND) <= FULL).mean(axis=1)
    score = (
        4.0 * np.minimum(votes, 1.2)
        + 8.0 * (fit.support - 0.75)
        + 6.0 * (fullness - 0.75)
        + 1.0 * (bareness - 0.5)
        - 1.8
    )
    return Verdict(1 / (1 + np.exp(-score)), fullness, bareness)


def select(view: View, fit: Fit, verdict: Verdict, least: float) -> NDArray[np.intp]:
    """The best candidates that can lie on one table together, surest first."""
    ball = view.table.balls.radius
    place = view.centre.at(fit.middle)
    apart = np.hypot(*(place[:, None, :] - place[None, :, :]).transpose(2, 0, 1))
    clash = apart < 2 * ball * CLOSEST
    free = verdict.confidence >= least
    kept: list[int] = []
    for k in np.argsort(-verdict.confidence, kind="stable"):
        if free[k]:
            kept.append(int(k))
            free &= ~clash[k]
    return np.array(kept, dtype=np.intp)


def _look(unlike: Mask, middle: Array, radius: Array, pattern: Array) -> Mask:
    height, width = unlike.shape
    at = middle[:, None, :] + radius[:, None, None] * pattern
    column = np.clip(np.rint(at[:, :, 0]).astype(np.intp), 0, width - 1)
    row = np.clip(np.rint(at[:, :, 1]).astype(np.intp), 0, height - 1)
    return unlike[row, column]
