"""``billiards-trainer validate-config``: is a configuration right, and what does it come to?"""

from __future__ import annotations

import argparse
from pathlib import Path

from billiards_trainer.commands import settings
from billiards_trainer.config import migrations
from billiards_trainer.errors import InputError
from billiards_trainer.redaction import redact


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and whether to print the result."""
    settings.add_config_arguments(parser)
    parser.add_argument("file", nargs="?", metavar="FILE", help="same as --config FILE")
    parser.add_argument("--json", action="store_true", help="print the whole configuration")
    parser.add_argument(
        "--migrate", action="store_true", help="write a FILE of an older version anew"
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 when it is right, 2 with one sentence when it is not."""
    arguments.config = arguments.file or arguments.config
    config, _ = settings.load(arguments)
    if arguments.migrate:
        _migrate(arguments.config)
    if arguments.json:
        print(config.model_dump_json(indent=2))
    else:
        where = arguments.config or "the configuration"
        print(f"{where} is valid ({config.environment}, source {redact(config.source.url)})")
    return 0


def _migrate(file: str | None) -> None:
    if file is None:
        raise InputError("--migrate: name the FILE")
    original = migrations.rewrite(Path(file))
    print(
        f"{file} is up to date"
        if original is None
        else f"{file} was written anew; the original is {original}"
    )
