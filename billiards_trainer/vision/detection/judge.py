"""Which candidates are balls.

A ball is full (its face is unlike cloth), it has an outline of the right size almost all round, and
no two balls share a place.  What has only the one or the other is a ring of light, a shadow, a
finger, a letter or a pocket.  The evidence is judged twice: what lies beside a candidate counts
against it (a hand has more hand beside it), unless it is another sure ball.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.vision.detection.arrays import Array, Mask, Single
from billiards_trainer.vision.detection.cloth import GREY
from billiards_trainer.vision.detection.forest import forests
from billiards_trainer.vision.detection.refine import INNER, STEP, WEAK, Fit
from billiards_trainer.vision.detection.view import RAYS, View
from billiards_trainer.vision.detection.working import Working

FULL = 90
"""How unlike cloth a pixel of a ball's face is."""
CLOSEST = 0.80
"""Two balls' centres are at least this many diameters apart, measurement errors allowed for."""
SURE = 0.85
"""From this first verdict on a candidate explains what is unlike cloth at its place."""

_TURN = np.arange(20) * (2 * np.pi / 20)
_FACE = np.array(
    [(0.0, 0.0)] + [(k * np.cos(t), k * np.sin(t)) for k in (0.35, 0.6, 0.82) for t in _TURN]
)
_AROUND = np.array([(k * np.cos(t), k * np.sin(t)) for k in (1.25, 1.4) for t in _TURN])
_FARTHER = np.array([(k * np.cos(t), k * np.sin(t)) for k in (1.8, 2.3, 2.9) for t in _TURN])

EVIDENCE = (
    "votes",
    "support",
    "gap",
    "edge",
    "spread",
    "growth",
    "fullness",
    "unlike",
    "clutter",
    "sharpness",
    "outline",
    "bare",
    "half seen",
    "half outline",
    "light",
    "least channel",
    "chroma",
    "texture",
    "noise",
    "radius",
    "to cushion",
    "to pocket",
    "beside",
    "around",
)
"""Names of the columns of the evidence; the last two are known to the second verdict only."""
ALONE = len(EVIDENCE) - 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Per candidate: probability of being a ball, (N,), and the evidence, (N, len(EVIDENCE))."""

    confidence: Array
    evidence: Array


def judge(working: Working, votes: Array, fit: Fit, strength: Single) -> Verdict:
    """How likely each candidate is a ball.

    Args:
        working: the picture made ready.
        votes: value of the vote map, (N,).
        fit: the fitted outlines.
        strength: edge strength along the rays, (N, RAYS, STEPS).
    """
    first, second = forests()
    alone, middle, radius = weigh(working, votes, fit, strength)
    sure = first.probability(alone) > SURE
    evidence = np.hstack([alone, neighbourhood(working.unlike, middle, radius, sure)])
    return Verdict(second.probability(evidence), evidence)


def weigh(working: Working, votes: Array, fit: Fit, strength: Single) -> tuple[Array, Array, Array]:
    """Evidence of each candidate by itself, (N, ALONE); middles and radii, working pixels."""
    view = working.view
    middle = view.to_work(fit.middle)
    radius = fit.radius / view.shrink
    unlike = _look(working.unlike, middle, radius, _FACE)
    bare = _look(working.unlike, middle, radius, _AROUND[: len(_TURN)]) <= FULL
    seen = fit.seen[:, :: RAYS // len(_TURN)]
    face = _look(working.divided, middle, radius, _FACE).astype(np.float32) / GREY
    light = face.mean(axis=2)
    mean = face.mean(axis=1)
    clutter, sharpness = _inner_edges(strength)
    place = view.centre.at(fit.middle)
    table = view.table
    cushion = np.minimum(place, [table.width, table.length] - place).min(axis=1)
    pocket = np.full(len(place), 9.0)
    if table.pockets:
        holes = np.array([p.centre for p in table.pockets])
        pocket = np.hypot(*(place[:, None] - holes).transpose(2, 0, 1)).min(axis=1)
    ball = table.balls.radius
    columns = (
        votes,
        fit.support,
        _longest_gap(fit.seen),
        fit.strength,
        fit.spread / fit.radius,
        fit.growth,
        (unlike > FULL).mean(axis=1),
        unlike.mean(axis=1) / 255,
        clutter,
        sharpness,
        (bare & seen).mean(axis=1),
        bare.mean(axis=1),
        _best_half(fit.seen),
        _best_half(bare & seen),
        light.mean(axis=1),
        mean.min(axis=1),
        mean.max(axis=1) - mean.min(axis=1),
        light.std(axis=1),
        np.full(len(votes), max(working.cloth.noise)),
        radius,
        cushion / ball,
        np.minimum(pocket / ball, 9.0),
    )
    return np.stack(columns, axis=1).astype(np.float64), middle, radius


def neighbourhood(unlike: Mask, middle: Array, radius: Array, sure: NDArray[np.bool_]) -> Array:
    """Share of what lies close beside and around that is unlike cloth and no sure ball, (N, 2)."""
    left = _unexplained(unlike, middle, radius, sure)
    beside = (_look(left, middle, radius, _AROUND) > 0).mean(axis=1)
    around = (_look(left, middle, radius, _FARTHER) > 0).mean(axis=1)
    return np.stack([beside, around], axis=1)


def select(view: View, fit: Fit, confidence: Array, least: float) -> NDArray[np.intp]:
    """The best candidates that can lie on one table together, surest first."""
    ball = view.table.balls.radius
    place = view.centre.at(fit.middle)
    apart = np.hypot(*(place[:, None, :] - place[None, :, :]).transpose(2, 0, 1))
    clash = apart < 2 * ball * CLOSEST
    free = confidence >= least
    kept: list[int] = []
    for k in np.argsort(-confidence, kind="stable"):
        if free[k]:
            kept.append(int(k))
            free &= ~clash[k]
    return np.array(kept, dtype=np.intp)


def _best_half(seen: NDArray[np.bool_]) -> Array:
    """Share of true rays in the best half of the outline."""
    n, rays = seen.shape
    half = rays // 2
    total = np.zeros((n, 2 * rays + 1))
    total[:, 1:] = np.cumsum(np.concatenate([seen, seen], axis=1), axis=1)
    return (total[:, half : half + rays] - total[:, :rays]).max(axis=1) / half


def _longest_gap(seen: NDArray[np.bool_]) -> Array:
    """Longest run of rays without support, as a share of the outline."""
    rays = seen.shape[1]
    twice = np.concatenate([seen, seen], axis=1)
    index = np.where(twice, np.arange(2 * rays), -1)
    last = np.maximum.accumulate(index, axis=1)
    run = np.where(last < 0, rays, np.arange(2 * rays) - last)
    return np.minimum(run.max(axis=1), rays) / rays


def _inner_edges(strength: Single) -> tuple[Array, Array]:
    """How strong edges inside the face are against those of the outline; how often not stronger."""
    rim = slice(round((0.90 - INNER) / STEP), round((1.10 - INNER) / STEP) + 1)
    face = slice(0, round((0.80 - INNER) / STEP) + 1)
    outline = strength[:, :, rim].max(axis=2)
    inner = strength[:, :, face].max(axis=2)
    clutter = inner.mean(axis=1) / (outline.mean(axis=1) + WEAK)
    sharp = (outline >= inner).mean(axis=1)
    return np.minimum(clutter, 2.0).astype(np.float64), sharp.astype(np.float64)


def _unexplained(unlike: Mask, middle: Array, radius: Array, sure: NDArray[np.bool_]) -> Mask:
    """What is unlike cloth and belongs to no sure ball; thin lines left out."""
    left = np.where(unlike > FULL, np.uint8(255), np.uint8(0))
    size = max(3, round(0.5 * float(radius.mean())) | 1)
    left = cv2.morphologyEx(left, cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
    for (x, y), r in zip(middle[sure], radius[sure], strict=True):
        cv2.circle(left, (round(x * 16), round(y * 16)), round(r * 1.25 * 16), 0, -1, shift=4)
    return left


def _look(image: Mask, middle: Array, radius: Array, pattern: Array) -> Mask:
    """Values of an image at points about the middles, in radii; (N, points)."""
    height, width = image.shape[:2]
    at = middle[:, None, :] + radius[:, None, None] * pattern
    column = np.clip(np.rint(at[:, :, 0]).astype(np.intp), 0, width - 1)
    row = np.clip(np.rint(at[:, :, 1]).astype(np.intp), 0, height - 1)
    return image[row, column]
