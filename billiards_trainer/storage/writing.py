"""One shot into the database, all of it or nothing."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from billiards_trainer.storage import models
from billiards_trainer.storage.records import SessionRecord, ShotRecord, new_id


def is_temporary(error: Exception) -> bool:
    """Whether the same shot may succeed later: locked, full or failing disk, damaged database.

    Everything else (a broken constraint, a value that is no JSON) fails in the same way each time.
    """
    # pysqlite says plain DatabaseError for 'disk image is malformed' and 'file is not a database'.
    return type(error) is sa.exc.DatabaseError or isinstance(
        error, (sa.exc.OperationalError, sa.exc.InternalError, OSError, MemoryError)
    )


def write_shot(engine: sa.Engine, shot: ShotRecord) -> None:
    """Commit a shot with its events, and its session and its player if those are new.

    It may be repeated: a shot that is there already is left as it is (a COMMIT may have reached the
    disk although it was reported as failed).

    Raises:
        sqlalchemy.exc.SQLAlchemyError: nothing of it was written.
    """
    with Session(engine) as session, session.begin():
        session.execute(_session_row(shot.session))
        known = sa.select(models.Shot.row).where(models.Shot.id == shot.id)
        if session.scalar(known) is None:
            session.add(_shot_row(shot, _player_id(session, shot)))


def _player_id(session: Session, shot: ShotRecord) -> str | None:
    """Who played it, entered among the players if the name is new; ``None`` for a guest."""
    if not shot.player:
        return None
    clock = shot.session.clock
    session.execute(
        insert(models.Player)
        .values(
            id=new_id(),
            name=shot.player,
            created_ns=shot.start_ns,
            boot_id=clock.boot_id,
            wall_offset_ns=clock.wall_offset_ns,
        )
        .on_conflict_do_nothing(index_elements=["name"])
    )
    return session.scalar(sa.select(models.Player.id).where(models.Player.name == shot.player))


def _session_row(record: SessionRecord) -> sa.Insert:
    return (
        insert(models.PlaySession)
        .values(
            id=record.id,
            started_ns=record.started_ns,
            boot_id=record.clock.boot_id,
            wall_offset_ns=record.clock.wall_offset_ns,
            table_name=record.table,
            game=record.game,
            width=record.width,
            length=record.length,
            ball_radius=record.ball_radius,
            source_kind=record.source.kind,
            source_name=record.source.name,
            software_version=record.software_version,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )


def _shot_row(shot: ShotRecord, player_id: str | None) -> models.Shot:
    summary = shot.summary
    return models.Shot(
        id=shot.id,
        session_id=shot.session.id,
        player_id=player_id,
        number=shot.number,
        start_frame=shot.start_frame,
        end_frame=shot.end_frame,
        start_ns=shot.start_ns,
        end_ns=shot.end_ns,
        boot_id=shot.session.clock.boot_id,
        wall_offset_ns=shot.session.clock.wall_offset_ns,
        frame_times_ns=shot.frame_times_ns,
        before=shot.before,
        after=shot.after,
        cue=shot.cue,
        prediction=shot.prediction,
        potted=summary.potted if summary else (),
        event_count=len(shot.events),
        cue_speed=summary.cue_speed if summary else None,
        error_mm=summary.error_mm if summary else None,
        error_rad=summary.error_rad if summary else None,
        assistance=shot.assistance,
        calibration=shot.calibration,
        software_version=shot.software_version,
        events=[
            models.ShotEvent(
                sequence=event.sequence,
                kind=event.kind.value,
                t=event.t,
                pocket=event.pocket,
                event=event,
            )
            for event in shot.events
        ],
    )
