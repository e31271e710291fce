"""The shot log's writing end: a thread of the core process, off its frame loop.

``record`` hands a shot over and returns at once.  The thread commits each shot in a transaction of
its own; only when COMMIT has returned (``synchronous=FULL``: it is on the disk) does ``finished``
tell of it.  A locked database, a full disk or a failing one is tried again with growing pauses and
reported in ``health``; what cannot be kept is counted and named in the log, never lost silently.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from billiards_trainer.storage.files import database_path
from billiards_trainer.storage.records import RecordedShot, ShotRecord

if TYPE_CHECKING:
    import sqlalchemy as sa

_log = structlog.get_logger(__name__)

CAPACITY = 256
"""Shots that may wait: hours of play, about 10 MB."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class RecorderHealth:
    """How the shot log is doing.

    Attributes:
        waiting: shots handed over and not yet on the disk.
        recorded: shots committed since the start.
        dropped: shots that could not be kept since the start.
        problem: one sentence, or ``None`` when all is well.
    """

    waiting: int
    recorded: int
    dropped: int
    problem: str | None


def retry_pause_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row (1, 2, …)."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 30)))


class ShotRecorder:
    """Writes shots in the order in which they were handed over.

    ``record``, ``finished`` and ``health`` never wait for the disk.
    """

    def __init__(self, state_dir: Path, *, capacity: int = CAPACITY) -> None:
        """Start the thread on the database in ``state_dir`` (which ``migrate`` has prepared)."""
        self._path = database_path(state_dir)
        self._capacity = capacity
        self._waiting: deque[ShotRecord] = deque()
        self._finished: deque[RecordedShot] = deque(maxlen=10 * capacity)
        self._recorded = 0
        self._dropped = 0
        self._problem: str | None = None
        self._closing = False
        self._deadline: float | None = None
        self._changed = threading.Condition()
        # A daemon: a disk that hangs for ever must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="shot-recorder", daemon=True)
        self._thread.start()

    def record(self, shot: ShotRecord) -> bool:
        """Hand a shot over; ``False`` when it had to be dropped because too many wait already."""
        with self._changed:
            if self._closing or len(self._waiting) >= self._capacity:
                self._dropped += 1
                reason = "the log is closed" if self._closing else "too many shots wait"
                _log.error("shot not recorded", number=shot.number, shot=shot.id, reason=reason)
                return False
            self._waiting.append(shot)
            self._changed.notify_all()
            return True

    def finished(self) -> list[RecordedShot]:
        """The shots whose COMMIT has returned since the last call, oldest first."""
        with self._changed:
            done = list(self._finished)
            self._finished.clear()
            return done

    def health(self) -> RecorderHealth:
        """A snapshot of the state of the log."""
        with self._changed:
            return RecorderHealth(len(self._waiting), self._recorded, self._dropped, self._problem)

    def flush(self, timeout_s: float) -> bool:
        """Wait until nothing waits any more; ``False`` when the time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def close(self, deadline_s: float = 2.0) -> int:
        """Write what still waits, then end.

        Args:
            deadline_s: seconds after which the rest is given up.

        Returns:
            How many shots had to be given up.
        """
        with self._changed:
            self._closing = True
            self._deadline = time.monotonic() + deadline_s
            self._changed.notify_all()
        self._thread.join(deadline_s + 0.1)
        with self._changed:
            lost = [shot.number for shot in self._waiting]
            # The thread may still hang in the disk with the first of them: its outcome is unknown.
            if lost:
                self._dropped += len(lost)
                self._waiting.clear()
                _log.error("shots not recorded", numbers=lost, reason=self._problem or "no time")
        return len(lost)

    def _work(self) -> None:
        # Here rather than at the top: core is ready before SQLAlchemy has been imported.
        from billiards_trainer.storage.database import open_engine
        from billiards_trainer.storage.writing import is_temporary, write_shot

        engine = open_engine(self._path, writer=True)
        try:
            failures = 0
            while (shot := self._next()) is not None:
                try:
                    write_shot(engine, shot)
                except Exception as error:  # the thread must survive whatever one shot brings
                    if is_temporary(error):
                        failures += 1
                        if not self._pause(engine, failures, error):
                            return
                    else:
                        self._give_up(shot, error)
                else:
                    failures = 0
                    self._committed(shot)
        finally:
            engine.dispose()

    def _next(self) -> ShotRecord | None:
        """The oldest waiting shot; ``None`` when the log is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return self._waiting[0] if self._waiting else None

    def _committed(self, shot: ShotRecord) -> None:
        with self._changed:
            if self._waiting and self._waiting[0] is shot:
                self._waiting.popleft()
            self._recorded += 1
            if self._problem is not None:
                _log.info("the shot log can be written again")
            self._problem = None
            self._finished.append(RecordedShot(shot.id, shot.session.id, shot.number))
            self._changed.notify_all()

    def _pause(self, engine: sa.Engine, failures: int, error: Exception) -> bool:
        """Report a failure that may pass and wait; ``False`` when there is no time left."""
        # A connection that met an I/O error is not used again.
        engine.dispose()
        reason = str(getattr(error, "orig", None) or error)
        with self._changed:
            self._problem = f"the shot log cannot be written: {reason}"
            if failures == 1:
                _log.error("the shot log cannot be written", reason=reason)
            pause = retry_pause_s(failures)
            end = time.monotonic() + pause
            while (now := time.monotonic()) < end:
                if self._deadline is not None:
                    if now >= self._deadline:
                        return False
                    # Closing: try more often, as long as there is time.
                    end = min(end, now + FIRST_PAUSE_S, self._deadline)
                self._changed.wait(max(0.0, end - now))
            return self._deadline is None or time.monotonic() < self._deadline

    def _give_up(self, shot: ShotRecord, error: Exception) -> None:
        """Drop a shot that the database will never take."""
        _log.error("shot not recorded", number=shot.number, shot=shot.id, reason=str(error)[:500])
        with self._changed:
            if self._waiting and self._waiting[0] is shot:
                self._waiting.popleft()
            self._dropped += 1
            self._problem = f"shot {shot.number} could not be recorded: {error}"[:300]
            self._changed.notify_all()
