"""The port CandleStore on ClickHouse: `market_data_kline` and its roll-ups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import repeat
from typing import Final

import pyarrow as pa

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.infrastructure.clickhouse.amounts import (
    TOO_WIDE,
    amounts,
    fits,
    moments_in,
    same_word,
    times,
    words,
)
from hedgerow.infrastructure.clickhouse.client import ClickHouse, moment
from hedgerow.infrastructure.clickhouse.roll_ups import read_rolled_up

AMOUNTS: Final = ("open", "high", "low", "close", "volume")
# As text a Decimal comes without the zeros it never had, and is read faster.
_READ: Final = """
SELECT
    symbol,
    timestamp,
    toString(market_data_kline.open) AS open,
    toString(market_data_kline.high) AS high,
    toString(market_data_kline.low) AS low,
    toString(market_data_kline.close) AS close,
    toString(market_data_kline.volume) AS volume
FROM market_data_kline FINAL
WHERE symbol IN {symbols:Array(String)}
    AND exchange = {exchange:String}
    AND timeframe = {timeframe:String}
    AND timestamp >= {start:DateTime64(6, 'UTC')}
    AND timestamp < {end:DateTime64(6, 'UTC')}
ORDER BY timestamp, symbol
"""


class ClickHouseCandleStore:
    """Candles in `market_data_kline`, to the last decimal and the millisecond.

    A Candle knows neither its turnover nor its number of trades: `quote_volume` and
    `trades_count` are stored as 0.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def save(self, exchange: Exchange, candles: Sequence[Candle]) -> None:
        """Store candles; a candle stored twice is one candle, the later one wins.

        Raises InputRefused, and stores nothing, where an amount has more than 20 digits before
        or 18 after the point, or a time is finer than a millisecond.
        """
        if candles:
            await self._clickhouse.insert("market_data_kline", _rows(exchange, candles))

    async def read(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        """Candles with `start <= open_time < end`, by open_time and then by symbol."""
        rows = await self._clickhouse.query(
            _READ,
            symbols=symbols,
            exchange=exchange.value,
            timeframe=timeframe.value,
            start=moment(start),
            end=moment(end),
        )
        return candles_in(rows, timeframe)

    async def read_rolled_up(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        """Candles made of all their stored 1m candles; incomplete ones are left out.

        `start <= open_time < end`, by open_time and then by symbol, as of the candles stored last,
        in whatever order and however often they came.
        """
        rows = await read_rolled_up(
            self._clickhouse, exchange.value, symbols, timeframe, start, end
        )
        return sorted(candles_in(rows, timeframe), key=lambda c: (c.open_time, c.symbol))


def require_storable(candle: Candle) -> None:
    """Raise InputRefused for a candle that cannot be kept exactly."""
    where = f"{candle.symbol} {candle.timeframe} {candle.open_time.isoformat()}"
    for name in AMOUNTS:
        amount: Decimal = getattr(candle, name)
        if not fits(amount):
            fix = "leave this symbol out, or quote it in a larger or smaller unit"
            raise InputRefused(what=f"{name} {amount} {TOO_WIDE}", where=where, fix=fix)
    if not _is_storable_time(candle.open_time):
        raise InputRefused(
            what="open_time is not a whole millisecond in UTC",
            where=where,
            fix="give the time at which the candle opens, with its time zone",
        )


def candles_in(rows: pa.Table, timeframe: Timeframe) -> list[Candle]:
    """The candles of an answer, amounts as text."""
    numbers = [map(Decimal, rows.column(name).to_pylist()) for name in AMOUNTS]
    symbols = rows.column("symbol").to_pylist()
    return list(
        map(Candle, symbols, repeat(timeframe), moments_in(rows.column("timestamp")), *numbers)
    )


def _rows(exchange: Exchange, candles: Sequence[Candle]) -> pa.Table:
    if not all(_is_storable_time(candle.open_time) for candle in candles):
        raise _refusal(candles)
    latest = list({(c.symbol, c.timeframe, c.open_time): c for c in candles}.values())
    try:
        columns = {name: amounts(getattr(c, name) for c in latest) for name in AMOUNTS}
    except pa.ArrowInvalid as error:
        raise _refusal(candles) from error
    return pa.table(
        {
            "timestamp": times((candle.open_time for candle in latest), "ms"),
            "symbol": words([candle.symbol for candle in latest]),
            "exchange": same_word(exchange.value, len(latest)),
            "timeframe": words([candle.timeframe for candle in latest]),
            **columns,
        }
    )


def _refusal(candles: Iterable[Candle]) -> InputRefused:
    """Which candle it was: Arrow does not tell."""
    for candle in candles:
        try:
            require_storable(candle)
        except InputRefused as refusal:
            return refusal
    raise AssertionError("a column was refused, and no candle is to blame")


def _is_storable_time(time: datetime) -> bool:
    return time.tzinfo is not None and time.microsecond % 1000 == 0


async def forget_candles(clickhouse: ClickHouse) -> None:
    """Empty the candles and what is rolled up from them; nothing else is touched."""
    found = await clickhouse.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND name LIKE 'market_data_kline%' AND engine NOT LIKE '%View'"
    )
    for name in found.column("name").to_pylist():
        await clickhouse.execute(f"TRUNCATE TABLE {name}")
