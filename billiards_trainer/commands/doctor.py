"""``billiards-trainer doctor``: checks this machine and says what to mend."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from billiards_trainer.commands import settings
from billiards_trainer.commands.doctor_checks import CHECKS, NOTES
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which configuration to check the machine against."""
    settings.add_config_arguments(parser)
    parser.add_argument("--runtime-dir", metavar="DIR", help="the appliance's runtime folder")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--bundle", metavar="FILE", help="also write one archive for support")
    parser.add_argument(
        "--pictures", action="store_true", help="with --bundle: a picture of the camera too"
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 when nothing is wrong, 1 otherwise."""
    flags = {"system": {"runtime_dir": arguments.runtime_dir}} if arguments.runtime_dir else {}
    config, found = _configuration(arguments, flags)
    found |= {name: check(config) for name, check in CHECKS.items()}
    notes = {name: note(config) for name, note in NOTES.items()}
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for name, problem in found.items():
            print(f"ok    {name}" if problem is None else f"MEND  {name}: {problem}")
        for name, text in notes.items():
            print(f"note  {name}: {text}")
    if arguments.bundle:
        from billiards_trainer.commands import support_bundle

        file = Path(arguments.bundle)
        parts = support_bundle.write(file, config, found | notes, pictures=arguments.pictures)
        if not arguments.json:
            print(f"wrote {file} ({', '.join(parts)})")
    return 0 if all(problem is None for problem in found.values()) else 1


def _configuration(
    arguments: argparse.Namespace, flags: dict[str, dict[str, str]]
) -> tuple[Config, dict[str, str | None]]:
    """The configuration; a broken file is a finding, and its last good copy is looked at."""
    from billiards_trainer.config import last_good

    try:
        config, problem = last_good.load(settings.gather(arguments, flags))
    except InputError as error:
        if arguments.bundle is None:
            raise
        # Support wants to see a broken appliance most of all.
        return Config(), {"configuration": str(error)}
    return config, {"configuration": problem or None}
