"""The pictures in which a person put a ball right, kept for the next colour calibration.

Each correction is ``correction-N.jpg``, the whole picture, and ``correction-N.json``, written
last: what was said, and all balls of that picture as they are called now.  The oldest go when there
are too many.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.atomic_file import write_atomic

FOLDER = "corrections"
KEPT = 100
_NAME = re.compile(r"correction-(\d+)\.(json|jpg)")
_JPEG_QUALITY = 95
_SCHEMA = 1


class CorrectionArchive:
    """The folder of corrections; one process writes.

    Args:
        folder: made when the first correction is kept.
        kept: corrections kept at most.
    """

    def __init__(self, folder: Path, kept: int = KEPT) -> None:
        self.folder = folder
        self._kept = kept

    def keep(self, picture: NDArray[np.uint8], state: m.TableState, said: m.BallCorrection) -> Path:
        """Store a correction; on the disk when this returns.

        Args:
            picture: BGR uint8 (H, W, 3), of that state.
            state: the balls, already put right.
            said: what the person said.

        Returns:
            The record's file.

        Raises:
            OSError: nothing was stored.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        numbers = self._numbers()
        stem = f"correction-{max(numbers, default=0) + 1}"
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        record = {
            "schema": _SCHEMA,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "picture": f"{stem}.jpg",
            "calibration": state.calibration,
            "table": state.table,
            "source": state.source.model_dump(include={"kind", "name"}),
            "said": said.model_dump(include={"track", "label", "position_m", "absent"}),
            "balls": [
                ball.model_dump(
                    include={
                        "track",
                        "label",
                        "label_confidence",
                        "x_m",
                        "y_m",
                        "x_px",
                        "y_px",
                        "radius_px",
                    }
                )
                for ball in state.balls
                if ball.visible
            ],
        }
        write_atomic(self.folder / f"{stem}.jpg", coded.tobytes())
        path = self.folder / f"{stem}.json"
        write_atomic(path, (json.dumps(record, indent=1, allow_nan=False) + "\n").encode())
        for number in sorted(numbers)[: max(0, len(numbers) + 1 - self._kept)]:
            # The record first: a picture without one is nothing.
            (self.folder / f"correction-{number}.json").unlink(missing_ok=True)
            (self.folder / f"correction-{number}.jpg").unlink(missing_ok=True)
        return path

    def _numbers(self) -> set[int]:
        names = (_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return {int(name[1]) for name in names if name}
