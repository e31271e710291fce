"""User and password of a camera's address, kept apart from what others may read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from deployment import files
from deployment.errors import Failed

USER_NAME, PASSWORD = "camera_user", "camera_password"
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)([^/?#]*)@(.*)", re.DOTALL | re.IGNORECASE)


def split(address: str) -> tuple[str, dict[str, str]]:
    """An address for the site file, and what belongs into the file of secrets.

    Returns:
        ``rtsp://${camera_user}:${camera_password}@…`` and the two by name; the address itself and
        nothing when it holds neither, or names already.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or "${" in found[2]:
        return address, {}
    user, colon, password = found[2].partition(":")
    known = {USER_NAME: user} if user else {}
    if password:
        known[PASSWORD] = password
    names = f"${{{USER_NAME}}}" if user else ""
    names += colon + (f"${{{PASSWORD}}}" if password else "")
    return f"{found[1]}{names}@{found[3]}", known


def add(path: Path, wanted: dict[str, str]) -> None:
    """Write secrets down that are not in the file yet; mode 0600, whatever it was.

    Raises:
        Failed: the file has another text under one of the names.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    for name, value in wanted.items():
        line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
        there = re.search(rf"^\s*{name}\s*=.*$", text, re.MULTILINE)
        if there is None:
            text = f"{text.rstrip()}\n{line}\n"
        elif there[0].strip() != line:
            raise Failed(
                f"{path}: {name} is another one than --source says: change the file, or leave "
                "the flag out"
            )
    files.write(path, text, 0o600)


_HEAD = """\
# Passwords, read by the appliance alone. site.toml names them: "rtsp://${camera_user}:…".
"""
