"""What the doctor looks at, one small function each.

A check returns ``None`` when all is well, or one sentence with the remedy.  A note is a sentence
worth knowing that needs no mending.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import resource
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import billiards_trainer
from billiards_trainer import places
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError

Check = Callable[[Config], str | None]
Note = Callable[[Config], str]

_LEAST_FDS = 1024
_OLDEST = datetime(2025, 1, 1, tzinfo=UTC)
"""No clock that is right shows an earlier date than this software was written."""


def is_running(config: Config) -> bool:
    """Whether an appliance holds the runtime folder."""
    try:
        lock = os.open(places.runtime_dir(config) / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


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
    if free < needed and not is_running(config):
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


def check_permissions(config: Config) -> str | None:
    """What is private is private."""
    for folder in (places.state_dir(config), places.runtime_dir(config)):
        if folder.exists() and folder.stat().st_mode & 0o077:
            return f"{folder} can be entered by others: chmod 700 {folder}"
    return None


def check_log(config: Config) -> str | None:
    """The log can be written."""
    if config.logging.file is None:
        return None
    folder = Path(config.logging.file).absolute().parent
    if not os.access(folder, os.W_OK):
        return f"{folder} cannot be written: change its owner or name another logging.file"
    return None


def check_port(config: Config) -> str | None:
    """The page can be served."""
    from billiards_trainer.system.premises import free_port

    if is_running(config):
        return None
    try:
        free_port(config.api.host, config.api.port)
    except InputError as error:
        return str(error)
    return None


def check_source(config: Config) -> str | None:
    """The named source, and the one in reserve, exist."""
    from billiards_trainer.commands.source_check import validate_source

    named = {"source.url": config.source.url, "source.fallback_url": config.source.fallback_url}
    for key, url in named.items():
        if url is None:
            continue
        try:
            info = validate_source(url, key)
        except InputError as error:
            return str(error)
        if info.kind == "v4l2":
            device = Path(f"/dev/video{url.removeprefix('v4l2:')}")
            if not device.exists():
                return f"{device} is not there: plug the camera in"
            if not os.access(device, os.R_OK | os.W_OK):
                return f"{device} cannot be opened: add this user to the group video"
    return None


def check_display(config: Config) -> str | None:
    """The projector's display can be used."""
    wanted = config.projector
    needed = wanted.mode in ("fullscreen", "window") or wanted.display is not None
    needed = needed or (wanted.mode == "auto" and config.environment == "production")
    if not needed or is_running(config):
        return None
    from billiards_trainer.projector.display import Monitors

    monitors = Monitors().look()
    if not monitors:
        return (
            "no display can be reached: start the display server, or set projector.mode offscreen"
        )
    if wanted.display is not None and wanted.display not in [found.name for found in monitors]:
        names = ", ".join(found.name for found in monitors)
        return f"projector.display: {wanted.display} is not there; there are {names}"
    return None


def check_clock(_config: Config) -> str | None:
    """The date is right enough to be written beside shots; nothing decides by it."""
    if datetime.now(UTC) < _OLDEST:
        return "the clock shows a date in the past: connect to the network, or set it"
    before = time.monotonic_ns()
    if time.monotonic_ns() < before:
        return "the monotonic clock runs backwards: this machine cannot be used"
    return None


def check_descriptors(_config: Config) -> str | None:
    """Enough files may be open at a time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _LEAST_FDS:
        return f"only {soft} files may be open: raise the limit (ulimit -n, LimitNOFILE) to 1024"
    return None


def check_page(_config: Config) -> str | None:
    """The page has been built."""
    if not (Path(billiards_trainer.__file__).parent / "api" / "static" / "index.html").exists():
        return "the page has not been built: run make web"
    return None


def note_providers(_config: Config) -> str:
    """What could run neural networks here."""
    if importlib.util.find_spec("onnxruntime") is None:
        return "onnxruntime is not installed; detection does not need it"
    import onnxruntime

    return "onnxruntime offers " + ", ".join(onnxruntime.get_available_providers())


def note_source(config: Config) -> str:
    """What the pictures are."""
    if config.source.url == "simulated":
        return "the virtual table, not a real one"
    from billiards_trainer.redaction import redact

    return redact(config.source.url)


CHECKS: dict[str, Check] = {
    "shared memory": check_shared_memory,
    "state folder": check_state_folder,
    "permissions": check_permissions,
    "log": check_log,
    "port": check_port,
    "source": check_source,
    "display": check_display,
    "clock": check_clock,
    "descriptors": check_descriptors,
    "page": check_page,
}

NOTES: dict[str, Note] = {"providers": note_providers, "pictures": note_source}
