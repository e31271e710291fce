"""``billiards-trainer bench``: medians and 99th percentiles, one module for each kind."""

from __future__ import annotations

import argparse
import importlib

KINDS = {
    "physics": "shots a second, cold start",
    "vision": "each stage on one core",
    "pipeline": "the whole appliance: frame rate, latency, processor, memory",
    "ipc": "handing over pictures and messages between processes",
    "recovery": "killed and frozen modules: until healthy again",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The kind; each has flags of its own."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(f"  {kind:9} {what}" for kind, what in KINDS.items())
    parser.add_argument("kind", choices=[*KINDS], metavar="KIND")
    parser.add_argument("flags", nargs=argparse.REMAINDER, help="--json, and see KIND --help")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    kind = arguments.kind
    # Imported only when asked for: a benchmark of one thing does not load all the others.
    module = importlib.import_module(f"billiards_trainer.commands.bench_{kind}")
    from billiards_trainer.cli import OneSentence

    parser = OneSentence(prog=f"billiards-trainer bench {kind}", description=KINDS[kind])
    parser.add_argument("--json", action="store_true", help="for machines")
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(arguments.flags)))
