"""What core hands over for the log, and what readers get back.

Plain data without a database behind it: importing this costs nothing that ``messages`` does not.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import Field

from billiards_trainer import __version__
from billiards_trainer import messages as m
from billiards_trainer.storage.clock import BootClock

SourceKind = Literal["simulated", "film", "network", "v4l2"]


def new_id() -> str:
    """An identifier that no other row has: 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A stretch of play on one table; its row is written with its first shot.

    Lengths in metres, times monotonic nanoseconds of ``clock``'s boot.
    """

    table: str
    game: str
    width: float
    length: float
    ball_radius: float
    source: m.SourceInfo
    started_ns: int
    clock: BootClock
    software_version: str = __version__
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class ShotRecord:
    """One shot, whole, as core declares it when all balls lie still.

    ``before`` and ``after`` are the balls at the first and the last frame of the shot;
    ``prediction`` is what was drawn when the cue ball was struck.
    """

    session: SessionRecord
    number: int
    """Within the session, from 1."""
    start_frame: int
    start_ns: int
    end_frame: int
    end_ns: int
    before: tuple[m.BallState, ...]
    after: tuple[m.BallState, ...]
    events: tuple[m.ShotEvent, ...] = ()
    cue: m.CueState | None = None
    prediction: m.Prediction | None = None
    summary: m.ShotSummary | None = None
    frame_times_ns: tuple[int, ...] = ()
    """Exposure time of every frame of the shot."""
    calibration: str | None = None
    assistance: str = "beginner"
    player: str = ""
    """Name of who played it; empty: a guest."""
    software_version: str = __version__
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class RecordedShot:
    """A shot whose COMMIT has returned."""

    shot_id: str
    session_id: str
    number: int


class SessionInfo(m.Message):
    """A session as it is listed."""

    id: str
    started_at: datetime
    """UTC."""
    ended_at: datetime | None = None
    """When its last shot ended, UTC."""
    shots: int
    table: str
    game: str
    width: float
    length: float
    ball_radius: float
    source_kind: SourceKind
    source_name: str
    players: tuple[str, ...] = ()
    """Names of those who played in it, guests left out."""
    software_version: str


class SessionPage(m.Message):
    """Sessions, newest first."""

    sessions: tuple[SessionInfo, ...]
    next_before: int | None = Field(None, description="Ask for what is older; null at the end")


class ShotInfo(m.Message):
    """A shot as it is listed."""

    id: str
    session_id: str
    number: int
    started_at: datetime
    """UTC."""
    duration_s: float
    table: str
    source_kind: SourceKind
    player_id: str | None = None
    player: str = ""
    """Name of who played it; empty: a guest."""
    potted: tuple[str, ...]
    events: int
    cue_speed: float | None = None
    error_mm: float | None = None
    error_rad: float | None = None


class ShotPage(m.Message):
    """Shots, newest first."""

    shots: tuple[ShotInfo, ...]
    next_before: int | None = Field(None, description="Ask for what is older; null at the end")


class ShotDetail(ShotInfo):
    """Everything that is known about one shot."""

    before: tuple[m.BallState, ...]
    after: tuple[m.BallState, ...]
    cue: m.CueState | None = None
    prediction: m.Prediction | None = None
    shot_events: tuple[m.ShotEvent, ...] = ()
    frame_times_ns: tuple[int, ...] = ()
    calibration: str | None = None
    assistance: str
    software_version: str
    boot_id: str
