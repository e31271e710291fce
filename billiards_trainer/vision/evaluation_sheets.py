"""What an evaluation shows: the worst pictures on one sheet, and how true confidences are."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from billiards_trainer.vision.detection.arrays import Mask
from billiards_trainer.vision.detection.detector import Detection
from billiards_trainer.vision.evaluation import REACH, LabelledPicture


def overlay(picture: Mask, labelled: LabelledPicture, found: Sequence[Detection]) -> Mask:
    """The picture with detections (white), missed labels (yellow) and unlabelled finds (red)."""
    out = picture.copy()
    truths = labelled.balls
    for d in found:
        known = any(
            np.hypot(d.x_px - t.x_px, d.y_px - t.y_px) <= REACH * t.diameter_px for t in truths
        )
        colour = (255, 255, 255) if known or not labelled.complete else (0, 0, 255)
        centre = (round(d.x_px * 16), round(d.y_px * 16))
        cv2.circle(out, centre, round(d.radius_px * 16), colour, 1, cv2.LINE_AA, 4)
        at = (round(d.x_px + 0.7 * d.radius_px), round(d.y_px - 0.7 * d.radius_px))
        cv2.putText(out, d.label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    for t in truths:
        if all(np.hypot(d.x_px - t.x_px, d.y_px - t.y_px) > REACH * t.diameter_px for d in found):
            centre = (round(t.x_px * 16), round(t.y_px * 16))
            cv2.circle(out, centre, round(t.diameter_px * 12), (0, 255, 255), 2, cv2.LINE_AA, 4)
    return out


def contact_sheet(pictures: Sequence[tuple[str, Mask]], columns: int = 3, width: int = 640) -> Mask:
    """Pictures with titles on one sheet, BGR."""
    height = width * 9 // 16
    tiles = []
    for title, picture in pictures:
        scale = min(width / picture.shape[1], height / picture.shape[0])
        size = (max(1, int(picture.shape[1] * scale)), max(1, int(picture.shape[0] * scale)))
        tile = np.zeros((height, width, 3), np.uint8)
        tile[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for shade, thick in ((0, 3), (255, 1)):
            cv2.putText(
                tile, title, (6, height - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45,
                (shade,) * 3, thick, cv2.LINE_AA,
            )  # fmt: skip
        tiles.append(tile)
    while len(tiles) % columns or not tiles:
        tiles.append(np.zeros((height, width, 3), np.uint8))
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def reliability_diagram(bins: Sequence[tuple[float, float, int]], size: int = 480) -> Mask:
    """Share right (up) against confidence stated (right); dots as large as they are many.

    Args:
        bins: from ``evaluation.reliability``.
        size: side of the diagram's square, pixels.
    """
    rim = 50
    sheet = np.full((size + 2 * rim, size + 2 * rim, 3), 255, np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return rim + round(x * size), rim + round((1 - y) * size)

    cv2.rectangle(sheet, at(0, 1), at(1, 0), (160, 160, 160), 1)
    cv2.line(sheet, at(0, 0), at(1, 1), (200, 200, 200), 1, cv2.LINE_AA)
    for k in range(0, 11, 2):
        for place, text in (
            (at(k / 10, -0.05), f"{k / 10:.1f}"),
            (at(-0.085, k / 10), f"{k / 10:.1f}"),
        ):
            cv2.putText(
                sheet, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 60, 60), 1, cv2.LINE_AA
            )
    most = max((count for _, _, count in bins), default=1)
    for stated, right, count in bins:
        radius = 3 + round(12 * (count / most) ** 0.5)
        cv2.circle(sheet, at(stated, right), radius, (150, 90, 20), -1, cv2.LINE_AA)
        x, y = at(stated, right)
        cv2.putText(
            sheet, str(count), (x + radius + 2, y + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.35,
            (60, 60, 60), 1, cv2.LINE_AA,
        )  # fmt: skip
    return sheet
