"""The port CandleStore on ClickHouse: table `market_data_kline`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Exchange, Timeframe, split_symbol
from hedgerow.infrastructure.clickhouse.engine import ClickHouseEngine

MONEY = pa.decimal128(18, 8)
AMOUNTS = ("open", "high", "low", "close", "volume")
_AMOUNT_BOUND = Decimal(10) ** 10
_AMOUNT_QUANTUM = Decimal("0.00000001")
_READ = """
SELECT symbol, timestamp, open, high, low, close, volume
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

    def __init__(self, engine: ClickHouseEngine) -> None:
        self._engine = engine

    async def save(self, exchange: Exchange, candles: Sequence[Candle]) -> None:
        """Store candles; a candle stored twice is one candle, the later one wins.

        Raises InputRefused, and stores nothing, where an amount has more than 10 digits before
        or 8 after the point, or a time is finer than a millisecond.
        """
        for candle in candles:
            _require_storable(candle)
        if candles:
            await self._engine.insert("market_data_kline", _rows(exchange, candles))

    async def read(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        """Candles with `start <= open_time < end`, by open_time and then by symbol."""
        rows = await self._engine.query(
            _READ,
            symbols=_array(symbols),
            exchange=exchange.value,
            timeframe=timeframe.value,
            start=_moment(start),
            end=_moment(end),
        )
        columns = (rows.column(name).to_pylist() for name in ("symbol", "timestamp", *AMOUNTS))
        return [
            Candle(symbol, timeframe, open_time.astimezone(UTC), *amounts)
            for symbol, open_time, *amounts in zip(*columns, strict=True)
        ]


def _require_storable(candle: Candle) -> None:
    where = f"{candle.symbol} {candle.timeframe} {candle.open_time.isoformat()}"
    for name in AMOUNTS:
        amount: Decimal = getattr(candle, name)
        if abs(amount) >= _AMOUNT_BOUND or amount % _AMOUNT_QUANTUM:
            raise InputRefused(
                what=f"{name} {amount} does not fit into 10 digits before and 8 after the point",
                where=where,
                fix="leave this symbol out, or quote it in a larger or smaller unit",
            )
    if candle.open_time.utcoffset() is None or candle.open_time.microsecond % 1000:
        raise InputRefused(
            what="open_time is not a whole millisecond in UTC",
            where=where,
            fix="give the time at which the candle opens, with its time zone",
        )


def _rows(exchange: Exchange, candles: Sequence[Candle]) -> pa.Table:
    amounts = {name: pa.array([getattr(c, name) for c in candles], MONEY) for name in AMOUNTS}
    times = [candle.open_time for candle in candles]
    return pa.table(
        {
            "timestamp": pa.array(times, pa.timestamp("ms", "UTC")),
            "symbol": pa.array([candle.symbol for candle in candles], pa.string()),
            "exchange": pa.array([exchange.value] * len(candles), pa.string()),
            "timeframe": pa.array([c.timeframe.value for c in candles], pa.string()),
            **amounts,
            "quote_volume": pa.array([Decimal(0)] * len(candles), MONEY),
            "trades_count": pa.array([0] * len(candles), pa.uint32()),
        }
    )


def _array(symbols: Sequence[str]) -> str:
    # letters and digits around a slash, as split_symbol assures: nothing in them to escape
    parts = [split_symbol(symbol) for symbol in symbols]
    return "[" + ",".join(f"'{base}/{quote}'" for base, quote in parts) + "]"


def _moment(time: datetime) -> str:
    assert time.tzinfo is not None, "a time without zone"
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
