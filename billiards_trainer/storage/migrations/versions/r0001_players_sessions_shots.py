"""The first tables: players, sessions, shots and their events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "players",
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(length=36), nullable=False),
        sa.Column("wall_offset_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row", name="pk_players"),
        sa.UniqueConstraint("id", name="uq_players_id"),
        sa.UniqueConstraint("name", name="uq_players_name"),
    )
    op.create_table(
        "sessions",
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("player_id", sa.String(length=32), nullable=True),
        sa.Column("started_ns", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(length=36), nullable=False),
        sa.Column("wall_offset_ns", sa.BigInteger(), nullable=False),
        sa.Column("table_name", sa.String(length=80), nullable=False),
        sa.Column("game", sa.String(length=16), nullable=False),
        sa.Column("width", sa.Double(), nullable=False),
        sa.Column("length", sa.Double(), nullable=False),
        sa.Column("ball_radius", sa.Double(), nullable=False),
        sa.Column("source_kind", sa.String(length=16), nullable=False),
        sa.Column("source_name", sa.String(), nullable=False),
        sa.Column("software_version", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["player_id"], ["players.id"], name="fk_sessions_player_id"),
        sa.PrimaryKeyConstraint("row", name="pk_sessions"),
        sa.UniqueConstraint("id", name="uq_sessions_id"),
    )
    op.create_index("ix_sessions_player_id", "sessions", ["player_id"])

    op.create_table(
        "shots",
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("player_id", sa.String(length=32), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("start_frame", sa.Integer(), nullable=False),
        sa.Column("end_frame", sa.Integer(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(length=36), nullable=False),
        sa.Column("wall_offset_ns", sa.BigInteger(), nullable=False),
        sa.Column("frame_times_ns", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("cue", sa.Text(), nullable=True),
        sa.Column("prediction", sa.Text(), nullable=True),
        sa.Column("potted", sa.Text(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("cue_speed", sa.Double(), nullable=True),
        sa.Column("error_mm", sa.Double(), nullable=True),
        sa.Column("error_rad", sa.Double(), nullable=True),
        sa.Column("assistance", sa.String(length=16), nullable=False),
        sa.Column("calibration", sa.String(), nullable=True),
        sa.Column("software_version", sa.String(length=32), nullable=False),
        sa.CheckConstraint("end_ns >= start_ns", name="ck_shots_times"),
        sa.CheckConstraint("number >= 1", name="ck_shots_number"),
        sa.ForeignKeyConstraint(["player_id"], ["players.id"], name="fk_shots_player_id"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_shots_session_id"),
        sa.PrimaryKeyConstraint("row", name="pk_shots"),
        sa.UniqueConstraint("id", name="uq_shots_id"),
        sa.UniqueConstraint("session_id", "number", name="uq_shots_session_id_number"),
    )
    op.create_index("ix_shots_player_id", "shots", ["player_id"])

    op.create_table(
        "shot_events",
        sa.Column("shot_row", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("t", sa.Double(), nullable=False),
        sa.Column("pocket", sa.String(length=24), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["shot_row"], ["shots.row"], name="fk_shot_events_shot_row", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("shot_row", "sequence", name="pk_shot_events"),
    )
