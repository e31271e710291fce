"""What must be there before the first process: folders, the lock, picture rings, a free port.

One runtime folder belongs to one appliance, held by a lock that the kernel releases whatever ends
it; so whatever else is found there was left by a dead predecessor and is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from billiards_trainer import places
from billiards_trainer.bus import LONGEST_RUNTIME_DIR
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError
from billiards_trainer.frames import RingError, create_ring, remove_ring, slot_bytes_for
from billiards_trainer.light_map import LightMap

CAMERA_SLOTS = 6
LIGHT_SLOTS = 16
"""A light map is looked up by exposure time, a camera's delay back."""


@contextmanager
def occupied(config: Config) -> Iterator[Path]:
    """Take possession; everything made here is removed again.

    Yields:
        The runtime folder.

    Raises:
        InputError: another appliance is running here, or there is no room for the pictures.
    """
    runtime = places.runtime_dir(config)
    if len(os.fsencode(runtime)) > LONGEST_RUNTIME_DIR:
        raise InputError(
            f"system.runtime_dir: {runtime} is too long for sockets: "
            f"{LONGEST_RUNTIME_DIR} characters at most"
        )
    places.make_private(runtime)
    places.make_private(places.state_dir(config))
    try:
        lock = os.open(runtime / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise InputError(f"cannot use the folder {runtime}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(lock, 32, 0).decode(errors="replace").strip()
            raise InputError(f"another appliance is running in {runtime} (process {pid})") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        _clear(config, runtime)
        try:
            _make_rings(config)
            yield runtime
        finally:
            _clear(config, runtime)
            (runtime / "lock").unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # systemd owns its runtime folder
                runtime.rmdir()
    finally:
        os.close(lock)


def _clear(config: Config, runtime: Path) -> None:
    for pattern in ("*.pub", "*.cmd", "*.json"):
        for left in runtime.glob(pattern):
            left.unlink(missing_ok=True)
    for ring in ("camera", "light"):
        remove_ring(places.ring_path(config, ring))


def _make_rings(config: Config) -> None:
    picture = slot_bytes_for(config.source.width, config.source.height)
    light = LightMap.bytes_for(config.table.to_table())
    try:
        create_ring(places.ring_path(config, "camera"), CAMERA_SLOTS, picture)
        create_ring(places.ring_path(config, "light"), LIGHT_SLOTS, light)
    except RingError as error:
        raise InputError(str(error)) from None


def free_port(host: str, port: int) -> int:
    """The port to listen on: the one asked for, or any free one for 0.

    Raises:
        InputError: somebody listens there already, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"api.port: cannot listen on {host} port {port}: {error.strerror}; "
                "choose another with --port"
            ) from None
        return int(probe.getsockname()[1])
