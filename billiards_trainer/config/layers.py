"""Where the configuration comes from, layer by layer, and who is to blame when it is wrong.

defaults < environment profile < site file (TOML) < changes made on the page (TOML in the state
folder) < ``BILLIARDS_<SECTION>_<KEY>`` variables < command line.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from billiards_trainer import source_address
from billiards_trainer import table as tables
from billiards_trainer.config import migrations, secrets
from billiards_trainer.config.schema import Config, Section
from billiards_trainer.errors import InputError

PREFIX = "BILLIARDS_"

_OTHER_VARIABLES = ("config", "data", "onnx_providers", "secrets")
"""Site file, folder of test pictures, what runs the networks, file of secrets."""

PROFILES: dict[str, dict[str, Any]] = {
    "development": {},
    "testing": {"logging": {"level": "WARNING"}, "api": {"port": 0}},
    # Production names its camera: there is no default that could be mistaken for a table.
    "production": {"source": {"url": ""}, "logging": {"json_lines": True}},
}

RACKS = {"8-ball": "pool", "9-ball": "pool", "snooker": "snooker", "carom": "carom"}
"""The game that each rack of the virtual table belongs to."""

Nested = dict[str, Any]


@dataclass
class Layers:
    """The inputs of one configuration; ``load`` may be called again to read the files anew."""

    environ: Mapping[str, str]
    command_line: Nested
    site_file: Path | None = None
    changes_file: Path | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    """By name; read with the layers, and never part of the configuration."""
    _origins: dict[tuple[str, ...], str] = field(default_factory=dict)

    def load(self) -> Config:
        """Read all layers and check the result.

        Raises:
            InputError: one sentence naming the file (with line), variable or flag, and the key.
        """
        self._origins = {}
        self.secrets = secrets.read(secrets.place(self.environ, self.site_file))
        site = self._read(self.site_file)
        changes = self._read(self.changes_file) if self._exists(self.changes_file) else {}
        variables = self._variables()
        merged: Nested = {}
        for layer in (site, changes, variables, self.command_line):
            _merge(merged, layer)
        environment = merged.get("environment", "development")
        profile = PROFILES.get(environment) if isinstance(environment, str) else None
        if profile is None:
            where = self._origin(("environment",))
            raise InputError(
                f"{where}unknown environment {environment!r}; known are {', '.join(PROFILES)}"
            )
        full: Nested = {}
        _merge(full, profile)
        _merge(full, merged)
        return self.validate(full, blame=True)

    def validate(self, data: Nested, *, blame: bool = False) -> Config:
        """The configuration in a nested mapping: one that the appliance can start with.

        Args:
            data: by section and key.
            blame: whether to name the file and line that each key was last read from.

        Raises:
            InputError: the first thing that is wrong with it.
        """
        try:
            config = Config.model_validate(data)
        except ValidationError as error:
            # A key that is misspelt is missing as well: the misspelling is the cause.
            first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
            path = tuple(str(part) for part in first["loc"])
            origin, name = self._origin(path) if blame else "", ".".join(path)
            if first["type"] == "extra_forbidden":
                raise InputError(f"{origin}unknown key {name}") from None
            message = first["msg"].removeprefix("Value error, ")
            message = message[:1].lower() + message[1:]
            raise InputError(f"{origin}{name}: {message}") from None
        try:
            check(config, self.secrets)
        except InputError as error:
            # A sentence about a key begins with its name.
            key = tuple(str(error).partition(":")[0].split("."))
            raise InputError(f"{self._origin(key) if blame else ''}{error}") from None
        return config

    def _origin(self, path: tuple[str, ...]) -> str:
        while path:
            if path in self._origins:
                return f"{self._origins[path]}: "
            path = path[:-1]
        return ""

    @staticmethod
    def _exists(path: Path | None) -> bool:
        return path is not None and path.exists()

    def _read(self, path: Path | None) -> Nested:
        if path is None:
            return {}
        try:
            text = path.read_text(encoding="utf-8")
            data = tomllib.loads(text)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is not valid TOML: {error}") from None
        for key_path, line in key_lines(text).items():
            self._origins[key_path] = f"{path}, line {line}"
        for now, before in migrations.upgrade(data, str(path)).items():
            self._origins[now] = self._origins.get(before, str(path))
        return data

    def _variables(self) -> Nested:
        out: Nested = {}
        for name, value in sorted(self.environ.items()):
            if not name.startswith(PREFIX):
                continue
            rest = name.removeprefix(PREFIX).lower()
            if rest in _OTHER_VARIABLES:
                continue
            section, _, key = rest.partition("_")
            if rest == "environment":
                out["environment"] = value
                self._origins[("environment",)] = name
                continue
            out.setdefault(section, {})[key] = _split_lists(section, key, value)
            self._origins[(section, key)] = name
        return out


def check(config: Config, known: secrets.Secrets) -> None:
    """What no single key can tell.

    Args:
        config: each key of it is right by itself.
        known: the secrets by name.

    Raises:
        InputError: a combination that must not start.
    """
    try:
        table = config.table.to_table()
    except tables.TableError as error:
        raise InputError(f"table: {error}") from None
    rack = config.simulation.rack
    if rack != "auto" and RACKS[rack] != table.game:
        raise InputError(f"simulation.rack: a {table.game} table has no {rack} rack")
    _check_production(config)
    source = secrets.fill(config.model_dump(), known)["source"]  # every secret's name is known
    source_address.parse(source["url"])
    second = source["fallback_url"]
    if second is not None and not source_address.parse(second, "source.fallback_url").info.is_real:
        raise InputError(
            "source.fallback_url: the second camera must be a real one (v4l2:N, rtsp://…, http://…)"
        )


def _check_production(config: Config) -> None:
    if config.environment != "production":
        return
    if not config.source.url:
        raise InputError(
            "production needs a camera: name it with --source or source.url "
            "(v4l2:0, rtsp://…, http://…)"
        )
    if config.api.host not in ("127.0.0.1", "::1", "localhost"):
        raise InputError(
            f"api.host: production does not listen on {config.api.host} without authentication; "
            "keep 127.0.0.1 and put a reverse proxy before it"
        )


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Line number of each ``[section]`` and ``key =`` of a TOML text, by key path.

    The tables of an array (``[[section]]``) are numbered from 0, as pydantic numbers them.
    """
    lines: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    tables_of: Counter[tuple[str, ...]] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.match(r"\s*(\[\[?)\s*([\w\-.\s]+?)\s*\]", line):
            section = tuple(part.strip() for part in found[2].split("."))
            lines.setdefault(section, number)
            if found[1] == "[[":
                tables_of[section] += 1
                section = (*section, str(tables_of[section] - 1))
                lines[section] = number
        elif found := re.match(r"\s*([\w\-.]+)\s*=", line):
            lines.setdefault(section + tuple(found[1].split(".")), number)
    return lines


def _split_lists(section: str, key: str, value: str) -> str | list[str]:
    """Environment variables write lists with commas."""
    model = Config.model_fields.get(section)
    if model is None or not (isinstance(model.annotation, type)):
        return value
    if not issubclass(model.annotation, Section):
        return value
    found = model.annotation.model_fields.get(key)
    if found is None or not get_args(found.annotation):
        return value
    if getattr(found.annotation, "__origin__", None) is tuple:
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _merge(into: Nested, layer: Nested) -> None:
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, dict) else value
