"""What goes into an archive, gathered in a folder where nothing changes any more."""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
from pathlib import Path

from deployment import releases
from deployment.backups import database
from deployment.errors import Failed
from deployment.layout import Layout
from deployment.shell import attempt

_SIDE_FILES = ("-wal", "-shm", "-journal")
_LARGEST_LOG = 64 << 20


def gather(layout: Layout, scope: str, into: Path) -> None:
    """Copy everything that ``scope`` names into ``into/<area>/…``.

    Args:
        layout: of the appliance.
        scope: ``data`` (data and configuration) or ``full``.
        into: an empty folder.

    Raises:
        Failed: something cannot be copied.
    """
    _data(layout, into / "data")
    _copy(layout.config, into / "config")
    if scope == "full":
        _logs(layout, into / "logs")
        _code(layout, into / "code")
        _system(layout, into / "system")


def _data(layout: Layout, into: Path) -> None:
    for path in _regular_files(layout.state):
        target = into / path.relative_to(layout.state)
        if path.suffix == ".db":
            target.parent.mkdir(parents=True, exist_ok=True)
            database.copy(path, target)
            target.chmod(stat.S_IMODE(path.stat().st_mode))
        elif not path.name.endswith(tuple(f".db{side}" for side in _SIDE_FILES)):
            _copy_file(path, target)


def _logs(layout: Layout, into: Path) -> None:
    for path in _regular_files(layout.logs):
        if path.stat().st_size <= _LARGEST_LOG:
            _copy_file(path, into / path.relative_to(layout.logs))


def _code(layout: Layout, into: Path) -> None:
    """The program itself, the versions of its libraries; the libraries are in the wheelhouse."""
    version = releases.current(layout)
    if version is None:
        return
    folder = layout.release(version)
    for name in (releases.RECORD, "requirements.txt", "environment"):
        if (folder / name).is_file():
            _copy_file(folder / name, into / name)
    _copy(folder / "wheel", into / "wheel")


def _system(layout: Layout, into: Path) -> None:
    into.mkdir(parents=True)
    commands = {
        "services.txt": ["systemctl", "list-units", "--no-pager", "--plain", "billiards-trainer*"],
        "packages.txt": ["dpkg-query", "-W", "nginx*", "logrotate", "python3", "linux-image*"],
        "disks.txt": ["df", "-h"],
        "addresses.txt": ["ip", "-brief", "address"],
    }
    for name, command in commands.items():
        try:
            (into / name).write_text(attempt(command, timeout_s=20).stdout, encoding="utf-8")
        except Failed as error:  # a machine without that program is no reason to keep no backup
            (into / name).write_text(f"{error}\n", encoding="utf-8")
    (into / "host.json").write_text(json.dumps(host_facts(), indent=1), encoding="utf-8")


def host_facts() -> dict[str, str]:
    """What machine this is."""
    facts = {"name": platform.node(), "kernel": platform.release(), "machine": platform.machine()}
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return facts
    pairs = dict(line.split("=", 1) for line in lines if "=" in line)
    return {**facts, "system": pairs.get("PRETTY_NAME", "").strip('"')}


def _regular_files(folder: Path) -> list[Path]:
    """All of them, below real folders only; a link may point anywhere."""
    found = []
    for base, _, names in os.walk(folder, followlinks=False):
        found += [Path(base) / name for name in names]
    return sorted(path for path in found if stat.S_ISREG(path.lstat().st_mode))


def _copy(folder: Path, into: Path) -> None:
    for path in _regular_files(folder):
        _copy_file(path, into / path.relative_to(folder))


def _copy_file(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy2(path, target, follow_symlinks=False)
    except FileNotFoundError:  # rotated away, or a temporary file that has gone
        target.unlink(missing_ok=True)
    except OSError as error:
        raise Failed(f"cannot copy {path}: {error.strerror}") from None
