"""Stored candles as a Parquet file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.infrastructure.clickhouse.client import ClickHouse

# A month of 1m candles is 45,000 rows: parts of this size keep memory small.
_MONTHS: Final = """
SELECT DISTINCT toString(toYYYYMM(timestamp)) AS month
FROM market_data_kline
WHERE symbol = {symbol:String} AND exchange = {exchange:String} AND timeframe = {timeframe:String}
ORDER BY month
"""
_MONTH: Final = """
SELECT timestamp AS open_time, symbol, exchange, timeframe, open, high, low, close, volume
FROM market_data_kline FINAL
WHERE symbol = {symbol:String}
    AND exchange = {exchange:String}
    AND timeframe = {timeframe:String}
    AND toYYYYMM(timestamp) = {month:UInt32}
ORDER BY open_time
"""


class ClickHouseCandleExport:
    """The port CandleExport: exact decimals, times in UTC, one row group a month."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def write(
        self,
        path: Path,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        show: Callable[[str, int], None],
    ) -> int:
        """Write the candles of `symbols`, one symbol after the other; returns how many.

        The file is there whole or not at all. `show` is told the symbol and how many candles are
        written. Raises InputRefused for a symbol without candles and a file that cannot be written.
        """
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            count = await self._write(partial, exchange, symbols, timeframe, show)
            partial.replace(path)
        except OSError as error:
            what = f"cannot be written: {error.strerror or error}"
            raise InputRefused(what, str(path), "name another file") from error
        finally:
            partial.unlink(missing_ok=True)
        return count

    async def _write(
        self,
        path: Path,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        show: Callable[[str, int], None],
    ) -> int:
        count = 0
        writer: parquet.ParquetWriter | None = None
        try:
            for symbol in symbols:
                for month in await self._months(exchange, symbol, timeframe):
                    rows = await self._month(exchange, symbol, timeframe, month)
                    writer = writer or parquet.ParquetWriter(path, rows.schema, compression="zstd")
                    writer.write_table(rows)
                    count += rows.num_rows
                    show(symbol, count)
        finally:
            if writer is not None:
                writer.close()
        return count

    async def _months(self, exchange: Exchange, symbol: str, timeframe: Timeframe) -> list[str]:
        rows = await self._clickhouse.query(
            _MONTHS, symbol=symbol, exchange=exchange.value, timeframe=timeframe.value
        )
        months: list[str] = rows.column("month").to_pylist()
        if not months:
            raise InputRefused(
                what=f"no {timeframe} candles of {symbol} on {exchange} are stored",
                where="--symbols",
                fix="store some with `hedgerow candles import DIR`, or name other symbols",
            )
        return months

    async def _month(
        self, exchange: Exchange, symbol: str, timeframe: Timeframe, month: str
    ) -> pa.Table:
        return await self._clickhouse.query(
            _MONTH,
            symbol=symbol,
            exchange=exchange.value,
            timeframe=timeframe.value,
            month=month,
        )
