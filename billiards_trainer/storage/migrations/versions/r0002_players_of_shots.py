"""A session has no player of its own: several may share it, and each shot names who played it."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("sessions") as sessions:
        sessions.drop_index("ix_sessions_player_id")
        sessions.drop_constraint("fk_sessions_player_id", type_="foreignkey")
        sessions.drop_column("player_id")
