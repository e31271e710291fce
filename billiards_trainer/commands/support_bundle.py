"""One archive for support: versions, configuration without secrets, the last hour, the log.

No picture of the room is in it unless that is asked for.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import platform
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from billiards_trainer import __version__, places
from billiards_trainer import messages as m
from billiards_trainer.atomic_file import write_atomic
from billiards_trainer.bus import Bus, CommandError
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError
from billiards_trainer.redaction import redact

LONGEST_LOG = 2_000_000
"""Bytes of each log file, from its end."""
_ASKED: dict[str, tuple[str, m.Message]] = {
    "status.json": ("system.status", m.Empty()),
    "alerts.json": ("system.alerts", m.Empty()),
    "history.json": ("system.history", m.HistoryRequest(points=1200)),
}


def write(
    target: Path, config: Config, findings: Mapping[str, str | None], *, pictures: bool
) -> list[str]:
    """Write the archive, for us alone.

    Args:
        target: the new file.
        config: in force, secrets as names.
        findings: of the doctor.
        pictures: whether a picture of the camera is wanted.

    Returns:
        The names of what is in it.

    Raises:
        InputError: it cannot be written.
    """
    parts: dict[str, bytes] = {
        "versions.json": _json(_versions()),
        "configuration.json": redact(config.model_dump_json(indent=2)).encode(),
        "doctor.json": _json(dict(findings)),
        **_from_the_appliance(config),
        **_logs(config),
    }
    if pictures:
        parts |= _picture(config)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in parts.items():
            entry = tarfile.TarInfo(f"billiards-trainer-support/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    try:
        write_atomic(target, buffer.getvalue(), mode=0o600)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from None
    return list(parts)


def _versions() -> dict[str, Any]:
    found = {
        distribution.metadata["Name"]: distribution.version
        for distribution in importlib.metadata.distributions()
    }
    return {
        "billiards-trainer": __version__,
        "python": sys.version,
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "packages": dict(sorted(found.items())),
    }


def _from_the_appliance(config: Config) -> dict[str, bytes]:
    runtime = places.runtime_dir(config)
    if not runtime.is_dir():
        return {"not-running.txt": f"no appliance is running in {runtime}\n".encode()}
    bus = Bus(runtime, "doctor")
    out = {}
    try:
        for name, (command, message) in _ASKED.items():
            try:
                out[name] = redact(bus.request(command, message).model_dump_json(indent=1)).encode()
            except CommandError as error:
                out[f"{name}.error.txt"] = f"{error}\n".encode()
    finally:
        bus.close()
    return out


def _logs(config: Config) -> dict[str, bytes]:
    if config.logging.file is None:
        return {}
    log = Path(config.logging.file)
    out = {}
    for file in (log, log.with_name(log.name + ".1")):
        try:
            with file.open("rb") as stream:
                stream.seek(max(0, file.stat().st_size - LONGEST_LOG))
                text = stream.read().decode(errors="replace")
        except OSError:
            continue
        out[f"logs/{file.name}"] = "\n".join(map(redact, text.splitlines())).encode()
    return out


def _picture(config: Config) -> dict[str, bytes]:
    import cv2

    from billiards_trainer.frames import RingError, RingReader

    try:
        with RingReader(places.ring_path(config, "camera")) as ring:
            picture = ring.latest()
    except RingError as error:
        return {"no-picture.txt": f"{error}\n".encode()}
    if picture is None:
        return {"no-picture.txt": b"the camera has given no picture\n"}
    done, data = cv2.imencode(".jpg", picture.image)
    return {"camera.jpg": data.tobytes()} if done else {}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()
