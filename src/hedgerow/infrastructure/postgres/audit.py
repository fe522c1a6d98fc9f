"""What an auditor re-adds, read from PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.events import Event
from hedgerow.domain.ledger import LedgerEntry
from hedgerow.domain.orders import Fill
from hedgerow.domain.positions import Position
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.usecases.ports.records import AuditedOrder, AuditedTransfer


class PostgresAuditRecords:
    """Implements the AuditRecords port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def user_ids(self) -> list[UUID]:
        """All users that have a fund."""
        found = await self._connection.execute(
            select(tables.funds.c.user_id).order_by(tables.funds.c.user_id)
        )
        return list(found.scalars())

    async def events(self, user_id: UUID) -> AsyncIterator[Event]:
        """A user's log from its first event."""
        c = tables.events.c
        statement = select(tables.events).where(c.user_id == user_id).order_by(c.sequence)
        async with self._connection.stream(statement) as found:
            async for row in found.mappings():
                yield rows.from_row(Event, row)

    async def transfers(self, user_id: UUID) -> AsyncIterator[AuditedTransfer]:
        """A user's transfers with their entries, as they stand."""
        transfer, entry = tables.transfers, tables.ledger_entries
        statement = (
            select(transfer, entry.c.account, entry.c.currency, entry.c.amount)
            # What rounds to nothing is a transfer without a line.
            .outerjoin(entry, entry.c.transfer_id == transfer.c.id)
            .where(transfer.c.user_id == user_id)
            .order_by(transfer.c.id, entry.c.line)
        )
        found = (await self._connection.execute(statement)).mappings()
        for transfer_id, lines in groupby(found, key=lambda row: row["id"]):
            yield _transfer(transfer_id, list(lines))

    async def orders(self, user_id: UUID) -> list[AuditedOrder]:
        """All orders of a user with their executions, oldest first."""
        fills: defaultdict[UUID, list[Fill]] = defaultdict(list)
        c = tables.fills.c
        executed = await self._connection.execute(
            select(tables.fills).where(c.user_id == user_id).order_by(c.filled_at, c.venue_trade_id)
        )
        for row in executed.mappings():
            fills[row["order_id"]].append(rows.from_row(Fill, row))
        o = tables.orders.c
        found = await self._connection.execute(
            select(tables.orders).where(o.user_id == user_id).order_by(o.created_at, o.id)
        )
        return [
            AuditedOrder(rows.order_of(row, set()), tuple(fills[row["id"]]))
            for row in found.mappings()
        ]

    async def positions(self, user_id: UUID) -> list[Position]:
        """All positions of a user, oldest first."""
        c = tables.positions.c
        found = await self._connection.execute(
            select(tables.positions).where(c.user_id == user_id).order_by(c.opened_at, c.id)
        )
        return [rows.position_of(row) for row in found.mappings()]


def _transfer(transfer_id: UUID, lines: list[Any]) -> AuditedTransfer:
    first = lines[0]
    return AuditedTransfer(
        id=transfer_id,
        strategy_id=first["strategy_id"],
        at=first["at"],
        reason=first["reason"],
        entries=tuple(
            rows.from_row(LedgerEntry, line) for line in lines if line["account"] is not None
        ),
    )
