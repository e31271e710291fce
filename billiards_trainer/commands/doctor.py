"""``billiards-trainer doctor``: checks this machine and says what to mend.

A check is a small function that returns ``None`` when all is well, or one sentence with the remedy.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import billiards_trainer
from billiards_trainer import places
from billiards_trainer.commands import settings
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError

Check = Callable[[Config], str | None]


def check_shared_memory(config: Config) -> str | None:
    """There is room for the pictures."""
    from billiards_trainer.frames import slot_bytes_for
    from billiards_trainer.light_map import LightMap
    from billiards_trainer.system.premises import CAMERA_SLOTS, LIGHT_SLOTS

    needed = CAMERA_SLOTS * slot_bytes_for(config.source.width, config.source.height)
    needed += LIGHT_SLOTS * LightMap.bytes_for(config.table.to_table())
    try:
        free = shutil.disk_usage(config.system.shm_dir).free
    except OSError as error:
        return f"{config.system.shm_dir} cannot be used ({error.strerror}): mount a tmpfs there"
    if free < needed:
        return (
            f"{config.system.shm_dir} has {free / 1e6:.0f} MB free and {needed / 1e6:.0f} MB are "
            "needed: enlarge it"
        )
    return None


def check_state_folder(config: Config) -> str | None:
    """Records can be written, and there is room for them."""
    folder = places.state_dir(config)
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(existing, os.W_OK):
        return f"{existing} cannot be written: change its owner or name another storage.state_dir"
    free = shutil.disk_usage(existing).free
    if free < 500e6:
        return f"{existing} has {free / 1e6:.0f} MB free: make room, shots are recorded there"
    return None


def check_port(config: Config) -> str | None:
    """The page can be served."""
    from billiards_trainer.system.premises import free_port

    try:
        free_port(config.api.host, config.api.port)
    except InputError as error:
        return str(error)
    return None


def check_source(config: Config) -> str | None:
    """The named source exists."""
    from billiards_trainer.vision.sources.address import validate_source

    try:
        info = validate_source(config.source.url)
    except InputError as error:
        return str(error)
    if info.kind == "v4l2":
        device = Path(f"/dev/video{config.source.url.removeprefix('v4l2:')}")
        if not device.exists():
            return f"{device} is not there: plug the camera in"
        if not os.access(device, os.R_OK | os.W_OK):
            return f"{device} cannot be opened: add this user to the group video"
    return None


def check_page(_config: Config) -> str | None:
    """The page has been built."""
    if not (Path(billiards_trainer.__file__).parent / "api" / "static" / "index.html").exists():
        return "the page has not been built: run make web"
    return None


CHECKS: dict[str, Check] = {
    "shared memory": check_shared_memory,
    "state folder": check_state_folder,
    "port": check_port,
    "source": check_source,
    "page": check_page,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which configuration to check the machine against."""
    settings.add_config_arguments(parser)
    parser.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 when nothing is wrong, 1 otherwise."""
    config, _ = settings.load(arguments)
    found = {name: check(config) for name, check in CHECKS.items()}
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for name, problem in found.items():
            print(f"ok    {name}" if problem is None else f"MEND  {name}: {problem}")
    return 0 if all(problem is None for problem in found.values()) else 1
