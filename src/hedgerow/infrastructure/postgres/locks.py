"""Locks in PostgreSQL: a row for each name, with the last token given out and when it ends."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.ports.shared_state import Lease
from hedgerow.usecases.ports.unit_of_work import SYSTEM

_TABLE = tables.lock_leases
_NOW = func.clock_timestamp()


class PostgresLocks:
    """Implements the Locks port, each call in a transaction of its own, by PostgreSQL's clock.

    Rows are never deleted, so tokens of one name only ever grow.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def acquire(self, name: str, duration: timedelta) -> Lease | None:
        """The lock, or None while somebody else holds it."""
        new = insert(_TABLE).values(name=name, token=1, expires_at=_NOW + duration)
        statement = new.on_conflict_do_update(
            index_elements=[_TABLE.c.name],
            set_={"token": _TABLE.c.token + 1, "expires_at": new.excluded.expires_at},
            where=_TABLE.c.expires_at <= _NOW,
        ).returning(_TABLE.c.token)
        async with self._engine.begin() as connection:
            await act_as(connection, SYSTEM)
            token = await connection.scalar(statement)
        return None if token is None else Lease(name, token)

    async def renew(self, lease: Lease, duration: timedelta) -> bool:
        """Hold on for `duration` from now; False where the lease has ended."""
        return await self._end_at(lease, duration)

    async def release(self, lease: Lease) -> None:
        """Give the lock back; a lease that has ended stays as it is."""
        await self._end_at(lease, timedelta(0))

    async def _end_at(self, lease: Lease, from_now: timedelta) -> bool:
        mine = (_TABLE.c.name == lease.name) & (_TABLE.c.token == lease.token)
        statement = update(_TABLE).where(mine, _TABLE.c.expires_at > _NOW)
        async with self._engine.begin() as connection:
            await act_as(connection, SYSTEM)
            done = await connection.execute(statement.values(expires_at=_NOW + from_now))
        return done.rowcount == 1
