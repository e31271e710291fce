"""What whoever runs the appliance wants of it: signals, noted where they cannot hurt."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Self


@dataclass(slots=True)
class Wish:
    """Signals that have come and have not been obeyed yet.

    Attributes:
        stop: SIGTERM or SIGINT, once one has come.
        reload: whether the configuration is to be read anew (SIGHUP).
    """

    stop: signal.Signals | None = None
    reload: bool = False

    @classmethod
    def listen(cls) -> Self:
        """From now on signals only leave a note.

        Before anything is made that would be left behind: whatever happens then is orderly.
        """
        wish = cls()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, wish._note)
        return wish

    def _note(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.stop = signal.Signals(number)
