"""Files and folders changed so that a power cut leaves the old or the new, nothing between."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from deployment.errors import Failed

_PART = ".part"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes | str, mode: int = 0o644) -> None:
    """Replace a file whole: temporary file, fsync, rename, fsync of the folder."""
    content = data.encode() if isinstance(data, str) else data
    _sweep(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_PART)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _sweep(path: Path) -> None:
    """Delete what a writer of this file left when it was killed; one writes at a time."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{_PART}"):
        left.unlink(missing_ok=True)


def write_json(path: Path, data: Any, mode: int = 0o644) -> None:
    """Replace a JSON file whole."""
    write(path, json.dumps(data, indent=1) + "\n", mode)


def read_json(path: Path) -> Any:
    """A JSON file that we wrote ourselves.

    Raises:
        Failed: it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Failed(f"cannot read {path}: {error}") from None


def point(link: Path, target: Path) -> None:
    """Make a symbolic link point somewhere else, atomically."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, link)
    sync_folder(link.parent)


def remove(path: Path) -> None:
    """Delete a file, a link or a whole folder; it may be gone already."""
    _sweep(path)
    if path.is_dir() and not path.is_symlink():
        # Renamed first: a folder half deleted must not be taken for a whole one.
        doomed = path.with_name(f".{path.name}.removed")
        shutil.rmtree(doomed, ignore_errors=True)
        os.replace(path, doomed)
        shutil.rmtree(doomed)
    else:
        path.unlink(missing_ok=True)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder with owners, modes and times; ``target`` appears whole or not at all.

    Raises:
        Failed: it could not be copied, for example because the disk is full.
    """
    fresh = target.with_name(f".{target.name}.new")
    remove(fresh)
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", "--", str(source), str(fresh)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        remove(fresh)
        raise Failed(f"cannot copy {source} to {target}: {done.stderr.strip()}")
    subprocess.run(["sync", "-f", str(fresh)], check=False)
    remove(target)
    os.replace(fresh, target)
    sync_folder(target.parent)


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; hard links count once."""
    seen: set[int] = set()
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            found = os.lstat(os.path.join(base, name))
            if found.st_ino not in seen:
                seen.add(found.st_ino)
                total += found.st_size
    return total
