"""Alembic's entry: run the migrations on the connection that ``upgrade`` (or a test) hands over."""

from __future__ import annotations

from alembic import context

from billiards_trainer.storage.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite alters tables by copying them.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
