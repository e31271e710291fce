"""Where the database lies, and how its file comes into being."""

from __future__ import annotations

import os
from pathlib import Path

FILE_NAME = "billiards.db"


def database_path(state_dir: Path) -> Path:
    """The database of an appliance whose records lie in ``state_dir``."""
    return state_dir / FILE_NAME


def create_file(path: Path) -> None:
    """Make an empty file of mode 0600 whose name survives a power cut; keep an existing one.

    SQLite gives its side files (``-wal``, ``-shm``) the mode of the database.

    Raises:
        OSError: the folder is missing, full or not writable.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
