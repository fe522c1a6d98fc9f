"""Emptying a database of all that migrations make."""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

# Not the schema itself: extensions would go with it, and who owns a database may neither be the
# one who made them nor be allowed to make them again.
_EMPTY: Final = """
DO $$
DECLARE
    made text;
BEGIN
    FOR made IN
        SELECT format('TABLE %s', c.oid::regclass) FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
        UNION ALL
        SELECT format('FUNCTION %s', p.oid::regprocedure) FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP %s CASCADE', made);
    END LOOP;
END $$
"""


async def empty(connection: AsyncConnection) -> None:
    """Drop all tables and functions, inside the connection's transaction."""
    await connection.exec_driver_sql(_EMPTY)
