"""Trades in PostgreSQL, read for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, Text, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.errors import UnknownEntity
from hedgerow.domain.events import Event
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.messages import EquityMarked, ProposalAccepted, ProposalRefused
from hedgerow.domain.orders import Fill, Order
from hedgerow.domain.positions import Position
from hedgerow.domain.risk import RiskEventType
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.usecases.facts import fact_of


class PostgresTrades:
    """Implements the Trades port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def last(self) -> Position | None:
        """The position that ended last, or while none has, opened last.

        Where there are runs over past candles, of the latest run: their times are of the past.
        """
        c, run = tables.positions.c, tables.paper_runs.c
        latest_run = select(run.strategy_id).order_by(run.number.desc()).limit(1)
        latest = (
            select(tables.positions)
            .where(or_(~latest_run.exists(), c.strategy_id == latest_run.scalar_subquery()))
            .order_by(c.closed_at.desc().nulls_last(), c.opened_at.desc(), c.id.desc())
            .limit(1)
        )
        found = [rows.position_of(row, set()) for row in await self._rows(latest)]
        return found[0] if found else None

    async def by_part(self, part: str) -> list[Position]:
        """Positions whose id begins or ends with `part`; at most two."""
        text = cast(tables.positions.c.id, Text)
        begins, ends = text.startswith(part, autoescape=True), text.endswith(part, autoescape=True)
        matching = select(tables.positions).where(or_(begins, ends))
        return [rows.position_of(row, set()) for row in await self._rows(matching.limit(2))]

    async def positions(self, strategy_id: UUID) -> list[Position]:
        """All positions of a strategy, by opening time."""
        c = tables.positions.c
        found = await self._rows(
            select(tables.positions).where(c.strategy_id == strategy_id).order_by(c.opened_at, c.id)
        )
        return [rows.position_of(row, set()) for row in found]

    async def orders(self, position_id: UUID) -> list[Order]:
        """The orders of a position, oldest first."""
        c, position = tables.orders.c, tables.positions.c
        # An entry that has gone on to open another position belongs to this one all the same.
        entry = select(position.entry_order_id).where(position.id == position_id)
        found = await self._rows(
            select(tables.orders)
            .where((c.position_id == position_id) | (c.id == entry.scalar_subquery()))
            .order_by(c.created_at, c.id)
        )
        return [rows.order_of(row, set()) for row in found]

    async def fills(self, order_ids: Sequence[UUID]) -> list[Fill]:
        """The executions of orders, oldest first."""
        c = tables.fills.c
        found = await self._rows(
            select(tables.fills)
            .where(c.order_id.in_(order_ids))
            .order_by(c.filled_at, c.venue_trade_id)
        )
        return [rows.from_row(Fill, row) for row in found]

    async def journal(self, strategy_id: UUID) -> list[JournalEntry]:
        """All journal entries of a strategy's trades."""
        entry, position = tables.journal_entries, tables.positions
        found = await self._rows(
            select(entry)
            .join(position, position.c.id == entry.c.trade_id)
            .where(position.c.strategy_id == strategy_id)
            .order_by(entry.c.created_at, entry.c.id)
        )
        return [rows.from_row(JournalEntry, row) for row in found]

    async def proposal(self, order_id: UUID) -> ProposalAccepted:
        """The accepted proposal that an entry order came from; raises UnknownEntity."""
        c = tables.events.c
        found = await self._rows(
            select(tables.events).where(
                c.user_id == self._owner_of(order_id),
                c.subject_id == order_id,
                c.kind == ProposalAccepted.__name__,
            )
        )
        if not found:
            raise UnknownEntity("accepted proposal", order_id)
        return fact_of(rows.from_row(Event, found[0]), ProposalAccepted)

    async def equity_marks(self, strategy_id: UUID) -> list[tuple[datetime, EquityMarked]]:
        """The equity of a strategy over time."""
        c = tables.events.c
        owner = select(tables.strategies.c.user_id).where(tables.strategies.c.id == strategy_id)
        found = await self._rows(
            select(tables.events)
            .where(
                c.user_id == owner.scalar_subquery(),
                c.kind == EquityMarked.__name__,
                c.subject_id == strategy_id,
            )
            .order_by(c.sequence)
        )
        return [(row["at"], fact_of(rows.from_row(Event, row), EquityMarked)) for row in found]

    async def events_about(self, user_id: UUID, subject_ids: Sequence[UUID]) -> list[Event]:
        """A user's events whose subject is one of these, by sequence."""
        c = tables.events.c
        found = await self._rows(
            select(tables.events)
            .where(c.user_id == user_id, c.subject_id.in_(subject_ids))
            .order_by(c.sequence)
        )
        return [rows.from_row(Event, row) for row in found]

    async def counts(self, user_id: UUID) -> Mapping[str, int]:
        """How many orders, fills, memories, journal_entries, and events of each kind."""
        counted: dict[str, int] = {}
        for table in (tables.orders, tables.fills, tables.memories, tables.journal_entries):
            counted[table.name] = await self._count(table, table.c.user_id == user_id)
        c = tables.events.c
        kinds = select(c.kind, func.count()).where(c.user_id == user_id).group_by(c.kind)
        found = await self._connection.execute(kinds)
        counted |= {str(kind): int(count) for kind, count in found}
        return counted

    async def refusals(self, user_id: UUID) -> Mapping[str, int]:
        """How many proposals failed which pre-trade check, the most frequent first."""
        c = tables.events.c
        check = c.body["checks"][-1]["name"].astext.label("check")
        failed = (
            select(check, func.count())
            .where(c.user_id == user_id, c.kind == ProposalRefused.__name__)
            .group_by(check)
            .order_by(func.count().desc(), check)
        )
        return {name: int(count) for name, count in await self._connection.execute(failed)}

    async def breaker_trips(self, user_id: UUID) -> int:
        """How often the user's circuit breaker has been triggered."""
        c = tables.risk_events.c
        tripped = c.event_type == RiskEventType.CIRCUIT_BREAKER_TRIGGERED
        return await self._count(tables.risk_events, (c.user_id == user_id) & tripped)

    def _owner_of(self, order_id: UUID) -> Any:
        orders = tables.orders.c
        return select(orders.user_id).where(orders.id == order_id).scalar_subquery()

    async def _count(self, table: Table, condition: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(table).where(condition)
        return int(await self._connection.scalar(statement) or 0)

    async def _rows(self, statement: Select[Any]) -> list[rows.Row]:
        return list((await self._connection.execute(statement)).mappings())
