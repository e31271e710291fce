"""Fits the forests that judge candidates (vision/detection/judge.json) on the virtual table.

    .venv/bin/python scripts/fit_judge.py --rooms 40 --pictures 5 --seed 1

Rooms, players, balls, the projector's light and the camera's development are random by seed; every
fifth room is kept back to report on.  Takes about a quarter of an hour on one core with these
numbers; the file carries its own model card.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from billiards_trainer.simulation import lessons
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import Table, build, preset
from billiards_trainer.vision.detection import candidates, judge, refine
from billiards_trainer.vision.detection.cloth import ClothError
from billiards_trainer.vision.detection.detector import LEAST_VOTES
from billiards_trainer.vision.detection.forest import Forest
from billiards_trainer.vision.detection.view import View, make_view
from billiards_trainer.vision.detection.working import prepare

TABLES = (
    preset("pool-9ft"),
    preset("pool-7ft"),
    preset("snooker-12ft"),
    preset("carom-10ft"),
    build("small snooker", "snooker", 1.88, 0.94, ball_diameter=0.0523),
)
TARGET = Path(judge.__file__).with_name("judge.json")


@dataclass
class Sheet:
    """The candidates of one picture: evidence, labels (1 ball, 0 not, -1 left out) and places."""

    room: int
    evidence: np.ndarray
    labels: np.ndarray
    middle: np.ndarray
    radius: np.ndarray
    unlike: np.ndarray


def main() -> None:
    """Collect, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=40, help="for each table")
    parser.add_argument("--pictures", type=int, default=5, help="pairs of pictures in each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    sheets: list[Sheet] = []
    for table in TABLES:
        sheets += collect(table, arguments.rooms, arguments.pictures, arguments.seed)
        print(table.name, len(sheets), "pictures", flush=True)
    train = [s for s in sheets if s.room % 5]
    kept = [s for s in sheets if s.room % 5 == 0]
    rng = np.random.default_rng(arguments.seed)
    first = grow(*stack(train, [s.evidence for s in train]), trees=80, depth=3, rate=0.2, rng=rng)
    both = [with_neighbours(sheets_, first) for sheets_ in (train, kept)]
    second = grow(*stack(train, both[0]), trees=130, depth=4, rate=0.12, rng=rng)
    evidence, labels = stack(kept, both[1])
    figures = report(second, evidence, labels)
    card = {
        "name": "judge",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "script": "scripts/fit_judge.py",
        "arguments": {k: getattr(arguments, k) for k in ("rooms", "pictures", "seed")},
        "data": {
            "source": "virtual table (billiards_trainer/simulation/lessons.py)",
            "tables": [table.name for table in TABLES],
            "pictures": len(train),
            "candidates": int(sum((s.labels >= 0).sum() for s in train)),
            "kept_back": "every fifth room",
        },
        "figures_virtual": figures,
    }
    arguments.target.write_text(
        json.dumps({"card": card, "first": first.to_dict(), "second": second.to_dict()}) + "\n"
    )


def collect(table: Table, rooms: int, pictures: int, seed: int) -> list[Sheet]:
    """Candidates of pictures of play and of strewn balls, each developed in three ways."""
    sheets = []
    for room in range(rooms):
        rng = np.random.default_rng((seed, room))
        setup = lessons.lesson_setup(table, seed * 1000 + room)
        view = make_view(table, setup.camera)
        for seen in lessons.observe(
            VirtualTable(table, setup, seed=room, caption=""), pictures, rng
        ):
            for _ in range(3):
                sheet = candidates_of(view, lessons.develop(seen.image, rng), seen, room)
                if sheet is not None:
                    sheets.append(sheet)
    return sheets


def candidates_of(view: View, picture: np.ndarray, seen: Observation, room: int) -> Sheet | None:
    """Candidates with their labels; ``None`` where there are none."""
    try:
        working = prepare(picture, view)
    except ClothError:
        return None
    places, votes = candidates.peaks(candidates.votes(working.edges, view), view, LEAST_VOTES)
    if len(places) == 0:
        return None
    rays = refine.sample(picture, view, view.to_full(places))
    strength = refine.edge_strength(rays, refine.background_at(working.cloth.background, places))
    fit = refine.fit(rays, strength)
    shown = [b for b in seen.truth.balls if b.radius_px > 0]
    true = np.array([b.seen[:2] for b in shown]).reshape(-1, 2)
    visible = np.array([b.visible if b.on_table else 0.0 for b in shown])
    labels = np.zeros(len(places), dtype=int)
    if shown:
        away = np.hypot(*(view.centre.at(fit.middle)[:, None] - true).transpose(2, 0, 1))
        nearest, radius = away.argmin(axis=1), view.table.balls.radius
        distance = away.min(axis=1)
        # Half-right places and hidden balls teach nothing.
        labels[distance < radius] = -1
        labels[(distance < 0.25 * radius) & (visible[nearest] > 0.45)] = 1
    evidence, middle, radius_work = judge.weigh(working, votes, fit, strength)
    return Sheet(room, evidence, labels, middle, radius_work, working.unlike)


def with_neighbours(sheets: list[Sheet], first: Forest) -> list[np.ndarray]:
    """Evidence with what lies beside, as the second verdict sees it."""
    return [
        np.hstack(
            [
                s.evidence,
                judge.neighbourhood(
                    s.unlike, s.middle, s.radius, first.probability(s.evidence) > judge.SURE
                ),
            ]
        )
        for s in sheets
    ]


def stack(sheets: list[Sheet], evidence: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Evidence and labels of all candidates that teach something."""
    chosen = [s.labels >= 0 for s in sheets]
    return (
        np.vstack([e[c] for e, c in zip(evidence, chosen, strict=True)]),
        np.concatenate([s.labels[c] for s, c in zip(sheets, chosen, strict=True)]).astype(float),
    )


def grow(
    samples: np.ndarray,
    labels: np.ndarray,
    *,
    trees: int,
    depth: int,
    rate: float,
    rng: np.random.Generator,
    bins: int = 48,
    ridge: float = 2.0,
) -> Forest:
    """Gradient boosting of complete trees for the logistic loss, on binned columns."""
    count, columns = samples.shape
    cuts = [
        np.unique(np.quantile(samples[:, j], np.linspace(0, 1, bins + 1)[1:-1]))
        for j in range(columns)
    ]
    binned = np.stack([np.searchsorted(c, samples[:, j]) for j, c in enumerate(cuts)], axis=1)
    inner = 2**depth - 1
    feature = np.zeros((trees, inner), dtype=np.intp)
    threshold = np.full((trees, inner), 1e30)
    leaf = np.zeros((trees, inner + 1))
    share = labels.mean()
    constant = float(np.log(share / (1 - share)))
    odds = np.full(count, constant)
    for tree in range(trees):
        p = 1 / (1 + np.exp(-odds))
        slope, bend = labels - p, p * (1 - p)
        chosen = rng.random(count) < 0.7
        node = np.zeros(count, dtype=int)
        for k in range(inner):
            here = node == k
            split = best_split(binned, cuts, slope, bend, chosen & here, ridge)
            right = np.zeros(count, dtype=bool)
            if split is not None:
                j, cut = split
                feature[tree, k], threshold[tree, k] = j, cuts[j][cut]
                right = binned[:, j] > cut
            node[here] = 2 * k + 1 + right[here]
        at = node - inner
        gain = np.bincount(at[chosen], slope[chosen], inner + 1)
        mass = np.bincount(at[chosen], bend[chosen], inner + 1)
        leaf[tree] = rate * gain / (mass + ridge)
        odds += leaf[tree][at]
    return Forest(feature, threshold, leaf, constant)


def best_split(
    binned: np.ndarray,
    cuts: list[np.ndarray],
    slope: np.ndarray,
    bend: np.ndarray,
    chosen: np.ndarray,
    ridge: float,
) -> tuple[int, int] | None:
    """Column and cut with the largest gain, ``None`` when nothing is gained."""
    if np.count_nonzero(chosen) < 40:
        return None
    g, h = slope[chosen], bend[chosen]
    total, mass = g.sum(), h.sum()
    best, found = 1e-9, None
    for j, cut in enumerate(cuts):
        if len(cut) == 0:
            continue
        left = np.cumsum(np.bincount(binned[chosen, j], g, len(cut) + 1))[:-1]
        left_mass = np.cumsum(np.bincount(binned[chosen, j], h, len(cut) + 1))[:-1]
        right, right_mass = total - left, mass - left_mass
        gain = left**2 / (left_mass + ridge) + right**2 / (right_mass + ridge)
        gain -= total**2 / (mass + ridge)
        gain[(left_mass < 1) | (right_mass < 1)] = 0
        k = int(gain.argmax())
        if gain[k] > best:
            best, found = gain[k], (j, k)
    return found


def report(forest: Forest, samples: np.ndarray, labels: np.ndarray) -> dict[str, list[list[float]]]:
    """Recall and precision on rooms that were kept back, and how true the probabilities are."""
    p = forest.probability(samples)
    kept = [
        [least, float((p[labels == 1] > least).mean()), float(labels[p > least].mean())]
        for least in (0.3, 0.5, 0.7, 0.9)
    ]
    stated = [
        [float(p[inside].mean()), float(labels[inside].mean()), float(inside.sum())]
        for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.99), (0.99, 1.01))
        if (inside := (p >= low) & (p < high)).any()
    ]
    for least, recall, precision in kept:
        print(f"from {least:.1f}: recall {recall:.4f} precision {precision:.4f}")
    for said, true, count in stated:
        print(f"stated {said:.3f} true {true:.3f} n {count:.0f}")
    return {
        "least_recall_precision": [[round(v, 4) for v in row] for row in kept],
        "stated_true_count": [[round(v, 4) for v in row] for row in stated],
    }


if __name__ == "__main__":
    main()
