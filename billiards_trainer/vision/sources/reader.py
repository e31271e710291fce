"""The thread that does a source's blocking calls, and keeps only the newest picture."""

from __future__ import annotations

import threading
from collections.abc import Callable

from billiards_trainer.vision.sources.picture import Grabbed, Grabber, SourceEnded, SourceError


class SourceReader:
    """Opens a source and reads it until it fails, ends, or is told to stop.

    The thread cannot be ended while a call hangs; it is a daemon and goes with the process.

    Args:
        opener: opens the source; blocks.
    """

    def __init__(self, opener: Callable[[], Grabber]) -> None:
        self._opener = opener
        self._changed = threading.Condition()
        self._newest: Grabbed | None = None
        self._stop = False
        self.skipped = 0
        """Pictures that were replaced by a newer one before anybody took them."""
        self._outcome: SourceError | None = None
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> Grabbed | None:
        """The newest picture not yet taken; waits for one, or for the end."""
        with self._changed:
            if self._newest is None and self._outcome is None:
                self._changed.wait(timeout_s)
            newest, self._newest = self._newest, None
            return newest

    @property
    def outcome(self) -> SourceError | None:
        """Why the thread has ended (``SourceEnded``: as it should); ``None`` while it runs."""
        with self._changed:
            return self._outcome if self._newest is None else None

    def stop(self, timeout_s: float = 0.0) -> None:
        """Ask the thread to end after its present call; wait for that at most ``timeout_s``."""
        self._stop = True
        self._thread.join(timeout_s)

    def _run(self) -> None:
        outcome: SourceError
        try:
            grabber = self._opener()
            try:
                while not self._stop:
                    self._put(grabber.read())
            finally:
                grabber.close()
            outcome = SourceEnded("told to stop")
        except SourceError as error:
            outcome = error
        except Exception as error:
            # Whatever a decoder throws at us is a broken source, not a broken process.
            outcome = SourceError(f"reading failed: {type(error).__name__}")
        with self._changed:
            self._outcome = outcome
            self._changed.notify_all()

    def _put(self, grabbed: Grabbed) -> None:
        with self._changed:
            if self._newest is not None:
                self.skipped += 1
            self._newest = grabbed
            self._changed.notify_all()
