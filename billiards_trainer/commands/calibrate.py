"""``billiards-trainer calibrate``: learn a table's camera, projector, colours or physics."""

from __future__ import annotations

import argparse

from billiards_trainer.commands import calibrate_camera
from billiards_trainer.errors import InputError

ELSEWHERE = {
    "projector": (
        "calibrate projector: it needs the projector's own light in the camera's picture, which "
        "only a running appliance has, and this version does not solve it yet"
    ),
    "colours": (
        "calibrate colours: they are learned from the running appliance's camera; start it and "
        "send POST /api/v1/calibration/colors"
    ),
    "physics": (
        "calibrate physics: it needs shots recorded by a running appliance, and this version does "
        "not solve it yet"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One kind, with its own flags."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    what = "find table, pose and lens in pictures or films"
    calibrate_camera.add_arguments(kinds.add_parser("camera", help=what, description=what))
    for kind, sentence in ELSEWHERE.items():
        kinds.add_parser(kind, help=sentence.partition(": ")[2])


def run(arguments: argparse.Namespace) -> int:
    """Calibrate, and print the residual and what was stored.

    Raises:
        InputError: bad input, or a kind that cannot be done from here.
    """
    if arguments.kind in ELSEWHERE:
        raise InputError(ELSEWHERE[arguments.kind])
    return calibrate_camera.run(arguments)
