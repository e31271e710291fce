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
    """One kind, with its own flags."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, what in KINDS.items():
        sub = kinds.add_parser(kind, help=what, description=what)
        sub.add_argument("--json", action="store_true", help="for machines")
        _module(kind).add_arguments(sub)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    return int(_module(arguments.kind).run(arguments))


def _module(kind: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"billiards_trainer.commands.bench_{kind}")
