"""Regime classifications in PostgreSQL, shared by all users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.market import Timeframe
from hedgerow.domain.regimes import RegimeClassification
from hedgerow.infrastructure.postgres import rows, tables

_TABLE = tables.regime_classifications


class PostgresRegimes:
    """Implements the Regimes port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, classifications: Sequence[RegimeClassification]) -> None:
        """Store classifications; one already stored for its time and model stays as it is."""
        if classifications:
            await self._connection.execute(
                insert(_TABLE).on_conflict_do_nothing(),
                [rows.regime_row(classification) for classification in classifications],
            )

    async def at(
        self, symbol: str, timeframe: Timeframe, at: datetime
    ) -> RegimeClassification | None:
        """The latest classification known at `at`."""
        found = await self._connection.execute(
            select(_TABLE)
            .where(
                _TABLE.c.symbol == symbol,
                _TABLE.c.timeframe == timeframe,
                _TABLE.c.timestamp <= at,
            )
            .order_by(_TABLE.c.timestamp.desc())
            .limit(1)
        )
        row = found.mappings().one_or_none()
        return None if row is None else rows.regime_of(row)
