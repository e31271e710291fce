"""Collects crops of balls, and of what is none, for the identity network, from virtual tables.

    .venv/bin/python scripts/collect_crops.py CROPS.npz --rooms 120 --pictures 10 --seed 1

Rooms are random by seed.  Needs about three seconds a room; several runs with different seeds can
go side by side, ``fit_identity.py`` takes all their files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from billiards_trainer.simulation import lessons
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import build, preset
from billiards_trainer.vision.detection import candidates, crops, geometry
from billiards_trainer.vision.detection.cloth import ClothError
from billiards_trainer.vision.detection.detector import LEAST_VOTES
from billiards_trainer.vision.detection.identity_network import LABELS
from billiards_trainer.vision.detection.view import View, make_view
from billiards_trainer.vision.detection.working import Working, prepare

TABLES = (
    preset("pool-9ft"),
    preset("snooker-12ft"),
    preset("pool-7ft"),
    # Snooker balls on a small table: how homes and clubs play it.
    build("small snooker", "snooker", 1.88, 0.94, ball_diameter=0.0523),
    preset("pool-8ft"),
    preset("carom-10ft"),
)
MOST_NEGATIVES = 6
NOTHING = -1


def main() -> None:
    """Collect and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--rooms", type=int, default=120)
    parser.add_argument("--pictures", type=int, default=10, help="pairs of pictures in each room")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    found: list[tuple[np.ndarray, np.ndarray, int]] = []
    for room in range(arguments.rooms):
        rng = np.random.default_rng((arguments.seed, room, 41))
        table = TABLES[room % len(TABLES)]
        setup = lessons.lesson_setup(table, arguments.seed * 100_000 + room)
        view = make_view(table, setup.camera)
        virtual = VirtualTable(table, setup, seed=room, caption="")
        for seen in lessons.observe(virtual, arguments.pictures, rng):
            picture = lessons.develop(seen.image, rng) if rng.random() < 0.75 else seen.image
            found.append((*collect(view, picture, seen, rng), room))
        if room % 5 == 0:
            print(room, sum(len(f[1]) for f in found), flush=True)
    found = [f for f in found if len(f[1])]
    np.savez_compressed(
        arguments.target,
        crops=np.concatenate([f[0] for f in found]),
        labels=np.concatenate([f[1] for f in found]),
        counts=np.array([len(f[1]) for f in found]),
        rooms=np.array([f[2] for f in found]) + 100_000 * arguments.seed,
    )


def collect(
    view: View, picture: np.ndarray, seen: Observation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Crops and labels (index into LABELS, or NOTHING) of one picture."""
    try:
        working = prepare(picture, view)
    except ClothError:
        return np.zeros((0, crops.SIZE, crops.SIZE, 3), np.uint8), np.zeros(0, int)
    game = view.table.game
    shown = [b for b in seen.truth.balls if b.radius_px > 0 and b.on_table]
    wanted = [b for b in shown if b.visible > 0.5]
    if wanted:
        places = np.array([b.seen[:2] for b in wanted])
        middles, radii = geometry.discs(view.camera, places, view.table.balls.radius)
    else:
        middles, radii = np.zeros((0, 2)), np.zeros(0)
    labels = [LABELS.index((game, b.label)) for b in wanted]
    wrong = negatives(working, np.array([b.seen[:2] for b in shown]).reshape(-1, 2), rng)
    size = view.radius[
        np.clip(wrong[:, 1].astype(int), 0, view.height - 1),
        np.clip(wrong[:, 0].astype(int), 0, view.width - 1),
    ]
    middles = np.vstack([middles, view.to_full(wrong)])
    radii = np.concatenate([radii, size * view.shrink])
    labels += [NOTHING] * len(wrong)
    # Detections are off by a little.
    middles = middles + rng.normal(0, 0.05, middles.shape) * radii[:, None]
    radii = radii * (1 + rng.normal(0, 0.03, len(radii)))
    return crops.cut(picture, middles, radii), np.array(labels, dtype=int)


def negatives(working: Working, balls: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Working pixels where edges vote for a disc and no ball is, (N, 2)."""
    view = working.view
    places, _ = candidates.peaks(candidates.votes(working.edges, view), view, LEAST_VOTES)
    if len(places) == 0:
        return places
    at = view.centre.at(view.to_full(places))
    away = np.hypot(*(at[:, None] - balls[None]).transpose(2, 0, 1)).min(axis=1, initial=9.0)
    wrong = places[away > 1.2 * view.table.balls.radius]
    return wrong[rng.permutation(len(wrong))[: int(rng.integers(0, MOST_NEGATIVES + 1))]]


if __name__ == "__main__":
    main()
