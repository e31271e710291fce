"""Flags that become the last and strongest layer of the configuration."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from billiards_trainer import table as tables
from billiards_trainer.config import last_good
from billiards_trainer.config.layers import Layers
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError

CHANGES_FILE = "settings.toml"
"""In the state folder: what was changed on the page."""


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Which table; the same flags for every command that needs one."""
    parser.add_argument("--table", metavar="NAME", help="one of " + ", ".join(tables.TABLE_NAMES))
    parser.add_argument("--table-size", metavar="LxW", help="nose to nose, metres, e.g. 2.54x1.27")
    parser.add_argument("--ball-diameter", metavar="D", help="metres")
    parser.add_argument("--balls", choices=["pool", "snooker", "carom"], help="which balls")


def table_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The table flags as a configuration section.

    Raises:
        InputError: a size that is not one.
    """
    section: dict[str, Any] = {}
    if arguments.table is not None:
        section["preset"] = arguments.table
    if arguments.table_size is not None:
        try:
            section["length"], section["width"] = tables.parse_size(arguments.table_size)
        except tables.TableError as error:
            raise InputError(f"--table-size: {error}") from None
    if arguments.ball_diameter is not None:
        section["ball_diameter"] = arguments.ball_diameter
    if arguments.balls is not None:
        section["game"] = arguments.balls
    return section


def table_from(arguments: argparse.Namespace) -> tables.Table:
    """The table that the flags mean, for commands that work without the appliance.

    Raises:
        InputError: a name, size or diameter that is not one.
    """
    layers = Layers(environ={}, command_line={"table": table_settings(arguments)})
    return layers.load().table.to_table()


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the configuration comes from."""
    parser.add_argument("--config", metavar="FILE", help="site file (TOML); $BILLIARDS_CONFIG")
    parser.add_argument("--environment", metavar="NAME", help="development, testing or production")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="any other key, e.g. simulation.seed=7; may be repeated",
    )


def load(
    arguments: argparse.Namespace, command_line: dict[str, Any] | None = None
) -> tuple[Config, Layers]:
    """All layers, with the flags as the last.

    Raises:
        InputError: something is wrong with one of them.
    """
    layers = gather(arguments, command_line)
    return layers.load(), layers


def gather(arguments: argparse.Namespace, command_line: dict[str, Any] | None = None) -> Layers:
    """All layers, with the flags as the last, not loaded yet.

    Raises:
        InputError: a flag is malformed.
    """
    flags: dict[str, Any] = {}
    for setting in arguments.set:
        name, separator, value = setting.partition("=")
        section, dot, key = name.partition(".")
        if not separator or not dot:
            raise InputError(f"--set: write SECTION.KEY=VALUE, not {setting!r}")
        flags.setdefault(section, {})[key] = value
    for section, values in (command_line or {}).items():
        if isinstance(values, dict):
            flags.setdefault(section, {}).update(values)
        else:
            flags[section] = values
    if arguments.environment is not None:
        flags["environment"] = arguments.environment
    file = arguments.config or os.environ.get("BILLIARDS_CONFIG")
    layers = Layers(environ=os.environ, command_line=flags, site_file=Path(file) if file else None)
    # Changes made on the page lie in the state folder, which the other layers name.
    layers.changes_file = last_good.state_dir_of(layers) / CHANGES_FILE
    return layers
