"""Alembic migrations of the database; never imported, run by `upgrade`."""
