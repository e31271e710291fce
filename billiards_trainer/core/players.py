"""What guidance remembers of each player: how much is shown, and how wide the own errors are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Literal

import structlog
from pydantic import BaseModel, Field, ValidationError

from billiards_trainer.atomic_file import write_atomic
from billiards_trainer.core.guidance.corridor import Spread

FILE = "guidance-players.json"
Level = Literal["off", "beginner", "intermediate", "advanced", "drill"]

_log = structlog.get_logger(__name__)


class _Kept(BaseModel):
    """One player in the file."""

    level: Level | None = None
    shares: list[Annotated[float, Field(ge=0, le=20)]] = []


class _File(BaseModel):
    players: dict[str, _Kept] = {}


class Players:
    """Everybody who has played here; the guest, whose name is empty, is forgotten at the end.

    Args:
        folder: of records; ``None``: nothing is kept.

    Attributes:
        name: who plays now.
        spread: that player's own errors.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = folder / FILE if folder is not None else None
        self._levels: dict[str, Level] = {}
        self._spreads: dict[str, Spread] = {}
        # Writing waits for the disk, and frames do not.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="players")
        self._read()
        self.name = ""
        self.spread = self._spreads.setdefault("", Spread())

    @property
    def level(self) -> Level | None:
        """What the player has chosen, if anything."""
        return self._levels.get(self.name)

    def choose(self, name: str) -> None:
        """Somebody else plays from now on."""
        self.name = name
        self.spread = self._spreads.setdefault(name, Spread())

    def set_level(self, level: Level) -> None:
        """The player wants to be shown so much."""
        self._levels[self.name] = level
        self._write()

    def learn(self, name: str, share: float) -> None:
        """A shot tells of that player's own errors; see ``Spread.learn``."""
        self._spreads.setdefault(name, Spread()).learn(share)
        if name:
            self._write()

    def close(self) -> None:
        """Finish writing."""
        self._writer.shutdown()

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            found = _File.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as error:
            _log.warning("players' guidance is not remembered", reason=str(error)[:200])
            return
        for name, kept in found.players.items():
            if kept.level is not None:
                self._levels[name] = kept.level
            self._spreads[name] = Spread(kept.shares)

    def _write(self) -> None:
        if self._path is None:
            return
        names = {*self._levels, *self._spreads} - {""}
        content = _File(
            players={
                name: _Kept(
                    level=self._levels.get(name),
                    shares=list(self._spreads[name].shares) if name in self._spreads else [],
                )
                for name in sorted(names)
            }
        )
        self._writer.submit(_store, self._path, content.model_dump_json().encode())


def _store(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except OSError as error:
        _log.warning("players' guidance cannot be kept", reason=str(error))
