"""``billiards-trainer run``: the appliance."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from billiards_trainer.commands import settings
from billiards_trainer.commands.source_check import validate_source
from billiards_trainer.config import last_good
from billiards_trainer.system.wish import Wish

MODULES = ("vision", "core", "projector", "api")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command line contract, and those that name the table."""
    settings.add_config_arguments(parser)
    settings.add_table_arguments(parser)
    parser.add_argument(
        "--source", metavar="URL", help="simulated, v4l2:N, rtsp://…, http://…, or a film"
    )
    parser.add_argument("--debug", action="store_true", help="same as --log-level DEBUG")
    for name in MODULES:
        parser.add_argument(f"--no-{name}", action="store_true", help=f"leave {name} out")
    parser.add_argument("--no-monitoring", action="store_true", help="take no samples")
    parser.add_argument("--no-recovery", action="store_true", help="restart nothing")
    parser.add_argument("--health-interval", metavar="S", help="seconds between two samples")
    parser.add_argument("--host", help="address of the page")
    parser.add_argument("--port", help="port of the page; 0: any free one")
    parser.add_argument("--workers", metavar="N", help="processes that answer requests")
    parser.add_argument("--log-level", metavar="LEVEL", type=str.upper, help="DEBUG … CRITICAL")
    parser.add_argument("--log-file", metavar="FILE", help="also write the log there")
    parser.add_argument("--shutdown-timeout", metavar="S", help="seconds to stop everything")
    parser.add_argument("--state-dir", metavar="DIR", help="where shots and settings are kept")
    parser.add_argument("--runtime-dir", metavar="DIR", help="where sockets are made")


def run(arguments: argparse.Namespace) -> int:
    """Run the appliance until SIGTERM or Ctrl-C."""
    wish = Wish.listen()
    layers = settings.gather(arguments, _flags(arguments))
    config, problem = last_good.load(layers)
    if problem:
        print(f"billiards-trainer: {problem}", file=sys.stderr)
    validate_source(config.source.url)
    from billiards_trainer import logs, redaction
    from billiards_trainer.system import orchestrator

    logs.configure(config.logging, "orchestrator")
    redaction.hide(layers.secrets.values())
    if orchestrator.run(config, layers, wish):
        # The same process, so that whoever watches it (systemd) sees no end.
        os.execv(sys.executable, sys.orig_argv)
    return 0


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """The flags as a layer of configuration; values stay text, the schema reads them."""
    out: dict[str, Any] = {}
    if section := settings.table_settings(arguments):
        out["table"] = section
    single = (
        ("source", "url", arguments.source),
        ("system", "health_interval", arguments.health_interval),
        ("system", "shutdown_timeout", arguments.shutdown_timeout),
        ("system", "runtime_dir", arguments.runtime_dir),
        ("storage", "state_dir", arguments.state_dir),
        ("api", "host", arguments.host),
        ("api", "port", arguments.port),
        ("api", "workers", arguments.workers),
        ("logging", "file", arguments.log_file),
        ("logging", "level", "DEBUG" if arguments.debug else arguments.log_level),
        ("monitoring", "enabled", False if arguments.no_monitoring else None),
        ("recovery", "enabled", False if arguments.no_recovery else None),
    )
    for section_name, key, value in single:
        if value is not None:
            out.setdefault(section_name, {})[key] = value
    off = [name for name in MODULES if getattr(arguments, f"no_{name}")]
    if off:
        out.setdefault("system", {})["modules_off"] = off
    return out
