"""``billiards-trainer``: one command line for everything.

Each command is a module of ``commands`` with ``add_arguments`` and ``run``; it is imported only
when it is asked for, so that the others cost nothing.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from billiards_trainer import __version__
from billiards_trainer.errors import InputError

COMMANDS = {
    "run": "the appliance: camera, physics, projector, page",
    "detect": "find table, balls and cue in pictures",
    "track": "follow the balls through a film",
    "simulate": "play a shot by the physics engine",
    "calibrate": "camera, projector, colours or physics of a table",
    "bench": "measure speed",
    "evaluate": "measure accuracy against labelled pictures",
    "models": "list, install and choose learned models",
    "render": "draw a scene as a picture",
    "status": "how the running appliance is",
    "doctor": "check this machine and say what to mend",
    "validate-config": "check a configuration file",
}


class OneSentence(argparse.ArgumentParser):
    """A parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Print the complaint and end with status 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        Exit status: 0 done, 1 it failed, 2 bad input (one sentence on standard error).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else ""
    try:
        if name in COMMANDS:
            command = _module(name)
            parser = OneSentence(prog=f"billiards-trainer {name}", description=COMMANDS[name])
            command.add_arguments(parser)
            return int(command.run(parser.parse_args(arguments[1:])))
        _overview().parse_args(arguments)
    except InputError as error:
        print(f"billiards-trainer: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return 2


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"billiards_trainer.commands.{name.replace('-', '_')}")


def _overview() -> OneSentence:
    """What is shown when no command is named; it never succeeds in parsing one."""
    width = max(map(len, COMMANDS))
    text = "\n".join(f"  {name:{width}}  {what}" for name, what in COMMANDS.items())
    parser = OneSentence(
        prog="billiards-trainer",
        description="commands:\n" + text,
        epilog="billiards-trainer COMMAND --help tells more",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=[*COMMANDS], metavar="COMMAND")
    return parser
