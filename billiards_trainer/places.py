"""Folders of an appliance: where sockets, pictures and records live."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError

_NAME = "billiards-trainer"


def state_dir(config: Config) -> Path:
    """Where records, calibrations and settings are kept; survives everything."""
    if config.storage.state_dir is not None:
        return Path(config.storage.state_dir).expanduser().absolute()
    if given := os.environ.get("STATE_DIRECTORY"):  # set by systemd
        return Path(given.split(":")[0])
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / _NAME


def runtime_dir(config: Config) -> Path:
    """Where sockets are; gone after a reboot.  One folder, one appliance."""
    if config.system.runtime_dir is not None:
        return Path(config.system.runtime_dir).expanduser().absolute()
    if given := os.environ.get("RUNTIME_DIRECTORY"):  # set by systemd
        return Path(given.split(":")[0])
    if given := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(given) / _NAME
    return Path("/tmp") / f"{_NAME}-{os.getuid()}"


def ring_path(config: Config, name: str) -> Path:
    """A picture ring of the appliance that owns the runtime folder; ``camera`` or ``light``."""
    owner = hashlib.sha256(str(runtime_dir(config)).encode()).hexdigest()[:12]
    return Path(config.system.shm_dir) / f"{_NAME}-{owner}-{name}"


def make_private(folder: Path) -> None:
    """Create a folder that only we can enter, or check that it is one.

    Raises:
        InputError: it cannot be made, or belongs to somebody else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode):
            raise InputError(f"{folder} is not a folder")
        if found.st_uid != os.getuid():
            raise InputError(f"{folder} belongs to another user")
        if found.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise InputError(f"cannot use the folder {folder}: {error.strerror}") from None
