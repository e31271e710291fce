"""The tables of the database.

Lengths in metres, angles in radians, times monotonic nanoseconds within the boot named beside them;
``wall_offset_ns`` turns them into wall-clock time for people.  ``row`` orders by insertion and is
what pages are cut by; ``id`` is the name that other tables and people use.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from billiards_trainer import messages as m
from billiards_trainer.storage.columns import Json

WRITERS: dict[str, str] = {
    "players": "core",
    "sessions": "core",
    "shots": "core",
    "shot_events": "core",
}
"""The one process that writes each table."""


class Base(DeclarativeBase):
    """Base of all tables; constraints get names, so that migrations can change them."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Player(Base):
    """Someone who plays here; written with the first shot under that name, and dated like it."""

    __tablename__ = "players"

    row: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(sa.String(32), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    created_ns: Mapped[int] = mapped_column(sa.BigInteger)
    boot_id: Mapped[str] = mapped_column(sa.String(36))
    wall_offset_ns: Mapped[int] = mapped_column(sa.BigInteger)


class PlaySession(Base):
    """A stretch of play on one table; its players, often several, stand with their shots."""

    __tablename__ = "sessions"

    row: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(sa.String(32), unique=True)
    started_ns: Mapped[int] = mapped_column(sa.BigInteger)
    boot_id: Mapped[str] = mapped_column(sa.String(36))
    wall_offset_ns: Mapped[int] = mapped_column(sa.BigInteger)
    table_name: Mapped[str] = mapped_column(sa.String(80))
    game: Mapped[str] = mapped_column(sa.String(16))
    width: Mapped[float]
    length: Mapped[float]
    ball_radius: Mapped[float]
    # A virtual table's shots are never taken for a real player's.
    source_kind: Mapped[str] = mapped_column(sa.String(16))
    source_name: Mapped[str]
    software_version: Mapped[str] = mapped_column(sa.String(32))


class Shot(Base):
    """One shot, whole."""

    __tablename__ = "shots"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "number"),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint("end_ns >= start_ns", name="times"),
    )

    row: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(sa.String(32), unique=True)
    session_id: Mapped[str] = mapped_column(sa.ForeignKey("sessions.id"))
    player_id: Mapped[str | None] = mapped_column(sa.ForeignKey("players.id"), index=True)
    number: Mapped[int]
    start_frame: Mapped[int]
    end_frame: Mapped[int]
    start_ns: Mapped[int] = mapped_column(sa.BigInteger)
    end_ns: Mapped[int] = mapped_column(sa.BigInteger)
    boot_id: Mapped[str] = mapped_column(sa.String(36))
    wall_offset_ns: Mapped[int] = mapped_column(sa.BigInteger)
    frame_times_ns: Mapped[tuple[int, ...]] = mapped_column(Json(tuple[int, ...]))
    before: Mapped[tuple[m.BallState, ...]] = mapped_column(Json(tuple[m.BallState, ...]))
    after: Mapped[tuple[m.BallState, ...]] = mapped_column(Json(tuple[m.BallState, ...]))
    cue: Mapped[m.CueState | None] = mapped_column(Json(m.CueState))
    prediction: Mapped[m.Prediction | None] = mapped_column(Json(m.Prediction))
    potted: Mapped[tuple[str, ...]] = mapped_column(Json(tuple[str, ...]))
    event_count: Mapped[int]
    cue_speed: Mapped[float | None]
    error_mm: Mapped[float | None]
    error_rad: Mapped[float | None]
    assistance: Mapped[str] = mapped_column(sa.String(16))
    calibration: Mapped[str | None]
    software_version: Mapped[str] = mapped_column(sa.String(32))

    session: Mapped[PlaySession] = relationship(lazy="raise")
    player: Mapped[Player | None] = relationship(lazy="raise")
    events: Mapped[list[ShotEvent]] = relationship(
        lazy="raise", order_by="ShotEvent.sequence", cascade="all, delete-orphan"
    )


class ShotEvent(Base):
    """One event of a shot."""

    __tablename__ = "shot_events"

    shot_row: Mapped[int] = mapped_column(
        sa.ForeignKey("shots.row", ondelete="CASCADE"), primary_key=True
    )
    sequence: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(24))
    t: Mapped[float]
    pocket: Mapped[str | None] = mapped_column(sa.String(24))
    event: Mapped[m.ShotEvent] = mapped_column(Json(m.ShotEvent))
    """The event whole; the columns before are what is asked for by value."""
