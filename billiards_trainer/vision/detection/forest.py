"""Boosted decision trees that turn evidence into a probability [Friedman 2001].

Trained by ``scripts/fit_judge.py`` on pictures of the virtual table; kept in ``judge.json`` beside
this module as plain numbers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.vision.detection.arrays import Array


@dataclass(frozen=True)
class Forest:
    """Complete binary trees of one depth.

    Attributes:
        feature: column that each inner node looks at, (trees, 2^depth - 1), top down.
        threshold: a sample goes right when its value is larger, same shape.
        leaf: what each leaf adds to the log-odds, (trees, 2^depth).
        constant: log-odds before any tree.
    """

    feature: NDArray[np.intp]
    threshold: Array
    leaf: Array
    constant: float

    def log_odds(self, samples: Array) -> Array:
        """Log-odds of samples (N, columns), shape (N,)."""
        trees, leaves = self.leaf.shape
        rows = np.arange(len(samples))[:, None]
        which = np.arange(trees)
        node = np.zeros((len(samples), trees), dtype=np.intp)
        for _ in range(leaves.bit_length() - 1):
            right = samples[rows, self.feature[which, node]] > self.threshold[which, node]
            node = 2 * node + 1 + right
        return np.asarray(self.constant + self.leaf[which, node - (leaves - 1)].sum(axis=1))

    def probability(self, samples: Array) -> Array:
        """Probability of being a ball, (N,)."""
        return 1 / (1 + np.exp(-np.clip(self.log_odds(samples), -30, 30)))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; ``from_dict`` reads them back."""
        return {
            "feature": self.feature.tolist(),
            "threshold": [[float(f"{v:.5g}") for v in row] for row in self.threshold],
            "leaf": [[float(f"{v:.5g}") for v in row] for row in self.leaf],
            "constant": float(f"{self.constant:.5g}"),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Forest:
        """The forest that ``to_dict`` wrote."""
        return cls(
            np.array(data["feature"], dtype=np.intp),
            np.array(data["threshold"], dtype=np.float64),
            np.array(data["leaf"], dtype=np.float64),
            float(data["constant"]),
        )


@cache
def forests() -> tuple[Forest, Forest]:
    """The first and the second verdict's forests."""
    source = resources.files("billiards_trainer.vision.detection").joinpath("judge.json")
    data = json.loads(source.read_text(encoding="utf-8"))
    return Forest.from_dict(data["first"]), Forest.from_dict(data["second"])
