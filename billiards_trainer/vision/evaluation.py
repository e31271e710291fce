"""How good detection is on labelled pictures: matching, counting, and the worst pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from billiards_trainer.vision.detection.arrays import Array
from billiards_trainer.vision.detection.detector import Detection

REACH = 0.35
"""A detection belongs to a label whose middle is nearer than this share of the ball's diameter."""
GROUPS = ("cue", "eight", "solid", "stripe")


@dataclass(frozen=True, slots=True)
class LabelledBall:
    """One ball of an annotation: middle and diameter in pixels, class (``ball`` when unknown)."""

    x_px: float
    y_px: float
    diameter_px: float
    kind: str


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture of an annotation file.

    ``corners_px`` are the cushion-nose corners in any order, where labelled; ``complete`` says that
    every ball is labelled, so that what is found beyond them is false.
    """

    path: str
    balls: tuple[LabelledBall, ...]
    corners_px: tuple[tuple[float, float], ...] | None
    complete: bool


@dataclass
class Score:
    """Counts of one picture, or of many added up."""

    pictures: int = 0
    hits: int = 0
    missed: int = 0
    false: int = 0
    named: int = 0
    named_right: int = 0
    failed: int = 0
    errors_px: list[float] = field(default_factory=list)
    errors_mm: list[float] = field(default_factory=list)
    corner_errors_px: list[float] = field(default_factory=list)
    stated: list[tuple[float, bool]] = field(default_factory=list)
    """Confidence in the name, and whether it was right."""

    def add(self, other: Score) -> None:
        """Take in another score."""
        for name in ("pictures", "hits", "missed", "false", "named", "named_right", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("errors_px", "errors_mm", "corner_errors_px", "stated"):
            getattr(self, name).extend(getattr(other, name))

    def summary(self) -> dict[str, Any]:
        """Figures for people and scripts; ``None`` where nothing was counted."""
        labelled = self.hits + self.missed
        return {
            "pictures": self.pictures,
            "failed": self.failed,
            "balls": labelled,
            "precision": _share(self.hits, self.hits + self.false),
            "recall": _share(self.hits, labelled),
            "label_accuracy": _share(self.named_right, self.named),
            "median_px": _quantile(self.errors_px, 0.5),
            "p95_px": _quantile(self.errors_px, 0.95),
            "median_mm": _quantile(self.errors_mm, 0.5),
            "p95_mm": _quantile(self.errors_mm, 0.95),
            "corners_px": _quantile(self.corner_errors_px, 0.5),
        }


def read_annotations(data: dict[str, Any]) -> list[LabelledPicture]:
    """Labelled pictures of an annotation file.

    Raises:
        ValueError: a key is missing or not what it should be; the message names it.
    """
    pictures = []
    try:
        for entry in data["images"]:
            balls = []
            for ball in entry["balls"]:
                width, height = float(ball["w"]), float(ball["h"])
                x = float(ball.get("cx", float(ball["x"]) + width / 2))
                y = float(ball.get("cy", float(ball["y"]) + height / 2))
                balls.append(LabelledBall(x, y, (width + height) / 2, str(ball["class"])))
            corners = entry.get("table_corners")
            pictures.append(
                LabelledPicture(
                    str(entry["image"]),
                    tuple(balls),
                    None if not corners else tuple((float(x), float(y)) for x, y in corners),
                    bool(entry.get("labels_complete", True)),
                )
            )
    except KeyError as error:
        raise ValueError(f"an image's entry lacks {error.args[0]!r}") from None
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"not a list of labelled images: {error}") from None
    return pictures


def score_picture(
    labelled: LabelledPicture,
    found: Sequence[Detection],
    corners_px: Array | None,
    ball_diameter: float,
) -> Score:
    """Compare what was found with what is labelled.

    Args:
        labelled: the truth.
        found: detections.
        corners_px: the table's corners as found, (4, 2).
        ball_diameter: metres; turns pixels into millimetres at each ball.
    """
    score = Score(pictures=1)
    taken: set[int] = set()
    for truth in labelled.balls:
        near = [
            (float(np.hypot(d.x_px - truth.x_px, d.y_px - truth.y_px)), k)
            for k, d in enumerate(found)
            if k not in taken
        ]
        distance, k = min(near, default=(np.inf, -1))
        if distance > REACH * truth.diameter_px:
            score.missed += 1
            continue
        taken.add(k)
        score.hits += 1
        score.errors_px.append(distance)
        score.errors_mm.append(1e3 * distance * ball_diameter / truth.diameter_px)
        if truth.kind != "ball":
            right = is_right(found[k].label, truth.kind)
            score.named += 1
            score.named_right += right
            score.stated.append((_stated(found[k], truth.kind), right))
    if labelled.complete:
        score.false = len(found) - len(taken)
    if labelled.corners_px is not None and corners_px is not None:
        score.corner_errors_px.append(_corner_error(np.array(labelled.corners_px), corners_px))
    return score


def is_right(label: str, kind: str) -> bool:
    """Whether a label says what the class says (a number is finer than its group)."""
    if kind in GROUPS:
        return group_of(label) == kind
    return label == kind


def group_of(label: str) -> str:
    """cue, eight, solid or stripe of a pool label; the label itself otherwise."""
    if label == "8":
        return "eight"
    if label.isdigit():
        return "solid" if int(label) < 8 else "stripe"
    return label


def reliability(
    stated: Iterable[tuple[float, bool]], bins: int = 10
) -> list[tuple[float, float, int]]:
    """Reliability diagram: mean stated confidence, share right, and count of each filled bin."""
    values = np.array([(c, float(r)) for c, r in stated]).reshape(-1, 2)
    which = np.clip((values[:, 0] * bins).astype(int), 0, bins - 1)
    out = []
    for k in range(bins):
        chosen = values[which == k]
        if len(chosen):
            out.append((float(chosen[:, 0].mean()), float(chosen[:, 1].mean()), len(chosen)))
    return out


def _stated(found: Detection, kind: str) -> float:
    """Probability that the detection gives to what it says."""
    if kind in GROUPS:
        said = group_of(found.label)
        return sum(p for n, p in found.label_probabilities.items() if group_of(n) == said)
    return found.label_probabilities.get(found.label, 0.0)


def _corner_error(labelled: Array, found: Array) -> float:
    """Largest corner distance under the best of the ways to pair two rectangles' corners."""
    turns = [np.roll(order, k, axis=0) for order in (found, found[::-1]) for k in range(4)]
    return float(min(np.hypot(*(t - labelled).T).max() for t in turns))


def _share(part: int, whole: int) -> float | None:
    return None if whole == 0 else part / whole


def _quantile(values: Sequence[float], q: float) -> float | None:
    return None if not values else float(np.quantile(values, q))
