"""``billiards-trainer calibrate``: learn a table's camera, projector, colours or physics."""

from __future__ import annotations

import argparse

from billiards_trainer.commands import (
    calibrate_camera,
    calibrate_colours,
    calibrate_physics,
    calibrate_projector,
)

HERE = {
    "camera": (calibrate_camera, "find table, pose and lens in pictures or films"),
    "projector": (calibrate_projector, "have the running appliance learn where its light falls"),
    "colours": (calibrate_colours, "learn cloth and ball colours, and how well they differ"),
    "physics": (calibrate_physics, "fit cloth, cushions, balls and slope to tracked shots"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One kind, with its own flags."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, (command, what) in HERE.items():
        command.add_arguments(kinds.add_parser(kind, help=what, description=what))


def run(arguments: argparse.Namespace) -> int:
    """Calibrate, and print the residual and what was stored.

    Raises:
        InputError: bad input.
    """
    return int(HERE[arguments.kind][0].run(arguments))
