"""The last configuration files that worked, for the day when somebody breaks one.

A copy of each file is kept in the state folder, named after the file it is a copy of.  A file that
cannot be used is replaced by its copy for this start, with an alarm; the file itself stays as it
is.  Where there is no copy, or the copies do not help either, the start is refused as before.
"""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from pathlib import Path

from billiards_trainer import places
from billiards_trainer.atomic_file import write_atomic
from billiards_trainer.config.layers import Layers
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError

FOLDER = "last-good"


def copy_of(state_dir: Path, file: Path) -> Path:
    """Where the copy of a configuration file is kept."""
    name = hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:8]
    return state_dir / FOLDER / f"{name}-{file.name}"


def keep(layers: Layers, state_dir: Path) -> None:
    """Keep copies of the files that are in force.

    Raises:
        OSError: they cannot be written; older copies are as they were.
    """
    for file in (layers.site_file, layers.changes_file):
        if file is None or not file.exists():
            continue
        copy = copy_of(state_dir, file)
        content = file.read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomic(copy, content, mode=0o600)


def load(layers: Layers) -> tuple[Config, str]:
    """Load; with copies in the place of files that cannot be used.

    Returns:
        The configuration, and what is wrong with the files ("" when nothing is).

    Raises:
        InputError: what is wrong, when no copy helps.
    """
    try:
        return layers.load(), ""
    except InputError as error:
        wrong = error
    state_dir = state_dir_of(layers)
    given = (layers.site_file, layers.changes_file)
    choices = [(file, _copy(state_dir, file)) for file in given]
    for site, changes in list(itertools.product(*choices))[1:]:
        layers.site_file, layers.changes_file = site, changes
        try:
            config = layers.load()
        except InputError:
            continue
        finally:
            layers.site_file, layers.changes_file = given
        return config, f"{wrong}; the last good configuration is in use"
    raise wrong


def _copy(state_dir: Path, file: Path | None) -> Path | None:
    """The copy of a file where there is one, else the file."""
    copy = None if file is None else copy_of(state_dir, file)
    return copy if copy is not None and copy.exists() else file


def state_dir_of(layers: Layers) -> Path:
    """The state folder, as far as it can be told before, or without, loading the files."""
    data: dict[str, object] = {}
    if layers.site_file is not None:
        try:
            data = tomllib.loads(layers.site_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            data = {}
    said = data.get("storage")
    storage = said if isinstance(said, dict) else {}
    flags = layers.command_line.get("storage", {})
    folder = flags.get("state_dir") or layers.environ.get("BILLIARDS_STORAGE_STATE_DIR")
    folder = folder or storage.get("state_dir")
    known = {"state_dir": folder} if isinstance(folder, str) else {}
    return places.state_dir(Config.model_validate({"storage": known}))
