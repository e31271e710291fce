"""Reading an archive that anybody may have written.

Nothing is believed before it is checked, and nothing is written outside the given empty folder: an
archive is read as a stream, each member must be a plain file that the manifest names, of just that
size and hash, and no more bytes are taken out of the compression than the manifest accounts for.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from deployment.backups import crypt, manifest
from deployment.errors import Failed
from deployment.layout import Layout

_BLOCK = 1 << 20
_OVERHEAD = 4096
"""Bytes of headers and padding that a member may cost beyond its content."""
_NO_KEY = crypt.Key()


def read_manifest(layout: Layout, path: Path, key: crypt.Key = _NO_KEY) -> manifest.Manifest:
    """Only the table of contents.

    Raises:
        Failed: it is no archive of ours, or damaged as far as was looked.
    """
    with _opened(layout, path, key) as (stream, counted):
        return _first(stream, counted)


def extract(
    layout: Layout, path: Path, into: Path, key: crypt.Key = _NO_KEY, *, areas: Any = manifest.AREAS
) -> manifest.Manifest:
    """Check an archive and all it builds upon, and unpack it into an empty folder.

    Args:
        layout: where the key's library is.
        path: the archive; those it builds upon lie beside it.
        into: existing and empty; holds whatever was unpacked when this fails.
        key: opens it.
        areas: which of its areas are unpacked; all are checked.

    Raises:
        Failed: the archive is damaged, cut short, tampered with, too large, or foreign.
    """
    table = _unpack(layout, path, into, key, areas, wanted=None)
    for name in table.needs():
        other = path.with_name(name)
        if not other.is_file():
            raise Failed(f"{path}: it builds upon {name}, which is not beside it")
        wanted = {e.path: e for e in table.entries if e.stored_in == name}
        _unpack(layout, other, into, key, areas, wanted=wanted)
    return table


def verify(layout: Layout, path: Path, key: crypt.Key = _NO_KEY) -> manifest.Manifest:
    """Check an archive and all it builds upon, byte by byte, without keeping anything.

    Raises:
        Failed: as ``extract``.
    """
    return extract(layout, path, Path(os.devnull), key, areas=())


class _Counted:
    """A stream that gives no more than it is allowed to."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.left = manifest.LARGEST_MANIFEST + _OVERHEAD

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self.left:
            raise Failed("it holds more than it says")
        data = self._stream.read(size)
        self.left -= len(data)
        return data


@contextmanager
def _opened(
    layout: Layout, path: Path, key: crypt.Key
) -> Iterator[tuple[tarfile.TarFile, _Counted]]:
    """The archive as a stream of members; whatever is wrong with it is said in one sentence."""
    try:
        with tempfile.TemporaryDirectory(prefix=".opening-") as work:
            plain = path
            if path.name.endswith(".age"):
                plain = Path(work) / "plain"
                crypt.unlock(layout, path, plain, key)
            with gzip.open(plain, "rb") as packed:
                counted = _Counted(cast(IO[bytes], packed))
                source = cast(IO[bytes], counted)
                with tarfile.open(fileobj=source, mode="r|", bufsize=tarfile.BLOCKSIZE) as stream:
                    yield stream, counted
    except Failed as error:
        raise Failed(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    except FileNotFoundError:
        raise Failed(f"{path} is not there") from None
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        raise Failed(f"{path}: it is damaged, cut short or no archive ({error})") from None


def _first(stream: tarfile.TarFile, counted: _Counted) -> manifest.Manifest:
    """The table of contents; from here on the stream gives as much as that accounts for."""
    member = stream.next()
    if member is None or member.name != manifest.NAME or not member.isreg():
        raise Failed("it is no backup of Billiards Trainer")
    if member.size > manifest.LARGEST_MANIFEST:
        raise Failed("its manifest is too large")
    file = stream.extractfile(member)
    assert file is not None
    table = manifest.parse(file.read())
    stored = table.stored_here().values()
    counted.left = sum(e.size + _OVERHEAD for e in stored) + 64 * tarfile.RECORDSIZE
    return table


def _unpack(
    layout: Layout,
    path: Path,
    into: Path,
    key: crypt.Key,
    areas: Any,
    wanted: dict[str, manifest.Entry] | None,
) -> manifest.Manifest:
    """Go through one archive.

    Args:
        layout: where the key's library is.
        path: the archive.
        into: folder to unpack into.
        key: opens it.
        areas: that are unpacked.
        wanted: what another archive expects in this one; ``None``: this one is asked itself.
    """
    with _opened(layout, path, key) as (stream, counted):
        table = _first(stream, counted)
        if wanted is not None and table.archive != path.name:
            raise Failed(f"it is not the {path.name} that a later archive builds upon")
        own = table.stored_here()
        if areas:
            _room(into, sum(entry.size for entry in own.values()))
        for name, entry in (wanted or {}).items():
            if name not in own or own[name].sha256 != entry.sha256:
                raise Failed(f"it does not hold the {name} that a later archive builds upon")
        missing = set(own)
        while (member := stream.next()) is not None:
            entry = _expected(member, own, missing)
            missing.remove(entry.path)
            keep = _area(entry) in areas and (wanted is None or entry.path in wanted)
            file = stream.extractfile(member)
            assert file is not None
            _copy(file, entry, into if keep else None)
        if missing:
            raise Failed(f"it is cut short: {min(missing)} is missing")
        _to_the_end(counted)
        return table


def _expected(
    member: tarfile.TarInfo, own: dict[str, manifest.Entry], missing: set[str]
) -> manifest.Entry:
    name = manifest.safe_path(member.name)
    if not member.isreg() or member.issparse():
        raise Failed(f"{name} is no plain file")
    if name not in own:
        raise Failed(f"{name} is not in its manifest")
    if name not in missing:
        raise Failed(f"it holds {name} twice")
    if member.size != own[name].size:
        raise Failed(f"{name} has another size than its manifest says")
    return own[name]


def _area(entry: manifest.Entry) -> str:
    return entry.path.partition("/")[0]


def _copy(file: IO[bytes], entry: manifest.Entry, into: Path | None) -> None:
    """Read one member to its end, write it where it is wanted, compare its hash."""
    digest = hashlib.sha256()
    descriptor = None
    if into is not None:
        target = into / entry.path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(target, flags, 0o600)
    try:
        while block := file.read(_BLOCK):
            digest.update(block)
            if descriptor is not None:
                view = memoryview(block)
                while view:
                    view = view[os.write(descriptor, view) :]
        if descriptor is not None:
            os.fchmod(descriptor, entry.mode & 0o755)
    finally:
        if descriptor is not None:
            os.close(descriptor)
    if digest.hexdigest() != entry.sha256:
        raise Failed(f"{entry.path} was changed: its hash is not the one in the manifest")


def _to_the_end(counted: _Counted) -> None:
    """Read what follows the last member: only then has the checksum of the whole been compared."""
    while counted.left > 0:
        data = counted.read(min(tarfile.BLOCKSIZE, counted.left))
        if not data:
            return
        if data.strip(b"\0"):
            raise Failed("something follows its last file")
    raise Failed("it holds more than it says")


def _room(into: Path, needed: int) -> None:
    free = shutil.disk_usage(into).free
    if needed > free * 0.9:
        raise Failed(f"unpacked it has {needed / 1e9:.1f} GB, and {into} has {free / 1e9:.1f} free")
