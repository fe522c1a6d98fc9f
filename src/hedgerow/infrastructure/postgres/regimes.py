"""Regime classifications in PostgreSQL, shared by all users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.regimes import MODEL_VERSION, RegimeClassification
from hedgerow.infrastructure.postgres import rows, tables

_TABLE = tables.regime_classifications
_SOURCES = tables.regime_sources


class PostgresRegimes:
    """Implements the Regimes port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, symbol: str, exchange: Exchange) -> Exchange:
        """The exchange that the symbol's regimes are of: `exchange`, unless one was before."""
        await self._connection.execute(
            insert(_SOURCES).values(symbol=symbol, exchange=exchange.value).on_conflict_do_nothing()
        )
        found = select(_SOURCES.c.exchange).where(_SOURCES.c.symbol == symbol)
        return Exchange((await self._connection.execute(found)).scalar_one())

    async def add(self, classifications: Sequence[RegimeClassification]) -> None:
        """Store classifications; one already stored for its time and model stays as it is."""
        if classifications:
            await self._connection.execute(
                insert(_TABLE).on_conflict_do_nothing(),
                [rows.regime_row(classification) for classification in classifications],
            )

    async def at(
        self,
        symbol: str,
        timeframe: Timeframe,
        at: datetime,
        versions: Sequence[str] = (),
    ) -> RegimeClassification | None:
        """The latest classification known at `at`, by one of `versions`, or by any if empty.

        Where several versions judged at that moment, the first of `versions` counts; by any, a
        learned one before the rules.
        """
        c = _TABLE.c
        asked = (
            select(_TABLE)
            .where(c.symbol == symbol, c.timeframe == timeframe, c.timestamp <= at)
            .limit(1)
        )
        if versions:
            place = {version: number for number, version in enumerate(versions)}
            asked = asked.where(c.model_version.in_(versions)).order_by(
                c.timestamp.desc(), case(place, value=c.model_version)
            )
        else:
            asked = asked.order_by(
                c.timestamp.desc(), c.model_version == MODEL_VERSION, c.model_version.desc()
            )
        row = (await self._connection.execute(asked)).mappings().one_or_none()
        return None if row is None else rows.regime_of(row)

    async def between(
        self, symbol: str, timeframe: Timeframe, first: datetime, last: datetime
    ) -> list[RegimeClassification]:
        """The classifications from `first` to `last`, both included, by time and version."""
        c = _TABLE.c
        found = await self._connection.execute(
            select(_TABLE)
            .where(c.symbol == symbol, c.timeframe == timeframe, c.timestamp.between(first, last))
            .order_by(c.timestamp, c.model_version)
        )
        return [rows.regime_of(row) for row in found.mappings()]

    async def latest(self, at: datetime) -> list[RegimeClassification]:
        """The latest one of every symbol, timeframe and version as known at `at`, in that order."""
        c = _TABLE.c
        found = await self._connection.execute(
            select(_TABLE)
            .ext(distinct_on(c.symbol, c.timeframe, c.model_version))
            .where(c.timestamp <= at)
            .order_by(c.symbol, c.timeframe, c.model_version, c.timestamp.desc())
        )
        return [rows.regime_of(row) for row in found.mappings()]
