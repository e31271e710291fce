"""A numbered configuration as a file: how processes are handed what is in force."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from billiards_trainer import redaction
from billiards_trainer.atomic_file import write_atomic
from billiards_trainer.config.schema import Config
from billiards_trainer.config.secrets import Secrets, fill
from billiards_trainer.errors import InputError


def write_snapshot(
    folder: Path, number: int, config: Config, secrets: Secrets = MappingProxyType({})
) -> Path:
    """Write snapshot ``number``, secrets filled in, into the runtime folder, for us alone."""
    path = folder / f"config-{number}.json"
    data = {
        "number": number,
        "config": fill(config.model_dump(mode="json"), secrets),
        "hidden": sorted(secrets.values()),
    }
    write_atomic(path, json.dumps(data).encode(), mode=0o600)
    return path


def read_snapshot(path: Path) -> tuple[int, Config]:
    """Number and configuration of a snapshot; its secrets are hidden from the log from now on.

    Raises:
        InputError: it cannot be read.
    """
    try:
        data = json.loads(path.read_bytes())
        redaction.hide(data.get("hidden", ()))
        return int(data["number"]), Config.model_validate(data["config"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise InputError(f"cannot read the configuration {path}: {error}") from None
