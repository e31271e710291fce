"""Configuration files of older versions, read as if they were of the present one.

A file without ``version`` is of version 1.  What changed between two versions is a row of moves:
the key that was, and where it is now.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from billiards_trainer.atomic_file import write_atomic
from billiards_trainer.config.schema import VERSION
from billiards_trainer.errors import InputError

Key = tuple[str, str]

MOVES: dict[int, dict[Key, Key]] = {
    2: {
        ("system", "monitoring"): ("monitoring", "enabled"),
        ("system", "recovery"): ("recovery", "enabled"),
    },
}
"""By the version that they lead to."""


def upgrade(data: dict[str, Any], name: str) -> dict[Key, Key]:
    """Bring the content of a file up to date, in place.

    Args:
        data: the file's sections.
        name: of the file, for people.

    Returns:
        The keys that were moved: where they are now, and where they were.

    Raises:
        InputError: it is of a version that this software does not know.
    """
    found = data.pop("version", 1)
    if type(found) is not int or not 1 <= found <= VERSION:
        raise InputError(
            f"{name}: version: {found!r} is not known here; this software knows 1 to {VERSION}"
        )
    moved: dict[Key, Key] = {}
    for version in range(found + 1, VERSION + 1):
        for (section, key), target in MOVES[version].items():
            values = data.get(section)
            if not isinstance(values, dict) or key not in values:
                continue
            value = values.pop(key)
            data.setdefault(target[0], {}).setdefault(target[1], value)
            moved[target] = (section, key)
    return moved


def rewrite(path: Path) -> Path | None:
    """Write a file of an older version anew and keep the original beside it.

    Comments are only in the original.  A power cut at any moment leaves the old file or the new.

    Returns:
        Where the original is kept; ``None`` when there was nothing to do.

    Raises:
        InputError: it cannot be read or written, or is of an unknown version.
    """
    try:
        text = path.read_bytes()
        data = tomllib.loads(text.decode())
        version = data.get("version", 1)
        if version == VERSION:
            return None
        upgrade(data, str(path))
        original = path.with_name(f"{path.name}.v{version}")
        mode = path.stat().st_mode & 0o777
        write_atomic(original, text, mode)
        write_atomic(path, tomli_w.dumps({"version": VERSION, **data}).encode(), mode)
    except OSError as error:
        raise InputError(f"cannot bring {path} up to date: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None
    return original
