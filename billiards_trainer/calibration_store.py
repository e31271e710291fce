"""Calibrations kept as numbered files, apart from the configuration.

A file is written once and never changed: ``camera-3.json`` is the third camera calibration, and
its name is the id that every message depending on it carries.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billiards_trainer.atomic_file import write_atomic
from billiards_trainer.camera_model import CameraModel
from billiards_trainer.errors import InputError

_SCHEMA = 1
_NAME = re.compile(r"([a-z]+)-([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Calibration:
    """One stored calibration.

    Attributes:
        id: kind and number, e.g. ``camera-3``.
        date: when it was solved, UTC, ISO 8601.
        residual_mm: how well it fits what it was solved from.
        solved_from: pictures, films or sources, as people name them.
        data: what was solved; for a camera ``camera`` (see ``CameraModel``) and what belongs to it.
    """

    id: str
    date: str
    residual_mm: float
    solved_from: tuple[str, ...]
    data: dict[str, Any]

    @property
    def camera(self) -> CameraModel:
        """The camera model of a camera or projector calibration.

        Raises:
            InputError: the file holds none.
        """
        try:
            return CameraModel.from_dict(self.data["camera"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"calibration {self.id}: field camera: {error}") from None


class CalibrationStore:
    """The folder in which calibrations lie.  One process writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self,
        data: dict[str, Any],
        *,
        residual_mm: float,
        solved_from: tuple[str, ...],
        kind: str = "camera",
        now: datetime | None = None,
    ) -> Calibration:
        """Store under the next number; on the disk when this returns.

        Args:
            data: plain numbers, texts, lists and dictionaries.
            residual_mm: millimetres.
            solved_from: what it was solved from.
            kind: ``camera``, ``projector``, ``colours``…
            now: the time of day for the file's date; only people read it.

        Raises:
            OSError: nothing was stored.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        numbers = self._numbers(kind)
        stamp = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        record = Calibration(
            f"{kind}-{max(numbers, default=0) + 1}", stamp, residual_mm, solved_from, data
        )
        content = {
            "schema": _SCHEMA,
            "id": record.id,
            "date": record.date,
            "residual_mm": record.residual_mm,
            "solved_from": list(record.solved_from),
            "data": record.data,
        }
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        write_atomic(self.folder / f"{record.id}.json", text.encode())
        return record

    def load(self, identifier: str) -> Calibration:
        """The calibration of that id.

        Raises:
            InputError: no such id, or its file is damaged.
        """
        if not _NAME.fullmatch(identifier):
            raise InputError(f"{identifier!r} is not the name of a calibration, e.g. camera-3")
        path = self.folder / f"{identifier}.json"
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise InputError(f"there is no calibration {identifier} in {self.folder}") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not readable: {error}") from None
        return _parsed(path, identifier, content)

    def latest(self, kind: str = "camera") -> Calibration | None:
        """The newest calibration that can be read, or ``None``."""
        for number in sorted(self._numbers(kind), reverse=True):
            try:
                return self.load(f"{kind}-{number}")
            except InputError:
                # A damaged file must not keep the appliance from the one before it.
                continue
        return None

    def _numbers(self, kind: str) -> list[int]:
        names = [_NAME.fullmatch(p.stem) for p in self.folder.glob(f"{kind}-*.json")]
        return [int(name[2]) for name in names if name and name[1] == kind]


def _parsed(path: Path, identifier: str, content: Any) -> Calibration:
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a calibration")
    if content.get("schema") != _SCHEMA:
        raise InputError(f"{path}: field schema: {content.get('schema')!r} is not {_SCHEMA}")
    kinds = {"date": str, "residual_mm": (int, float), "solved_from": list, "data": dict}
    for field, kind in kinds.items():
        if not isinstance(content.get(field), kind):  # type: ignore[arg-type]
            raise InputError(f"{path}: field {field}: missing or of the wrong kind")
    return Calibration(
        identifier,
        content["date"],
        float(content["residual_mm"]),
        tuple(str(name) for name in content["solved_from"]),
        content["data"],
    )
