"""Runs migrations on the connection that engine.migrate hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from hedgerow.infrastructure.postgres import tables

# Migrations of two processes that start together take turns.
_ADVISORY_LOCK = 4_853_118_307_241

connection = context.config.attributes["connection"]
connection.exec_driver_sql(f"select pg_advisory_xact_lock({_ADVISORY_LOCK})")
context.configure(connection=connection, target_metadata=tables.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
