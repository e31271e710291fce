"""Labelled material in other forms than the annotation file: YOLO folders, and crops by class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.errors import InputError
from billiards_trainer.table import BallSet
from billiards_trainer.vision.detection.crops import cut
from billiards_trainer.vision.detection.identity import Identifier
from billiards_trainer.vision.evaluation import LabelledBall, LabelledPicture, Score
from billiards_trainer.vision.picture_file import read_picture

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
CROP_RADIUS = 0.31
"""Radius of the ball in a crop, as a share of the crop's side."""
TOGETHER = 20
"""Crops looked at as if they were the balls of one picture."""
_SYNONYMS = {"white": "cue", "cueball": "cue", "cue_ball": "cue"}


def is_yolo(folder: Path) -> bool:
    """Whether a folder holds ``images`` and ``labels`` side by side."""
    return (folder / "images").is_dir() and (folder / "labels").is_dir()


def read_yolo(folder: Path, ball_class: int = 0) -> list[LabelledPicture]:
    """Pictures with boxes in shares of the picture (class, middle x, y, width, height a line).

    Args:
        folder: with ``images`` and ``labels``.
        ball_class: the class of balls; others are left out.

    Raises:
        InputError: a line that is none; the sentence names file and line.
    """
    pictures = []
    for path in sorted(p for p in (folder / "images").iterdir() if p.suffix.lower() in PICTURES):
        labels = folder / "labels" / f"{path.stem}.txt"
        lines = labels.read_text(encoding="utf-8").splitlines() if labels.exists() else []
        height, width = read_picture(path).shape[:2]
        balls = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                kind, x, y, w, h = (float(v) for v in line.split()[:5])
            except ValueError:
                raise InputError(f"{labels}: line {number} is not a box") from None
            if int(kind) == ball_class:
                size = (w * width + h * height) / 2
                balls.append(LabelledBall(x * width - 0.5, y * height - 0.5, size, "ball"))
        pictures.append(LabelledPicture(f"images/{path.name}", tuple(balls), None, True))
    return pictures


def crop_files(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Pictures of single balls below a folder: group, class (the folder's name), file."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICTURES:
            kind = path.parent.name.lower()
            yield path.parent.parent.name, _SYNONYMS.get(kind, kind), path


def score_crops(folder: Path, balls: BallSet, identifier: Identifier) -> dict[str, Score]:
    """How often crops are named rightly, by group.

    Crops of one group come from one camera and light: they are looked at as the balls of a picture
    are, some at a time, though nothing is said of how many of each there may be.

    Raises:
        InputError: no crops, a class that no ball of the set carries, or no network to look.
    """
    if identifier.network is None:
        raise InputError("crops can be named by the network only, and there is none")
    groups: dict[str, list[tuple[str, Path]]] = {}
    for group, kind, path in crop_files(folder):
        if kind not in balls.labels:
            raise InputError(f"{path.parent}: no ball of {balls.name} is called {kind!r}")
        groups.setdefault(group, []).append((kind, path))
    if not groups:
        raise InputError(f"{folder}: no pictures")
    scores = {}
    for group, members in groups.items():
        order = np.random.default_rng(0).permutation(len(members))
        score = scores[group] = Score()
        for some in np.array_split(order, -(-len(members) // TOGETHER)):
            crops = np.concatenate([_crop(members[k][1]) for k in some])
            fits, _ = identifier.network.answer(crops, identifier.labels, identifier.game)
            share = np.exp(fits) / np.exp(fits).sum(axis=1, keepdims=True)
            for k, p in zip(some, share, strict=True):
                right = identifier.labels[int(p.argmax())] == members[k][0]
                stated = [(float(p.max()), right)]
                score.add(Score(pictures=1, named=1, named_right=int(right), stated=stated))
    return scores


def _crop(path: Path) -> NDArray[np.uint8]:
    """The ball in the middle of a small picture, as the network wants it."""
    picture = read_picture(path)
    height, width = picture.shape[:2]
    middle = np.array([[(width - 1) / 2, (height - 1) / 2]])
    return cut(picture, middle, np.array([CROP_RADIUS * min(width, height)]))
