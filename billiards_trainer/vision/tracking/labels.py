"""Which ball a track is: evidence gathered over time, under the constraint of the set.

Each picture gives probabilities of labels.  Pictures of a ball that lies still look alike, so they
are not independent evidence: they make one view together.  A rolling ball shows new faces.  The
belief is capped, so that it can still change when it was wrong.  What is said of all balls
together respects the set: there is one cue ball, one of each number, fifteen reds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.table import BallSet

Array = NDArray[np.float64]

CAP = 9.0
"""No label is ever more than exp(CAP) times as likely as another."""
_DOUBT = 0.02
"""A picture may be altogether wrong (a hand's shadow, own light): that share is spread evenly."""
_VIEW = 2.0
"""Pictures' worth of evidence in one view of a ball at rest, however long it lies."""
_ROLLING = 0.35
"""Share of a picture's evidence that is new while a ball rolls."""
_MEMORY = 90
"""Pictures over which a view is averaged: light and hands change."""
_GROUPS: dict[str, tuple[str, ...]] = {
    "solid": tuple(str(n) for n in range(1, 8)),
    "stripe": tuple(str(n) for n in range(9, 16)),
}
_UNTOLD = 1e-6
"""Probability of each label that a person did not name."""
_SURE = 0.5
"""A single label is named from this probability on."""
_GROUP_SURE = 0.75
_HOLD = 0.15
"""A label once shown changes only for one that is so much more probable."""
_DENIED = 0.2
"""A picture denies the name of a ball that looks so many times less like it than like another."""


class LabelSet:
    """The labels of one game in a fixed order, and how many balls may carry each."""

    def __init__(self, balls: BallSet) -> None:
        self.labels: tuple[str, ...] = balls.labels
        self.index = {label: i for i, label in enumerate(balls.labels)}
        self.capacity = np.array(
            [15.0 if balls.name == "snooker" and label == "red" else 1.0 for label in balls.labels]
        )
        # Reds are likelier than colours, but not fifteen times so: they are soon potted.
        self.prior: Array = np.sqrt(self.capacity) / np.sqrt(self.capacity).sum()

    def vector(self, probabilities: Mapping[str, float]) -> Array:
        """Probabilities of the set's labels from those of a detection, shape (labels,).

        Groups (``solid``, ``stripe``) are spread over their members, the rest over all.
        """
        p = np.zeros(len(self.labels))
        for label, value in probabilities.items():
            if label in self.index:
                p[self.index[label]] += value
            elif members := [self.index[n] for n in _GROUPS.get(label, ()) if n in self.index]:
                p[members] += value / len(members)
        rest = max(0.0, 1.0 - float(p.sum()))
        n = len(p)
        p = p + rest / n
        return (1 - _DOUBT) * p / float(p.sum()) + _DOUBT / n


class LabelBelief:
    """Log-probabilities of one track's labels; before anything is seen, those of the set.

    A detection's probabilities count as likelihoods: what tells labels apart in the picture, with
    no regard to how many balls of each there are.  Pictures of a ball at rest are *one view*: their
    mean counts, with little more weight than a single picture.
    """

    def __init__(self, labels: LabelSet) -> None:
        self._labels = labels
        self._past = np.log(labels.prior)
        self._view = np.zeros(len(labels.prior))
        self._pictures = 0
        self._newest = np.log(labels.prior)
        self.certain: int | None = None
        """Index of the label that a person gave it: no picture changes it."""
        self.shown = "unknown"
        self.shown_probability = 0.0
        self.denied = 0
        """Pictures in a row, up to the newest, that deny the name."""
        self._looks: Array | None = None

    @property
    def probabilities(self) -> Array:
        """Shape (labels,), sum 1: what a person says, else what pictures show."""
        if self.certain is None:
            return self.looks
        told: Array = np.full(len(self._past), _UNTOLD)
        told[self.certain] = 1 - _UNTOLD * (len(told) - 1)
        return told

    @property
    def looks(self) -> Array:
        """Shape (labels,), sum 1: what pictures show."""
        if self._looks is None:
            log = self._past + min(_VIEW, float(self._pictures)) * self._view
            p = np.exp(np.maximum(log - log.max(), -CAP))
            self._looks = p / p.sum()
        return self._looks

    def ratio(self, seen: Array) -> float:
        """How much better a detection's labels look like this track than like any ball."""
        return float((self.looks * seen).sum() / (self._labels.prior * seen).sum())

    def learn(self, seen: Array, *, moving: bool) -> None:
        """Take in one picture's probabilities, shape (labels,)."""
        self._looks = None
        log = self._newest = np.log(seen)
        name = self._labels.index.get(self.shown)
        self.denied = 0 if name is None or seen[name] > _DENIED * seen.max() else self.denied + 1
        if moving:
            self._close_view()
            self._past = self._past + _ROLLING * log
        else:
            self._pictures += 1
            self._view = self._view + (log - self._view) / min(self._pictures, _MEMORY)

    def reconsider(self) -> None:
        """Believe the newest picture alone: what was thought before was wrong."""
        self._past = np.log(self._labels.prior)
        self._view, self._pictures = self._newest, 1
        self._looks = None
        self.denied = 0

    def _close_view(self) -> None:
        """The ball begins to roll: what was seen of it at rest is history."""
        if self._pictures:
            past = self._past + min(_VIEW, float(self._pictures)) * self._view
            self._past = np.maximum(past - past.max(), -CAP)
            self._view = np.zeros_like(self._view)
            self._pictures = 0
        self._past = np.maximum(self._past - self._past.max(), -CAP)


def constrain(probabilities: Array, capacity: Array, rounds: int = 30) -> Array:
    """Probabilities under the constraint that label k is carried by at most ``capacity[k]`` balls.

    Sinkhorn's alternating scaling: rows to sum 1, columns down to their capacity.

    Args:
        probabilities: shape (balls, labels), rows sum to 1.
        capacity: shape (labels,).
        rounds: of scaling, at most.

    Returns:
        Shape (balls, labels), rows sum to 1.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if len(p) == 0:
        return p
    for _ in range(rounds):
        load = p.sum(axis=0)
        over = load > capacity
        if not over.any():
            break
        p = p * np.where(over, capacity / np.maximum(load, 1e-12), 1.0)
        p = p / np.maximum(p.sum(axis=1, keepdims=True), 1e-12)
    return p


def name_all(beliefs: Sequence[LabelBelief], labels: LabelSet) -> None:
    """Decide what each ball is called (``shown``, ``shown_probability``), all together."""
    if not beliefs:
        return
    p = constrain(np.stack([b.probabilities for b in beliefs]), labels.capacity)
    held = p.copy()
    for row, belief in enumerate(beliefs):
        if belief.shown in labels.index:
            held[row, labels.index[belief.shown]] += _HOLD
    left = labels.capacity.copy()
    undecided = set(range(len(beliefs)))
    order = np.argsort(held.max(axis=1))[::-1]
    for row in (int(r) for r in order):
        column = int(held[row].argmax())
        if left[column] >= 1 and p[row, column] >= _SURE:
            left[column] -= 1
            undecided.discard(row)
            beliefs[row].shown = labels.labels[column]
            beliefs[row].shown_probability = min(1.0, float(p[row, column]))
    for row in undecided:
        beliefs[row].shown, beliefs[row].shown_probability = _group(p[row], labels)


def _group(p: Array, labels: LabelSet) -> tuple[str, float]:
    """Solid or stripe when only that is sure, else unknown."""
    for name, members in _GROUPS.items():
        share = sum(float(p[labels.index[n]]) for n in members if n in labels.index)
        if share >= _GROUP_SURE and math.isfinite(share):
            return name, min(1.0, share)
    return "unknown", float(p.max())
