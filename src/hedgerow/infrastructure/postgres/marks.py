"""The prices that open positions were last marked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.domain.market import Exchange
from hedgerow.domain.positions import PositionStatus
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.ports.shared_state import LastMarks, PricePoint
from hedgerow.usecases.ports.unit_of_work import SYSTEM


def last_marks_in(engine: AsyncEngine) -> LastMarks:
    """Reads the latest mark of each symbol among the open positions on an exchange."""
    positions, accounts = tables.positions, tables.exchange_accounts

    async def read(exchange: Exchange, symbols: Sequence[str]) -> Mapping[str, PricePoint]:
        statement = (
            select(positions.c.symbol, positions.c.current_price, positions.c.updated_at)
            .join(accounts, accounts.c.id == positions.c.exchange_account_id)
            .where(
                accounts.c.exchange == exchange,
                positions.c.symbol.in_(symbols),
                positions.c.status == PositionStatus.OPEN,
            )
            .ext(distinct_on(positions.c.symbol))
            .order_by(positions.c.symbol, positions.c.updated_at.desc())
        )
        async with engine.connect() as connection:
            await act_as(connection, SYSTEM)
            return {row[0]: PricePoint(*row) for row in await connection.execute(statement)}

    return read
