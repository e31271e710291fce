"""What an installation has done so far, on disk before and after each step."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deployment import files
from deployment.errors import Failed

SCHEMA = 1


@dataclass
class Journal:
    """One installation or rollback.

    Attributes:
        path: the file.
        kind: ``install`` or ``rollback``.
        options: what was asked for.
        version: that shall be in force.
        previous: that was in force, if any.
        wheel_sha256: of the project's wheel.
        undoing: whether it is being taken back.
        steps: ``begun`` or ``done`` by name; absent when untouched or undone.
        notes: what steps remember for their undoing.
    """

    path: Path
    kind: str
    options: dict[str, Any]
    version: str
    previous: str | None
    wheel_sha256: str
    undoing: bool = False
    steps: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def save(self) -> None:
        """Write it; durable when this returns."""
        data = asdict(self)
        del data["path"]
        files.write_json(self.path, {"schema": SCHEMA, **data}, mode=0o600)

    def mark(self, step: str, state: str | None) -> None:
        """Note where a step is; ``None``: untouched."""
        if state is None:
            self.steps.pop(step, None)
        else:
            self.steps[step] = state
        self.save()

    def note(self, name: str, value: Any) -> None:
        """Remember something."""
        self.notes[name] = value
        self.save()

    def close(self) -> None:
        """Nothing is under way any more."""
        files.remove(self.path)
        files.sync_folder(self.path.parent)

    @classmethod
    def load(cls, path: Path) -> Journal | None:
        """An interrupted installation, if there is one.

        Raises:
            Failed: the file is not ours.
        """
        if not path.exists():
            return None
        data = files.read_json(path)
        if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
            raise Failed(f"{path} was written by another version of deploy.py: use that one")
        return cls(path=path, **data)


@contextmanager
def alone(prefix: Path) -> Iterator[bool]:
    """Hold the lock of all installations; gives whether it could be had."""
    prefix.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(prefix / ".deploy.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
