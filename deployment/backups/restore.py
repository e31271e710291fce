"""Bringing an archive back: checked first, swapped by renames, and put back if it does not work.

nginx serves the restored certificate and hands on to the restored port, or is left as it was.

What stood there is renamed to a neighbour (``.billiards-trainer.before``) and stays until the next
restore.  A small journal tells an interrupted restore what to put back.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployment import files, health, program, releases, site
from deployment.backups import crypt, database, manifest, reader
from deployment.errors import Failed
from deployment.layout import SECRETS, SERVICE, USER, Layout
from deployment.shell import is_active, systemctl

_NO_KEY = crypt.Key()


@dataclass(frozen=True, slots=True)
class Swap:
    """One folder that is replaced."""

    area: str
    target: Path

    @property
    def incoming(self) -> Path:
        """The new one, before."""
        return self.target.with_name(f".{self.target.name}.incoming")

    @property
    def before(self) -> Path:
        """The old one, after."""
        return self.target.with_name(f".{self.target.name}.before")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back."""

    manifest: manifest.Manifest
    before: tuple[Path, ...]
    status: str | None
    notes: tuple[str, ...]


def journal(layout: Layout) -> Path:
    """Present while a restore is under way."""
    return layout.prefix / "restore.journal"


def swaps(layout: Layout, *, data_only: bool) -> list[Swap]:
    """The folders that a restore replaces; ``data_only``: none of the configuration."""
    both = [Swap("data", layout.state), Swap("config", layout.config)]
    return both[:1] if data_only else both


def restore(
    layout: Layout,
    path: Path,
    *,
    data_only: bool = False,
    key: crypt.Key = _NO_KEY,
    health_limit_s: float = 120.0,
    say: Callable[[str], None] = print,
) -> Restored:
    """Replace data and configuration by those of an archive.

    Raises:
        Failed: refused before anything was touched, or everything is as it was.
    """
    recover(layout, say)
    planned = swaps(layout, data_only=data_only)
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=layout.prefix) as work:
        say(f"checking {path.name}")
        place = Path(work)
        table = reader.extract(layout, path, place, key, areas=[s.area for s in planned])
        for swap in planned:
            (place / swap.area).mkdir(exist_ok=True)
        notes = check(layout, table, place, data_only=data_only)
        for swap in planned:
            _own(layout, place / swap.area, swap)
            files.copy_tree(place / swap.area, swap.incoming)

    was_active = is_active(SERVICE)
    found = health.ask(_port(layout)) if was_active else None
    for swap in planned:
        files.remove(swap.before)
    files.write_json(
        journal(layout),
        {"was_active": was_active, "targets": [str(s.target) for s in planned]},
        mode=0o600,
    )
    try:
        if was_active:
            say("stopping the appliance")
            systemctl("stop", SERVICE)
        for swap in planned:
            _exchange(swap)
        site.take_up(layout, _port(layout), wake=was_active)
        status = None
        if was_active:
            say("starting it with what was restored")
            status = _start(layout, found, health_limit_s)
    except (Failed, OSError) as error:
        say(f"that failed: {error}; putting back what was there")
        try:
            recover(layout, say)
        except Failed as worse:
            raise Failed(f"not restored, data are as they were, but {worse}") from None
        raise Failed(f"not restored, everything is as it was: {error}") from None
    journal(layout).unlink()
    files.sync_folder(layout.prefix)
    return Restored(table, tuple(s.before for s in planned), status, tuple(notes))


def check(layout: Layout, table: manifest.Manifest, place: Path, *, data_only: bool) -> list[str]:
    """Whether the installed program can work with what was unpacked.

    Returns:
        What people should know.

    Raises:
        Failed: it cannot.
    """
    version = releases.current(layout)
    if version is None:
        raise Failed(f"no program is installed in {layout.prefix}: run deploy.py first")
    notes = []
    copied = place / "data" / database.NAME
    if copied.exists():
        database.check(copied)
        found = database.counts(copied)
        if found != table.tables:
            raise Failed("the database does not hold the rows that the manifest counts")
        known = program.known_revisions(layout, version)
        revision = database.revision(copied)
        if revision is not None and revision not in known:
            raise Failed(
                f"the backup was written by version {table.program}, whose database (at "
                f"{revision}) version {version} does not know: install {table.program} first"
            )
    if table.program != version:
        notes.append(f"written by version {table.program}, restored into {version}")
    if not data_only:
        _check_config(layout, version, place)
        if table.host != os.uname().nodename:
            notes.append(
                f"the configuration comes from {table.host}: put this machine's name into "
                f"api.allowed_hosts of {layout.site_file}"
            )
    return notes


def _check_config(layout: Layout, version: str, place: Path) -> None:
    site = place / "config/site.toml"
    if not site.is_file():
        raise Failed("the archive holds no site file: restore with --data-only")
    program.configuration(layout, version, site)


def recover(layout: Layout, say: Callable[[str], None] = print, *, starting: bool = False) -> bool:
    """Put back what an interrupted or failed restore had replaced.

    Args:
        layout: of the appliance.
        say: tells of progress.
        starting: systemd is starting the appliance already, so nobody here may.

    Returns:
        Whether there was anything to do.
    """
    note = journal(layout)
    if not note.exists():
        return False
    data = files.read_json(note)
    say("putting back what was there before an unfinished restore")
    if not starting and is_active(SERVICE):
        systemctl("stop", SERVICE)
    for name in data["targets"]:
        swap = Swap("", Path(name))
        # Without an incoming folder both renames were done, with one at most the first.
        if swap.before.is_dir() and not (swap.incoming.is_dir() and swap.target.is_dir()):
            files.remove(swap.target)
            os.replace(swap.before, swap.target)
            files.sync_folder(swap.target.parent)
        files.remove(swap.incoming)
    problem = _nginx_as_before(layout, starting=starting)
    note.unlink()
    files.sync_folder(layout.prefix)
    if data["was_active"] and not starting:
        systemctl("start", SERVICE)
    if problem is not None:
        raise problem
    return True


def _nginx_as_before(layout: Layout, *, starting: bool) -> Failed | None:
    """Data come first: what nginx says to them keeps nobody from playing."""
    try:
        site.take_up(layout, _port(layout), starting=starting)
    except Failed as error:
        return error
    return None


def owners(area: str, inside: Path) -> tuple[str, str]:
    """User and group of a restored file or folder, by name.

    User numbers differ from machine to machine, so an archive's own are not asked.

    Args:
        area: ``data`` or ``config``.
        inside: its path below the area's folder.
    """
    if area == "data" or inside == Path(SECRETS):  # read by the appliance, and only by it
        return USER, USER
    return "root", "root" if inside.parts[:1] == ("tls",) else USER


def _own(layout: Layout, folder: Path, swap: Swap) -> None:
    """Give everything in a folder to whom it belongs on this machine."""
    if not layout.real:
        return
    for base, _, names in os.walk(folder):
        inside = Path(base).relative_to(folder)
        user, group = owners(swap.area, inside)
        shutil.chown(base, user, group)
        os.chmod(base, 0o750 if (user, group) == ("root", USER) else 0o700)
        for name in names:
            shutil.chown(Path(base) / name, *owners(swap.area, inside / name))


def _exchange(swap: Swap) -> None:
    if swap.target.exists():
        os.replace(swap.target, swap.before)
    os.replace(swap.incoming, swap.target)
    files.sync_folder(swap.target.parent)


def _port(layout: Layout) -> int:
    version = releases.current(layout)
    assert version is not None
    return program.port(layout, version)


def _start(layout: Layout, before: health.Health | None, limit_s: float) -> str:
    systemctl("start", SERVICE)
    version = releases.current(layout)
    assert version is not None
    needed = min(before.rank if before else 2, health.RANK["HEALTHY"])
    well, found = health.wait(lambda: health.ask(_port(layout)), version, max(needed, 2), limit_s)
    if not well or found is None:
        said = f"{found.status} {found.detail}" if found else "no answer"
        raise Failed(f"the appliance is not well with what was restored: {said}")
    if not site.hands_on(layout, version, min(limit_s, site.PATIENCE_S)):
        raise Failed("the appliance is well, but nginx does not hand its answers on")
    return found.status


def trial(layout: Layout, path: Path, key: crypt.Key = _NO_KEY) -> manifest.Manifest:
    """Restore into a folder that is thrown away: whether it could be done for real.

    Raises:
        Failed: it could not.
    """
    with tempfile.TemporaryDirectory(prefix=".trial-", dir=layout.prefix) as work:
        place = Path(work)
        table = reader.extract(layout, path, place, key)
        check(layout, table, place, data_only=False)
        copied = place / "data" / database.NAME
        if copied.exists():
            version = releases.current(layout)
            assert version is not None
            program.migrate(layout, version, copied.parent, as_appliance=False)
            database.check(copied)
        return table
