"""The trade journal in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy import text as literal_text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.journal import JournalEntry, MarketRegime, SetupRecord
from hedgerow.domain.proposals import SetupType
from hedgerow.infrastructure.postgres import rows, tables

_TABLE = tables.journal_entries


class PostgresJournal:
    """Implements the Journal port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, entry: JournalEntry) -> None:
        """Store a new entry; a trade has one."""
        await self._connection.execute(insert(_TABLE), rows.to_row(_TABLE, entry))

    async def of_trade(self, trade_id: UUID) -> JournalEntry | None:
        """The entry of a trade, once it has ended."""
        found = await self._connection.execute(select(_TABLE).where(_TABLE.c.trade_id == trade_id))
        row = found.mappings().one_or_none()
        return None if row is None else rows.from_row(JournalEntry, row)

    async def record_of(
        self, user_id: UUID, setup_type: SetupType, regime: MarketRegime, as_of: datetime
    ) -> SetupRecord:
        """What the user's trades of a setup in a regime, closed by `as_of`, have come to."""
        c = _TABLE.c
        found = await self._connection.execute(
            select(
                func.count(),
                func.count().filter(c.pnl > 0),
                func.coalesce(func.avg(c.pnl_percent), 0),
            ).where(
                c.user_id == user_id,
                c.setup_type == setup_type,
                c.market_regime == regime,
                c.created_at <= as_of,
            )
        )
        return SetupRecord(*found.one())

    async def trade_ids(self, user_id: UUID) -> set[UUID]:
        """The trades of a user that have an entry."""
        statement = select(_TABLE.c.trade_id).where(_TABLE.c.user_id == user_id)
        return set((await self._connection.execute(statement)).scalars())

    async def awaiting_exit_verdict(
        self, user_id: UUID, closed_until: datetime
    ) -> list[JournalEntry]:
        """Entries of trades closed by then whose exit has not been judged."""
        found = await self._connection.execute(
            select(_TABLE)
            .where(
                _TABLE.c.user_id == user_id,
                literal_text(tables.EXIT_IS_UNJUDGED),
                _TABLE.c.created_at <= closed_until,
            )
            .order_by(_TABLE.c.created_at, _TABLE.c.id)
        )
        return [rows.from_row(JournalEntry, row) for row in found.mappings()]

    async def save_exit_verdict(self, entry: JournalEntry) -> None:
        """Store the judgement of the exit and the review that goes with it."""
        await self._connection.execute(
            update(_TABLE)
            .where(_TABLE.c.id == entry.id, _TABLE.c.was_correct_exit.is_(None))
            .values(
                was_correct_exit=entry.was_correct_exit,
                lessons_learned=entry.lessons_learned,
                improvement_tips=entry.improvement_tips,
            )
        )
