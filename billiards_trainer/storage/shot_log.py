"""The shot log's reading end, for any process."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from billiards_trainer.storage import models
from billiards_trainer.storage.clock import wall_time
from billiards_trainer.storage.database import open_engine
from billiards_trainer.storage.files import database_path
from billiards_trainer.storage.records import (
    SessionInfo,
    SessionPage,
    ShotDetail,
    ShotInfo,
    ShotPage,
)

MOST_ROWS = 200
"""The longest page."""


class ShotLogError(Exception):
    """The log cannot be read; the message is one sentence."""


class ShotLog:
    """Lists sessions and shots; safe to use from one thread at a time."""

    def __init__(self, state_dir: Path) -> None:
        """Read the database in ``state_dir``; it is opened with the first question."""
        self._path = database_path(state_dir)
        self._engine = open_engine(self._path, writer=False)

    def sessions(self, limit: int = 50, before: int | None = None) -> SessionPage:
        """Sessions, newest first.

        Args:
            limit: the most that are wanted, 1 to ``MOST_ROWS``.
            before: ``next_before`` of the page before; from the newest when ``None``.

        Raises:
            ShotLogError: the database cannot be read.
        """
        last_shot = (
            sa.select(
                models.Shot.session_id,
                sa.func.count().label("shots"),
                sa.func.max(models.Shot.row).label("last_row"),
            )
            .group_by(models.Shot.session_id)
            .subquery()
        )
        query = (
            sa.select(models.PlaySession, last_shot.c.shots, models.Shot)
            .join(last_shot, last_shot.c.session_id == models.PlaySession.id, isouter=True)
            .join(models.Shot, models.Shot.row == last_shot.c.last_row, isouter=True)
            .order_by(models.PlaySession.row.desc())
            .limit(_page(limit) + 1)
        )
        if before is not None:
            query = query.where(models.PlaySession.row < before)
        rows = self._all(query)
        more = len(rows) > limit
        rows = rows[:limit]
        players = self._players([row[0].id for row in rows])
        return SessionPage(
            sessions=tuple(
                _session_info(session, shots, last, players[session.id])
                for session, shots, last in rows
            ),
            next_before=rows[-1][0].row if more else None,
        )

    def shots(
        self, limit: int = 50, before: int | None = None, session_id: str | None = None
    ) -> ShotPage:
        """Shots, newest first, of one session or of all.

        Args:
            limit: the most that are wanted, 1 to ``MOST_ROWS``.
            before: ``next_before`` of the page before; from the newest when ``None``.
            session_id: only this session's; an unknown one has none.

        Raises:
            ShotLogError: the database cannot be read.
        """
        query = (
            sa.select(models.Shot)
            .options(joinedload(models.Shot.session), joinedload(models.Shot.player))
            .order_by(models.Shot.row.desc())
            .limit(_page(limit) + 1)
        )
        if before is not None:
            query = query.where(models.Shot.row < before)
        if session_id is not None:
            query = query.where(models.Shot.session_id == session_id)
        rows = [row[0] for row in self._all(query)]
        more = len(rows) > limit
        rows = rows[:limit]
        return ShotPage(
            shots=tuple(ShotInfo(**_shot_info(shot)) for shot in rows),
            next_before=rows[-1].row if more else None,
        )

    def shot(self, shot_id: str) -> ShotDetail | None:
        """Everything about one shot; ``None`` when there is no such shot.

        Raises:
            ShotLogError: the database cannot be read.
        """
        query = (
            sa.select(models.Shot)
            .options(
                joinedload(models.Shot.session),
                joinedload(models.Shot.player),
                selectinload(models.Shot.events),
            )
            .where(models.Shot.id == shot_id)
        )
        rows = self._all(query)
        return _shot_detail(rows[0][0]) if rows else None

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _players(self, sessions: list[str]) -> defaultdict[str, list[str]]:
        """Names of who played in each of these sessions, in order of the alphabet."""
        query = (
            sa.select(models.Shot.session_id, models.Player.name)
            .join(models.Shot.player)
            .where(models.Shot.session_id.in_(sessions))
            .distinct()
            .order_by(models.Player.name)
        )
        found: defaultdict[str, list[str]] = defaultdict(list)
        for session_id, name in self._all(query):
            found[session_id].append(name)
        return found

    def _all(self, query: sa.Executable) -> list[Any]:
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                return list(session.execute(query).all())
        except sa.exc.SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise ShotLogError(f"the shot log {self._path} cannot be read: {reason}") from error


def _page(limit: int) -> int:
    return max(1, min(limit, MOST_ROWS))


def _session_info(
    session: models.PlaySession, shots: int | None, last: models.Shot | None, players: list[str]
) -> SessionInfo:
    return SessionInfo.model_validate(
        {
            "id": session.id,
            "started_at": wall_time(session.started_ns, session.wall_offset_ns),
            "ended_at": wall_time(last.end_ns, last.wall_offset_ns) if last else None,
            "shots": shots or 0,
            "table": session.table_name,
            "game": session.game,
            "width": session.width,
            "length": session.length,
            "ball_radius": session.ball_radius,
            "source_kind": session.source_kind,
            "source_name": session.source_name,
            "players": players,
            "software_version": session.software_version,
        }
    )


def _shot_info(shot: models.Shot) -> dict[str, Any]:
    return {
        "id": shot.id,
        "session_id": shot.session_id,
        "number": shot.number,
        "started_at": wall_time(shot.start_ns, shot.wall_offset_ns),
        "duration_s": (shot.end_ns - shot.start_ns) / 1e9,
        "table": shot.session.table_name,
        "source_kind": shot.session.source_kind,
        "player_id": shot.player_id,
        "player": shot.player.name if shot.player else "",
        "potted": shot.potted,
        "events": shot.event_count,
        "cue_speed": shot.cue_speed,
        "error_mm": shot.error_mm,
        "error_rad": shot.error_rad,
    }


def _shot_detail(shot: models.Shot) -> ShotDetail:
    return ShotDetail(
        **_shot_info(shot),
        before=shot.before,
        after=shot.after,
        cue=shot.cue,
        prediction=shot.prediction,
        shot_events=tuple(row.event for row in shot.events),
        frame_times_ns=shot.frame_times_ns,
        calibration=shot.calibration,
        assistance=shot.assistance,
        software_version=shot.software_version,
        boot_id=shot.boot_id,
    )
