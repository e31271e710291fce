"""The folder of archives: which there are, which belong together, which may go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deployment.layout import Layout

ENDINGS = (".tar.gz", ".tar.gz.age")


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive file.

    An incremental one carries the name of the full one it builds upon: ``NAME+1.tar.gz``.
    """

    path: Path
    written_s: float

    @property
    def stem(self) -> str:
        """Its name without the ending."""
        return self.path.name.partition(".tar.gz")[0]

    @property
    def base(self) -> str:
        """The name of the chain it belongs to."""
        return self.stem.partition("+")[0]

    @property
    def incremental(self) -> bool:
        """Whether it builds upon another."""
        return "+" in self.stem

    @property
    def encrypted(self) -> bool:
        """Whether a key is needed."""
        return self.path.name.endswith(".age")


def folder(layout: Layout) -> Path:
    """Where archives lie."""
    return layout.backups


def archives(layout: Layout) -> list[Archive]:
    """All archives, oldest first."""
    place = folder(layout)
    if not place.is_dir():
        return []
    found = [
        Archive(path, path.stat().st_mtime)
        for path in place.iterdir()
        if path.name.endswith(ENDINGS) and not path.name.startswith(".")
    ]
    return sorted(found, key=lambda a: (a.written_s, a.path.name))


def to_forget(found: list[Archive], keep_count: int) -> list[Archive]:
    """The archives beyond the newest ``keep_count`` chains.

    A chain goes as a whole: an incremental archive is worth nothing without what it builds upon.
    """
    newest: dict[str, float] = {}
    for archive in found:
        newest[archive.base] = max(newest.get(archive.base, 0.0), archive.written_s)
    kept = sorted(newest, key=lambda base: newest[base], reverse=True)[:keep_count]
    return [archive for archive in found if archive.base not in kept]
