"""Candles into ClickHouse in bulk, in columns from the file to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa

from hedgerow.domain.market import Exchange
from hedgerow.infrastructure.clickhouse.amounts import same_word
from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.usecases.candle_sets import CandleColumns

# Half a year of 1m candles: large enough that what an insert costs by itself does not matter.
AT_ONCE: Final = 262_144


class ClickHouseCandleIntake:
    """The port CandleIntake: `market_data_kline`."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def add(
        self, exchange: Exchange, candles: CandleColumns, show: Callable[[int], None]
    ) -> None:
        """Store checked candles; a candle stored twice is one candle, the later one wins.

        `show` is told how many of them are stored. Whoever is stopped in the middle begins anew.
        """
        rows = pa.table(candles.rows)
        for begin in range(0, candles.count, AT_ONCE):
            part = rows.slice(begin, AT_ONCE)
            await self._clickhouse.insert("market_data_kline", _stored(exchange, candles, part))
            show(begin + part.num_rows)


def _stored(exchange: Exchange, candles: CandleColumns, part: pa.Table) -> pa.Table:
    count = part.num_rows
    return pa.table(
        {
            "timestamp": part.column("open_time").cast(pa.timestamp("ms", "UTC")),
            "symbol": same_word(candles.symbol, count),
            "exchange": same_word(exchange.value, count),
            "timeframe": same_word(candles.timeframe.value, count),
        }
        | {name: part.column(name) for name in ("open", "high", "low", "close", "volume")}
    )
