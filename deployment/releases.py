"""The installed versions, and the wheels that versions come from."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from deployment import files
from deployment.errors import Failed
from deployment.layout import Layout

RECORD = "release.json"
"""Written last: a release without it was never finished."""

_WHEEL = re.compile(r"billiards_trainer-([0-9][A-Za-z0-9.+]*)-(?:[0-9]\w*-)?py3-none-any\.whl")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:(a|b|rc|dev)(\d+))?")
_LOCK = re.compile(r".*\.data/data/share/billiards-trainer/requirements/(\w+)\.txt")


@dataclass(frozen=True, slots=True)
class Wheel:
    """The project as a file."""

    path: Path
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """An installed version."""

    version: str
    folder: Path
    installed: str
    wheel_sha256: str
    runtime: str


def find_wheel(folder: Path) -> Wheel:
    """The project's newest wheel in a folder.

    Raises:
        Failed: there is none.
    """
    found = [(m[1], p) for p in folder.glob("*.whl") if (m := _WHEEL.fullmatch(p.name))]
    if not found:
        raise Failed(
            f"{folder} holds no wheel billiards_trainer-….whl: build a wheelhouse with "
            "deployment/wheelhouse.py and name it with --from"
        )
    version, path = max(found, key=lambda pair: order(pair[0]))
    return Wheel(path, version, files.sha256(path))


def order(version: str) -> tuple[int, ...]:
    """A key by which versions sort; one that is no version comes first."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (-1,)
    stage = {"dev": 0, "a": 1, "b": 2, "rc": 3, None: 4}[found[4]]
    return (int(found[1]), int(found[2]), int(found[3]), stage, int(found[5] or 0))


def lock_in(wheel: Wheel, runtime: str) -> str:
    """The locked versions of all libraries, as the wheel carries them.

    Raises:
        Failed: the wheel is damaged, or knows no such runtime.
    """
    try:
        with zipfile.ZipFile(wheel.path) as archive:
            locks = {m[1]: name for name in archive.namelist() if (m := _LOCK.fullmatch(name))}
            if runtime not in locks:
                raise Failed(f"{wheel.path.name} has no lock for the runtime {runtime}")
            return archive.read(locks[runtime]).decode()
    except (OSError, zipfile.BadZipFile) as error:
        raise Failed(f"{wheel.path} is damaged: {error}") from None


def lock_for(wheel: Wheel, house: Path | None, runtime: str) -> tuple[str, bool]:
    """The lock that a version is installed from.

    Returns:
        Its text, and whether it is the wheelhouse's own, over the files in there.

    Raises:
        Failed: there is none.
    """
    own = house / "requirements.txt" if house is not None else None
    if own is not None and own.is_file():
        return own.read_text(encoding="utf-8"), True
    return lock_in(wheel, runtime), False


def read(layout: Layout, version: str) -> Release | None:
    """An installed version; ``None`` when it is not there or was never finished."""
    folder = layout.release(version)
    if not (folder / RECORD).is_file():
        return None
    data = files.read_json(folder / RECORD)
    return Release(
        version=version,
        folder=folder,
        installed=str(data["installed"]),
        wheel_sha256=str(data["wheel_sha256"]),
        runtime=str(data["runtime"]),
    )


def installed(layout: Layout) -> list[Release]:
    """All finished releases, oldest installation first."""
    if not layout.releases.is_dir():
        return []
    found = [read(layout, p.name) for p in layout.releases.iterdir() if not p.name.startswith(".")]
    return sorted((r for r in found if r is not None), key=lambda r: (r.installed, r.version))


def current(layout: Layout) -> str | None:
    """The version in force."""
    if not layout.current.is_symlink():
        return None
    return layout.current.readlink().name
