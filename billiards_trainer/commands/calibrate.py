"""``billiards-trainer calibrate``: learn a table's camera, projector, colours or physics."""

from __future__ import annotations

import argparse

from billiards_trainer.commands import calibrate_camera, calibrate_physics, calibrate_projector
from billiards_trainer.errors import InputError

HERE = {
    "camera": (calibrate_camera, "find table, pose and lens in pictures or films"),
    "projector": (calibrate_projector, "have the running appliance learn where its light falls"),
    "physics": (calibrate_physics, "fit cloth, cushions, balls and slope to tracked shots"),
}
ELSEWHERE = {
    "colours": (
        "calibrate colours: they are learned from the running appliance's camera; start it and "
        "send POST /api/v1/calibration/colors"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One kind, with its own flags."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, (command, what) in HERE.items():
        command.add_arguments(kinds.add_parser(kind, help=what, description=what))
    for kind, sentence in ELSEWHERE.items():
        kinds.add_parser(kind, help=sentence.partition(": ")[2])


def run(arguments: argparse.Namespace) -> int:
    """Calibrate, and print the residual and what was stored.

    Raises:
        InputError: bad input, or a kind that cannot be done from here.
    """
    if arguments.kind in ELSEWHERE:
        raise InputError(ELSEWHERE[arguments.kind])
    return int(HERE[arguments.kind][0].run(arguments))
