"""``calibrate projector``: the running appliance shows its pattern and learns where light falls.

Alone at the table: clear nothing, step back from it, run this; it takes a few seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from billiards_trainer import messages as m
from billiards_trainer import places
from billiards_trainer.bus import Bus, CommandError
from billiards_trainer.commands import settings
from billiards_trainer.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which appliance."""
    settings.add_config_arguments(parser)
    parser.add_argument("--runtime-dir", metavar="DIR", help="the appliance's runtime folder")


def run(arguments: argparse.Namespace) -> int:
    """Have it done, and print what came of it; 1 when it failed, 3 when nothing runs.

    Raises:
        InputError: bad flags.
    """
    flags = {"system": {"runtime_dir": arguments.runtime_dir}} if arguments.runtime_dir else {}
    arguments.environment = arguments.environment or "development"
    config, _ = settings.load(arguments, flags)
    runtime_dir = places.runtime_dir(config)
    if not runtime_dir.is_dir():
        raise InputError(
            f"calibrate projector: no appliance is running in {runtime_dir}; start it first, the "
            "pattern has to be shown and seen"
        )
    bus = Bus(runtime_dir, "calibrate")
    began = time.monotonic()
    try:
        done = bus.request("calibration.projector", m.Empty())
        status = bus.request("calibration.status", m.Empty())
    except CommandError as error:
        print(f"calibrate projector: {error}", file=sys.stderr)
        return 3
    finally:
        bus.close()
    assert isinstance(done, m.Done)
    assert isinstance(status, m.CalibrationStatus)
    if not done.ok:
        print(f"calibrate projector: {done.detail}", file=sys.stderr)
        return 1
    found = {
        "id": status.projector,
        "date": status.projector_date,
        "residual_mm": status.projector_residual_mm,
        "camera": status.camera,
        "took_s": round(time.monotonic() - began, 1),
        "detail": done.detail,
    }
    print(json.dumps(found, indent=1))
    return 0
