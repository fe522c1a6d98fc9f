"""Candles made of 1m candles, read from the tables that materialised views keep."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.clickhouse.client import ClickHouse, moment

# A row of these tables is exact where every minute was stored once: see the migration.
_KEPT: Final = """
SELECT
    symbol,
    timestamp,
    toString(argMinMerge(rolled.open)) AS open,
    toString(max(rolled.high)) AS high,
    toString(min(rolled.low)) AS low,
    toString(argMaxMerge(rolled.close)) AS close,
    toString(sum(rolled.volume)) AS volume,
    sum(rolled.stored) = groupBitmapMerge(rolled.minutes) AS is_exact
FROM market_data_kline_{span} AS rolled
WHERE symbol IN {{symbols:Array(String)}}
    AND exchange = {{exchange:String}}
    AND timestamp >= {{start:DateTime64(6, 'UTC')}}
    AND timestamp < {{end:DateTime64(6, 'UTC')}}
GROUP BY symbol, timestamp
HAVING groupBitmapMerge(rolled.minutes) = {{minutes:UInt16}}
"""
_MADE_ANEW: Final = """
SELECT
    symbol,
    bucket AS timestamp,
    toString(argMin(part.open, part.timestamp)) AS open,
    toString(max(part.high)) AS high,
    toString(min(part.low)) AS low,
    toString(argMax(part.close, part.timestamp)) AS close,
    toString(sum(part.volume)) AS volume
FROM (
    SELECT
        *,
        toDateTime64(toStartOfInterval(timestamp, toIntervalSecond({seconds:UInt32})), 3, 'UTC')
            AS bucket
    FROM market_data_kline FINAL
    WHERE symbol IN {symbols:Array(String)}
        AND exchange = {exchange:String}
        AND timeframe = '1m'
        AND timestamp >= {start:DateTime64(6, 'UTC')}
        AND timestamp < {end:DateTime64(6, 'UTC')}
) AS part
WHERE (symbol, bucket) IN
    (SELECT arrayJoin(arrayZip(
        {of:Array(String)},
        arrayMap(text -> toDateTime64(text, 3, 'UTC'), {at:Array(String)}))) AS each)
GROUP BY symbol, bucket
"""
_COLUMNS: Final = ["symbol", "timestamp", "open", "high", "low", "close", "volume"]


async def read_rolled_up(
    clickhouse: ClickHouse,
    exchange: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    start: datetime,
    end: datetime,
) -> pa.Table:
    """Complete candles of `timeframe` (longer than 1m) in no order, amounts as text."""
    assert timeframe is not Timeframe.M1, "1m candles are stored, not made"
    kept = await clickhouse.query(
        _KEPT.format(span=timeframe.value),
        symbols=symbols,
        exchange=exchange,
        start=moment(start),
        end=moment(end),
        minutes=str(timeframe.duration // timedelta(minutes=1)),
    )
    exact = pc.equal(kept.column("is_exact"), 1)
    good = kept.filter(exact).select(_COLUMNS)
    repeated = kept.filter(pc.invert(exact))
    if not repeated.num_rows:
        return good
    anew = await _made_anew(clickhouse, exchange, symbols, timeframe, repeated)
    return pa.concat_tables([good, anew.select(_COLUMNS)])


async def _made_anew(
    clickhouse: ClickHouse,
    exchange: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    repeated: pa.Table,
) -> pa.Table:
    """The candles of `repeated`, of which some minute was stored twice, from the 1m candles."""
    opened = repeated.column("timestamp").to_pylist()
    return await clickhouse.query(
        _MADE_ANEW,
        symbols=symbols,
        exchange=exchange,
        seconds=str(int(timeframe.duration.total_seconds())),
        start=moment(min(opened)),
        end=moment(max(opened) + timeframe.duration),
        of=repeated.column("symbol").to_pylist(),
        at=[moment(time)[:-3] for time in opened],
    )
