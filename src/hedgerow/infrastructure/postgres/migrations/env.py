"""Runs migrations on the connection that engine.migrate hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from hedgerow.infrastructure.postgres import tables

# Migrations of two processes that start together take turns.
_ADVISORY_LOCK = 4_853_118_307_241

# FORCE ROW LEVEL SECURITY binds the owner too, who is no superuser on most servers: a migration
# would find every table empty, and foreign keys that it adds would miss the rows they refer to.
_OUT_OF_SIGHT = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relforcerowsecurity AND row_security_active(oid)
"""

connection = context.config.attributes["connection"]
_lifted: dict[str, None] = {}


def _lift(*_: object, **__: object) -> None:
    """Before the first migration and after each, which may have forced more tables."""
    for table in connection.exec_driver_sql(_OUT_OF_SIGHT).scalars().all():
        connection.exec_driver_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        _lifted[table] = None


connection.exec_driver_sql(f"select pg_advisory_xact_lock({_ADVISORY_LOCK})")
context.configure(
    connection=connection,
    target_metadata=tables.metadata,
    compare_type=True,
    on_version_apply=_lift,
)
with context.begin_transaction():
    if context.get_context().get_current_revision() != context.get_head_revision():
        _lift()
    context.run_migrations()
    for table in _lifted:
        connection.exec_driver_sql(f"ALTER TABLE IF EXISTS {table} FORCE ROW LEVEL SECURITY")
