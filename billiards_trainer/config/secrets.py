"""Secrets stand apart: a file that only we can read, named in the configuration as ``${name}``.

The configuration in force keeps the names, so that nothing shown, logged or archived holds a
secret; only the snapshots in the runtime folder, which processes are started with, are filled in.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from billiards_trainer.errors import InputError

FILE = "secrets.toml"
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9_]+)\}")

Secrets = Mapping[str, str]


def place(environ: Mapping[str, str], site_file: Path | None) -> Path | None:
    """Where the secrets are: named by a variable, else beside the site file."""
    if given := environ.get("BILLIARDS_SECRETS"):
        return Path(given)
    if site_file is not None and (beside := site_file.with_name(FILE)).exists():
        return beside
    return None


def read(path: Path | None) -> dict[str, str]:
    """The secrets by name; none without a file.

    Raises:
        InputError: others may read it, or it is not a list of ``name = "text"``.
    """
    if path is None:
        return {}
    try:
        found = path.stat()
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise InputError(f"cannot read the secrets in {path}: {reason}") from None
    if found.st_mode & 0o077 or found.st_uid not in (0, os.getuid()):
        raise InputError(f"{path} can be read by others: chmod 600 {path}, and make it ours")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise InputError(f"{path} is not valid TOML") from None  # its text stays unsaid
    for name, value in data.items():
        if not isinstance(value, str):
            raise InputError(f'{path}: {name}: secrets are written name = "text"')
    return data


def fill(value: Any, secrets: Secrets) -> Any:
    """A copy of nested data with every ``${name}`` replaced.

    Raises:
        InputError: a name that there is no secret for.
    """
    if isinstance(value, dict):
        return {key: fill(part, secrets) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(part, secrets) for part in value]
    if not isinstance(value, str):
        return value

    def secret(found: re.Match[str]) -> str:
        name = found[1]
        if name not in secrets:
            raise InputError(f"${{{name}}}: there is no secret of that name in {FILE}")
        return secrets[name]

    return _REFERENCE.sub(secret, value)
