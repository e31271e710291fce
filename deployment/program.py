"""What the installed program says when it is asked on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deployment.layout import Layout
from deployment.shell import as_user, run

_MIGRATE = """
import sys
from pathlib import Path
from billiards_trainer.errors import InputError
from billiards_trainer.storage.upgrade import migrate
try:
    migrate(Path(sys.argv[1]))
except InputError as error:
    sys.exit(str(error))
"""
_KNOWN = (
    "from billiards_trainer.storage.upgrade import known_revisions; "
    "print(*sorted(known_revisions()))"
)


def python(layout: Layout, version: str) -> Path:
    """The interpreter of a release's environment."""
    return layout.release(version) / "venv/bin/python"


def configuration(layout: Layout, version: str, site: Path | None = None) -> Any:
    """The whole configuration, as a version reads a site file.

    Args:
        layout: of the appliance.
        version: that reads it.
        site: the appliance's own when not given.

    Raises:
        Failed: the sentence in which it refuses the file.
    """
    program = layout.release(version) / "venv/bin/billiards-trainer"
    command: list[str | Path] = [program, "validate-config", site or layout.site_file, "--json"]
    environment = {"STATE_DIRECTORY": str((site or layout.state / "x").parent)}
    return json.loads(run(as_user(layout, command) if site is None else command, env=environment))


def port(layout: Layout, version: str) -> int:
    """Of the interface, on loopback."""
    return int(configuration(layout, version)["api"]["port"])


def migrate(layout: Layout, version: str, folder: Path, *, as_appliance: bool = True) -> None:
    """Bring the database in a folder up to date, or make it.

    Raises:
        Failed: a newer version wrote it, or it is damaged; nothing was changed.
    """
    command: list[str | Path] = [python(layout, version), "-c", _MIGRATE, folder]
    run(as_user(layout, command) if as_appliance else command, env={"HOME": str(folder)})


def known_revisions(layout: Layout, version: str) -> list[str]:
    """The states of the database that a version can read."""
    return run([python(layout, version), "-c", _KNOWN]).split()
