"""Draws the pictures of docs/vision.md: the stages of detection, and what the network sees.

.venv/bin/python scripts/draw_vision.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from billiards_trainer.simulation import lessons
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import preset
from billiards_trainer.vision.detection import candidates
from billiards_trainer.vision.detection.crops import cut
from billiards_trainer.vision.detection.detector import BallDetector, Detection

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
TABLE = preset("pool-9ft")
TILE = (640, 360)


def main() -> None:
    """Draw and write."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(4)
    virtual = VirtualTable(TABLE, seed=4)
    virtual.skip(5.0)
    lying = [(float(b.position[0]), float(b.position[1])) for b in virtual.step().truth.balls]
    light = None
    while light is None:
        light = lessons.random_light(TABLE, rng, lying)
    picture = virtual.step(light).image
    detector = BallDetector(TABLE, virtual.camera)
    found = detector.detect(picture)
    write("vision-stages.jpg", stages(picture, detector, found))
    write("vision-crops.jpg", named_crops(picture, found))


def stages(picture: np.ndarray, detector: BallDetector, found: list[Detection]) -> np.ndarray:
    """Picture, unlikeness to cloth, votes, result; two by two."""
    working = detector.working
    if working is None:
        raise SystemExit("no cloth is seen")
    votes = candidates.votes(working.edges, detector.view)
    shown = picture.copy()
    for ball in found:
        centre = (round(ball.x_px), round(ball.y_px))
        cv2.circle(shown, centre, round(ball.radius_px) + 4, (255, 255, 255), 1, cv2.LINE_AA)
        cv2.putText(
            shown, ball.label, (centre[0] + 14, centre[1] - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.6,
            (255, 255, 255), 2, cv2.LINE_AA,
        )  # fmt: skip
    grey = [working.unlike, np.clip(votes * 200, 0, 255).astype(np.uint8)]
    tiles = [picture, *(cv2.cvtColor(g, cv2.COLOR_GRAY2BGR) for g in grey), shown]
    small = [cv2.resize(tile, TILE, interpolation=cv2.INTER_AREA) for tile in tiles]
    return np.vstack([np.hstack(small[:2]), np.hstack(small[2:])])


def named_crops(picture: np.ndarray, found: list[Detection]) -> np.ndarray:
    """The crops the network is given, with what it says."""
    middles = np.array([[b.x_px, b.y_px] for b in found])
    crops = cut(picture, middles, np.array([b.radius_px for b in found]))
    tiles = []
    for crop, ball in zip(crops, found, strict=True):
        tile = np.zeros((112, 96, 3), np.uint8)
        tile[:96] = cv2.resize(crop, (96, 96), interpolation=cv2.INTER_NEAREST)
        text = f"{ball.label} {ball.label_probabilities.get(ball.label, 0.0):.2f}"
        cv2.putText(tile, text, (4, 108), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255,) * 3, 1, cv2.LINE_AA)
        tiles.append(tile)
    while len(tiles) % 8:
        tiles.append(np.zeros((112, 96, 3), np.uint8))
    return np.vstack([np.hstack(tiles[i : i + 8]) for i in range(0, len(tiles), 8)])


def write(name: str, picture: np.ndarray) -> None:
    """Write a picture of the documentation."""
    cv2.imwrite(str(FOLDER / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    print(FOLDER / name)


if __name__ == "__main__":
    main()
