"""The configuration in force and how it changes; held by the orchestrator alone."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from billiards_trainer import source_address
from billiards_trainer.atomic_file import write_atomic
from billiards_trainer.config import last_good, migrations
from billiards_trainer.config.layers import Layers
from billiards_trainer.config.schema import FIXED_KEYS, RELOADABLE_SECTIONS, VERSION, Config
from billiards_trainer.config.secrets import fill
from billiards_trainer.config.snapshot import write_snapshot
from billiards_trainer.errors import InputError


@dataclass(frozen=True, slots=True)
class Change:
    """What a change brought: keys by dotted name."""

    changed: tuple[str, ...]
    needs_restart: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For people."""
        if not self.changed:
            return "nothing changed"
        text = "changed " + ", ".join(self.changed)
        if self.needs_restart:
            text += "; takes effect after a restart: " + ", ".join(self.needs_restart)
        return text


class ConfigStore:
    """Numbered snapshots of the configuration.

    Args:
        layers: where it comes from; ``changes_file`` is where ``put`` writes.
        config: already loaded from the layers.
        runtime_dir: where snapshots are written for the other processes.
    """

    def __init__(self, layers: Layers, config: Config, runtime_dir: Path) -> None:
        self._layers = layers
        self._runtime_dir = runtime_dir
        self.config = config
        self.number = 1
        self._overrides: dict[str, Any] = {}
        self.path = write_snapshot(runtime_dir, 1, config, layers.secrets)

    @property
    def secrets(self) -> dict[str, str]:
        """By name, as last read."""
        return self._layers.secrets

    def revealed(self, values: tuple[str, ...]) -> list[str]:
        """Texts of the configuration with their secrets filled in."""
        return [str(fill(value, self._layers.secrets)) for value in values]

    def keep_as_good(self, state_dir: Path) -> None:
        """Keep copies of the files, if they say what is in force.

        Raises:
            OSError: they cannot be written.
        """
        last_good.keep(self._layers, state_dir)

    def override(self, changes: dict[str, Any]) -> Change:
        """Put keys, by dotted name, in force until the files are read anew (a failover).

        Raises:
            InputError: a key or a value is wrong; nothing changed.
        """
        config = self._layers.validate(_with(self.config, changes))
        self._overrides |= changes
        return self._put_in_force(config)

    def reload(self) -> Change:
        """Read the layers anew; what was overridden is again as the files say.

        Raises:
            InputError: they are wrong; what is in force stays in force.
        """
        config = self._layers.load()
        self._overrides.clear()
        return self._adopt(config)

    def put(self, changes: dict[str, Any]) -> Change:
        """Change keys and keep them for the next start.

        Raises:
            InputError: a key or a value is wrong, a stronger layer fixes it, or it cannot be kept;
                nothing changed.
        """
        path = self._layers.changes_file
        if path is None:
            raise InputError("this appliance keeps no changes")
        before = path.read_bytes() if path.exists() else None
        data: dict[str, Any] = {}
        if before is not None:
            data = tomllib.loads(before.decode())
            migrations.upgrade(data, str(path))
        wanted = _flat(changes)
        if fixed := {"environment", "version"} & set(wanted):
            raise InputError(f"{fixed.pop()}: cannot be changed while running")
        for name, value in wanted.items():
            section, _, key = name.partition(".")
            if not key:
                raise InputError(f"unknown key {section}")
            if name in FIXED_KEYS:
                raise InputError(f"{name}: can only be set on the machine itself")
            if value is None:
                data.get(section, {}).pop(key, None)
            else:
                data.setdefault(section, {})[key] = value
        # Checked before anything is written: the file never holds what cannot be loaded.
        config = self._layers.validate(_with(self.config, wanted))
        if "source.url" in wanted:
            url = str(fill(config.source.url, self._layers.secrets))
            source_address.check_present(source_address.parse(url))
        content = tomli_w.dumps({"version": VERSION, **data})
        try:
            write_atomic(path, content.encode(), mode=0o600)
        except OSError as error:
            raise InputError(f"the change cannot be kept in {path}: {error.strerror}") from None
        try:
            return self._adopt(self._layers.load())
        except InputError:
            if before is None:
                path.unlink()
            else:
                write_atomic(path, before, mode=0o600)
            raise

    def _adopt(self, config: Config) -> Change:
        """What was loaded, with the overrides over it."""
        if self._overrides:
            config = self._layers.validate(_with(config, self._overrides))
        return self._put_in_force(config)

    def _put_in_force(self, config: Config) -> Change:
        old, new = _flat(self.config.model_dump()), _flat(config.model_dump())
        changed = tuple(sorted(name for name in new if new[name] != old.get(name)))
        if changed:
            previous = self._runtime_dir / f"config-{self.number - 1}.json"
            self.number += 1
            self.config = config
            self.path = write_snapshot(self._runtime_dir, self.number, config, self._layers.secrets)
            previous.unlink(missing_ok=True)  # a process that starts right now may read the last
        restart = tuple(n for n in changed if n.partition(".")[0] not in RELOADABLE_SECTIONS)
        return Change(changed, restart)


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """Nested mapping as dotted names; sections are one level deep."""
    out: dict[str, Any] = {}
    for section, values in data.items():
        if isinstance(values, dict):
            out.update({f"{section}.{key}": value for key, value in values.items()})
        else:
            out[section] = values
    return out


def _with(config: Config, wanted: dict[str, Any]) -> dict[str, Any]:
    data = config.model_dump()
    for name, value in wanted.items():
        section, _, key = name.partition(".")
        values = data.setdefault(section, {})
        if value is None and isinstance(values, dict):
            values.pop(key, None)
        else:
            values[key] = value
    return data
