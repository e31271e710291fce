"""What an archive says of itself, and what is believed of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from deployment.errors import Failed

FORMAT = "billiards-trainer-backup"
SCHEMA = 1
NAME = "manifest.json"
AREAS = ("data", "config", "logs", "code", "system")
LARGEST_MANIFEST = 32 << 20
MOST_FILES = 100_000

_HASH = re.compile(r"[0-9a-f]{64}")
_ARCHIVE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,200}\.tar\.gz(\.age)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file.

    Attributes:
        path: logical, e.g. ``data/billiards.db``.
        size: bytes.
        sha256: of its content.
        mode: permission bits.
        stored_in: file name of the archive that holds it.
    """

    path: str
    size: int
    sha256: str
    mode: int
    stored_in: str


@dataclass(frozen=True)
class Manifest:
    """The table of contents of an archive."""

    archive: str
    created: str
    scope: str
    host: str
    program: str
    database_revision: str | None
    tables: dict[str, int]
    entries: tuple[Entry, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    def by_path(self) -> dict[str, Entry]:
        """Entries by logical path."""
        return {entry.path: entry for entry in self.entries}

    def stored_here(self) -> dict[str, Entry]:
        """Those whose content this archive holds."""
        return {e.path: e for e in self.entries if e.stored_in == self.archive}

    def needs(self) -> list[str]:
        """File names of the other archives that hold some of it."""
        return sorted({e.stored_in for e in self.entries} - {self.archive})

    def to_json(self) -> bytes:
        """As it stands in the archive."""
        data = {
            "format": FORMAT,
            "schema": SCHEMA,
            "archive": self.archive,
            "created": self.created,
            "scope": self.scope,
            "host": self.host,
            "program": self.program,
            "database_revision": self.database_revision,
            "tables": self.tables,
            "facts": self.facts,
            "files": [
                {
                    "path": e.path,
                    "size": e.size,
                    "sha256": e.sha256,
                    "mode": e.mode,
                    "stored_in": e.stored_in,
                }
                for e in self.entries
            ],
        }
        return json.dumps(data, indent=1).encode()


def parse(text: bytes) -> Manifest:
    """Read a manifest that anybody may have written.

    Raises:
        Failed: it is not ours, or asks for something that no archive of ours asks for.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Failed("its manifest cannot be read") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise Failed("it is no backup of Billiards Trainer")
    if data.get("schema") != SCHEMA:
        raise Failed(f"its layout ({data.get('schema')!r}) belongs to another version of backup.py")
    rows = data.get("files")
    if not isinstance(rows, list) or len(rows) > MOST_FILES:
        raise Failed("its list of files is missing or too long")
    try:
        entries = tuple(_entry(row) for row in rows)
        manifest = Manifest(
            archive=_matching(_ARCHIVE, data["archive"]),
            created=_text(data["created"]),
            scope=_one_of(data["scope"], ("full", "data")),
            host=_text(data["host"]),
            program=_text(data["program"]),
            database_revision=None
            if data["database_revision"] is None
            else _text(data["database_revision"]),
            tables={_text(k): _count(v) for k, v in dict(data["tables"]).items()},
            entries=entries,
            facts=dict(data.get("facts", {})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(f"its manifest is damaged: {error}") from None
    if len(manifest.by_path()) != len(entries):
        raise Failed("its manifest names a file twice")
    return manifest


def _entry(row: Any) -> Entry:
    return Entry(
        path=safe_path(row["path"]),
        size=_count(row["size"]),
        sha256=_matching(_HASH, row["sha256"]),
        mode=_count(row["mode"]) & 0o777,
        stored_in=_matching(_ARCHIVE, row["stored_in"]),
    )


def safe_path(path: Any) -> str:
    """A logical path that cannot lead out of the folder it is unpacked into.

    Raises:
        Failed: it could.
    """
    if not isinstance(path, str) or not 0 < len(path) <= 400:
        raise Failed("it holds a file without a usable name")
    parts = PurePosixPath(path).parts
    clean = path == "/".join(parts) and not path.startswith("/")
    if not clean or ".." in parts or any(ord(c) < 32 or c in "\\\x7f" for c in path):
        raise Failed(f"it holds a file whose name leads elsewhere: {path!r}")
    if parts[0] not in AREAS or len(parts) < 2:
        raise Failed(f"it holds a file that belongs nowhere: {path!r}")
    return path


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{value!r} is not what belongs there")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 500:
        raise ValueError("a text is missing")
    return value


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return str(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 50:
        raise ValueError(f"{value!r} is no count")
    return value
