"""The unit of work: one PostgreSQL transaction with every repository in it."""

from __future__ import annotations

from typing import Self

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hedgerow.infrastructure.postgres.accounts import PostgresAccounts
from hedgerow.infrastructure.postgres.ai_budget import PostgresAIBudgets
from hedgerow.infrastructure.postgres.audit import PostgresAuditRecords
from hedgerow.infrastructure.postgres.event_log import PostgresEventLog
from hedgerow.infrastructure.postgres.failures import reached, translated
from hedgerow.infrastructure.postgres.funds import PostgresFunds
from hedgerow.infrastructure.postgres.inbox import PostgresInbox
from hedgerow.infrastructure.postgres.journal import PostgresJournal
from hedgerow.infrastructure.postgres.meetings import PostgresMeetings
from hedgerow.infrastructure.postgres.memories import PostgresMemories
from hedgerow.infrastructure.postgres.model_records import PostgresModelRecords
from hedgerow.infrastructure.postgres.regimes import PostgresRegimes
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.infrastructure.postgres.runs import PostgresPaperRuns
from hedgerow.infrastructure.postgres.sessions import PostgresSessions
from hedgerow.infrastructure.postgres.trades import PostgresTrades
from hedgerow.infrastructure.postgres.vault_keys import PostgresVaultKeys
from hedgerow.usecases.ports.unit_of_work import Actor


class PostgresUnitOfWork:
    """Implements the UnitOfWork port, acting for one user or for the system.

    Leaving the block without `commit` undoes everything. Raises StoreUnavailable where the
    database cannot be reached or goes away.
    """

    def __init__(self, engine: AsyncEngine, actor: Actor) -> None:
        self._engine = engine
        self._actor = actor
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        with reached(self._engine):
            connection = await self._engine.connect()
            try:
                await act_as(connection, self._actor)
            except BaseException:
                await connection.close()
                raise
        self._connection = connection
        self.funds = PostgresFunds(connection)
        self.memories = PostgresMemories(connection)
        self.journal = PostgresJournal(connection)
        self.regimes = PostgresRegimes(connection)
        self.sessions = PostgresSessions(connection)
        self.ai_budgets = PostgresAIBudgets(connection)
        self.model_records = PostgresModelRecords(connection)
        self.meetings = PostgresMeetings(connection)
        self.trades = PostgresTrades(connection)
        self.runs = PostgresPaperRuns(connection)
        self.accounts = PostgresAccounts(connection)
        self.vault_keys = PostgresVaultKeys(connection)
        self.audit = PostgresAuditRecords(connection)
        self.events = PostgresEventLog(connection)
        self.inbox = PostgresInbox(connection)
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
        """Make everything done in the block durable; nothing can be done in it afterwards.

        A role lasts as long as its transaction: what came next would act as the database's owner.
        """
        assert self._connection is not None, "commit is called inside the block"
        await self._connection.commit()
        await self._connection.close()
