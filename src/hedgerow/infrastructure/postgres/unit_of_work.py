"""The unit of work: one PostgreSQL transaction with every repository in it."""

from __future__ import annotations

from typing import Self

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hedgerow.infrastructure.postgres.audit import PostgresAuditRecords
from hedgerow.infrastructure.postgres.failures import reached, translated
from hedgerow.infrastructure.postgres.funds import PostgresFunds
from hedgerow.infrastructure.postgres.journal import PostgresJournal
from hedgerow.infrastructure.postgres.memories import PostgresMemories
from hedgerow.infrastructure.postgres.regimes import PostgresRegimes
from hedgerow.infrastructure.postgres.runs import PostgresPaperRuns
from hedgerow.infrastructure.postgres.trades import PostgresTrades


class PostgresUnitOfWork:
    """Implements the UnitOfWork port. Leaving the block without `commit` undoes everything.

    A failure of the server inside the block leaves it as StorageFailed.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        with reached(self._engine):
            connection = await self._engine.connect()
        self._connection = connection
        self.funds = PostgresFunds(connection)
        self.memories = PostgresMemories(connection)
        self.journal = PostgresJournal(connection)
        self.regimes = PostgresRegimes(connection)
        self.trades = PostgresTrades(connection)
        self.runs = PostgresPaperRuns(connection)
        self.audit = PostgresAuditRecords(connection)
        return self

    async def __aexit__(self, *exc: object) -> None:
        connection, self._connection = self._connection, None
        with translated(self._engine):
            # Closing a connection rolls back whatever was not committed.
            if connection is not None:
                await connection.close()
            _, error, _ = exc
            if isinstance(error, DBAPIError):
                raise error

    async def commit(self) -> None:
        """Make everything done in the block durable."""
        assert self._connection is not None, "commit is called inside the block"
        await self._connection.commit()
