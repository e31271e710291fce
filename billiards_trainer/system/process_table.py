"""The processes of the appliance: one row each.

``needs`` names the processes that are started before this one, and stopped after it.  None waits
until another is ready: sockets and rings reconnect by themselves, and starting side by side is what
makes the start short.  Both ``camera`` and ``simulation`` write the camera ring; which of
them runs is decided by the source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from billiards_trainer.config.schema import Config
from billiards_trainer.source_address import SIMULATED


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How a process that failed is started again; times in seconds."""

    attempts: int = 5
    """Failures in a row before it is given up (FATAL)."""
    backoff_s: float = 0.25
    """Wait before the second start in a row; the first is immediate, later ones double."""
    backoff_max_s: float = 15.0
    stable_s: float = 10.0
    """Running that long forgives earlier failures."""
    fatal_retry_s: float = 600.0
    """A process given up is tried again after that long."""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process; limits in seconds."""

    name: str
    module: str
    """Python module whose main is run."""
    needs: tuple[str, ...] = ()
    start_limit_s: float = 20.0
    """From its start to ready."""
    heartbeat_limit_s: float = 2.0
    """A heartbeat older than that means that its loop hangs, unless it is using the processor."""
    busy_limit_s: float = 10.0
    """The same for one that is using the processor: a starved machine, or an endless loop."""
    stop_limit_s: float = 2.0
    """From SIGTERM to SIGKILL."""
    preload: tuple[str, ...] = ()
    """What the nursery imports beside the module: heavy things that it imports while it works."""
    first: bool = False
    """Whether its first start does not wait for the nursery: it takes long, on another core."""
    policy: RestartPolicy = RestartPolicy()


_COMPILING_S = 120.0
"""Processes with compiled kernels need that long when the cache, filled at install, is lost."""

_TABLE = (
    ProcessRow("camera", "billiards_trainer.vision.sources.main", first=True),
    ProcessRow(
        "simulation",
        "billiards_trainer.simulation.main",
        start_limit_s=_COMPILING_S,
        first=True,
    ),
    ProcessRow(
        "vision",
        "billiards_trainer.vision.main",
        needs=("camera", "simulation"),
        preload=("billiards_trainer.vision.calibration.table_finder",),
    ),
    ProcessRow(
        "core",
        "billiards_trainer.core.main",
        needs=("vision",),
        start_limit_s=_COMPILING_S,
        preload=("billiards_trainer.storage.writing", "billiards_trainer.storage.database"),
    ),
    ProcessRow("projector", "billiards_trainer.projector.main", needs=("core",)),
    ProcessRow("api", "billiards_trainer.api.main"),
)


def rows_for(config: Config, *, safe: bool = False) -> tuple[ProcessRow, ...]:
    """The rows that this configuration wants, in the order of starting; in safe mode the page."""
    if safe:
        config = config.model_copy(
            update={
                "system": config.system.model_copy(
                    update={"modules_off": ("camera", "simulation", "vision", "core", "projector")}
                )
            }
        )
    writer = "simulation" if config.source.url == SIMULATED else "camera"
    off = {*config.system.modules_off, "camera" if writer == "simulation" else "simulation"}
    rows = [row for row in _TABLE if row.name not in off]
    if "api" not in off:
        api = rows[-1]
        # Further workers listen on the same port; the kernel shares connections among them.
        rows += [replace(api, name=f"api-{n}") for n in range(2, config.api.workers + 1)]
    names = {row.name for row in rows}
    return tuple(replace(row, needs=tuple(n for n in row.needs if n in names)) for row in rows)
