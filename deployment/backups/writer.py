"""Writing an archive."""

from __future__ import annotations

import io
import os
import re
import stat
import tarfile
import tempfile
import time
from pathlib import Path

from deployment import files, releases
from deployment.backups import crypt, database, manifest, reader, sources, store
from deployment.errors import Failed
from deployment.layout import Layout

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NO_KEY = crypt.Key()


def write(
    layout: Layout,
    *,
    scope: str,
    name: str | None = None,
    incremental: bool = False,
    key: crypt.Key = _NO_KEY,
    opener: crypt.Key = _NO_KEY,
) -> Path:
    """Write an archive of the appliance, which may be running.

    Args:
        layout: of the appliance.
        scope: ``data`` (data and configuration) or ``full``.
        name: of the archive; by host and time when not given.
        incremental: store only what has changed since the newest archive of the same scope.
        key: encrypts it.
        opener: opens the archive that an incremental one builds upon.

    Returns:
        The finished archive, on the disk.

    Raises:
        Failed: nothing was written.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise Failed(f"--name: {name!r} may hold letters, digits, dots and dashes only")
    folder = store.folder(layout)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
    ending = ".tar.gz.age" if key.locks else ".tar.gz"
    parent = _parent(layout, scope, opener) if incremental else None
    target = folder / (_stem(layout, scope, name, parent) + ending)
    if target.exists():
        raise Failed(f"{target} is there already")
    with tempfile.TemporaryDirectory(prefix=".gathering-", dir=folder) as work:
        place = Path(work) / "files"
        place.mkdir()
        sources.gather(layout, scope, place)
        known = parent.by_path() if parent is not None else {}
        entries = _entries(place, target.name, known)
        table = _manifest(layout, scope, target.name, entries, place)
        plain = Path(work) / "archive"
        _pack(plain, place, table)
        if key.locks:
            locked = Path(work) / "locked"
            crypt.lock(layout, plain, locked, key)
            plain = locked
        plain.chmod(0o600)
        with plain.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(plain, target)
    files.sync_folder(folder)
    return target


def _sweep(folder: Path) -> None:
    """What an interrupted backup left."""
    for left in folder.glob(".gathering-*"):
        files.remove(left)


def _stem(layout: Layout, scope: str, name: str | None, parent: manifest.Manifest | None) -> str:
    if parent is not None:
        base = parent.archive.partition(".tar.gz")[0].partition("+")[0]
        if name is None:
            chain = [a for a in store.archives(layout) if a.base == base]
            return f"{base}+{len(chain)}"
        return f"{base}+{name}"
    if name is not None:
        return name
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    host = re.sub(r"[^A-Za-z0-9-]", "-", sources.host_facts()["name"]) or "machine"
    return f"billiards-trainer-{host}-{stamp}-{scope}"


def _parent(layout: Layout, scope: str, opener: crypt.Key) -> manifest.Manifest | None:
    """The newest archive of the same scope; without one an incremental archive is a full one."""
    for archive in reversed(store.archives(layout)):
        if archive.encrypted and not (opener.passphrase or opener.identity):
            continue
        try:
            found = reader.read_manifest(layout, archive.path, opener)
        except Failed:
            continue
        if found.scope == scope:
            return found
    return None


def _entries(place: Path, archive: str, known: dict[str, manifest.Entry]) -> list[manifest.Entry]:
    found = []
    for base, _, names in os.walk(place):
        for name in names:
            path = Path(base) / name
            logical = path.relative_to(place).as_posix()
            digest = files.sha256(path)
            before = known.get(logical)
            unchanged = before is not None and before.sha256 == digest
            found.append(
                manifest.Entry(
                    path=manifest.safe_path(logical),
                    size=path.stat().st_size,
                    sha256=digest,
                    mode=stat.S_IMODE(path.stat().st_mode),
                    stored_in=before.stored_in if before and unchanged else archive,
                )
            )
    return sorted(found, key=lambda entry: entry.path)


def _manifest(
    layout: Layout, scope: str, archive: str, entries: list[manifest.Entry], place: Path
) -> manifest.Manifest:
    copied = place / "data" / database.NAME
    return manifest.Manifest(
        archive=archive,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        scope=scope,
        host=sources.host_facts()["name"],
        program=releases.current(layout) or "none",
        database_revision=database.revision(copied) if copied.exists() else None,
        tables=database.counts(copied) if copied.exists() else {},
        entries=tuple(entries),
        facts={**sources.host_facts(), "prefix": str(layout.prefix)},
    )


def _pack(target: Path, place: Path, table: manifest.Manifest) -> None:
    text = table.to_json()
    with tarfile.open(target, "w:gz", compresslevel=6, format=tarfile.PAX_FORMAT) as archive:
        head = tarfile.TarInfo(manifest.NAME)
        head.size, head.mode = len(text), 0o600
        archive.addfile(head, io.BytesIO(text))
        for entry in table.stored_here().values():
            info = tarfile.TarInfo(entry.path)
            info.size, info.mode = entry.size, entry.mode
            with (place / entry.path).open("rb") as file:
                archive.addfile(info, file)
