"""Films that tests write for themselves."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_film(
    path: Path, *, pictures: int, fps: float, width: int = 160, height: int = 120
) -> Path:
    """A film whose picture n is grey of level 20 + 40 n, so that each can be told apart."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    assert writer.isOpened()
    for number in range(pictures):
        writer.write(np.full((height, width, 3), (20 + 40 * number) % 256, np.uint8))
    writer.release()
    return path
