"""``billiards-trainer validate-config``: is a configuration right, and what does it come to?"""

from __future__ import annotations

import argparse

from billiards_trainer.commands import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and whether to print the result."""
    settings.add_config_arguments(parser)
    parser.add_argument("file", nargs="?", metavar="FILE", help="same as --config FILE")
    parser.add_argument("--json", action="store_true", help="print the whole configuration")


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 when it is right, 2 with one sentence when it is not."""
    arguments.config = arguments.file or arguments.config
    config, _ = settings.load(arguments)
    if arguments.json:
        print(config.model_dump_json(indent=2))
    else:
        where = arguments.config or "the configuration"
        print(f"{where} is valid ({config.environment}, source {config.source.url})")
    return 0
