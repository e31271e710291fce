"""What a core that is started again must know: the session, its shots, who plays, what was potted.

Kept in the runtime folder, so that it lives as long as the appliance runs: a core that was killed
goes on where its predecessor stood, a new start of the appliance begins a new session.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from billiards_trainer import messages as m
from billiards_trainer.atomic_file import write_atomic
from billiards_trainer.storage.records import SessionRecord

FILE = "core-standing.json"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """A session and how far it has come.

    Attributes:
        session: as it is recorded.
        shots: number of its last shot; numbers are never given twice, recorded or not.
        potted: labels potted since the rack was set, in order.
        last_shot: as shown to people.
        player: name of who plays; empty: a guest.
    """

    session: SessionRecord
    shots: int = 0
    potted: tuple[str, ...] = ()
    last_shot: m.ShotSummary | None = None
    player: str = ""


_ADAPTER = TypeAdapter(Standing)


class StandingFile:
    """Keeps the newest standing; losing it costs a new session, never a shot.

    Args:
        folder: the runtime folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._kept: Standing | None = None

    def left(self, source: m.SourceInfo, table: str) -> Standing | None:
        """What a predecessor left, if it saw the same table through the same source."""
        try:
            found = _ADAPTER.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _log.warning("the session is not continued", reason=str(error)[:200])
            return None
        if (found.session.source, found.session.table) != (source, table):
            return None
        _log.info("the session goes on", session=found.session.id, shots=found.shots)
        return found

    def keep(self, standing: Standing) -> None:
        """Write it down if it is news."""
        if standing == self._kept:
            return
        self._kept = standing
        try:
            # The file need not survive a power cut: the session does not either.
            write_atomic(self._path, _ADAPTER.dump_json(standing), mode=0o600, durable=False)
        except OSError as error:
            _log.warning("the session's standing cannot be kept", reason=str(error))
