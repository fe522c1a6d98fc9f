"""How fast market data is stored in the embedded ClickHouse, and rolled up.

Run it as `python -m benchmarks.clickhouse`, with `--json` for JSON and `--runs N` for the median of
several. Every figure is measured with all materialised views in place, on an empty folder, and once
more with ten times the rows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benchmarks.machine import machine
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.market_data import Tick
from hedgerow.infrastructure.candle_files import read_candle_columns
from hedgerow.infrastructure.clickhouse.amounts import MONEY
from hedgerow.infrastructure.clickhouse.candle_intake import ClickHouseCandleIntake
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.market_stores import ClickHouseTickStore
from hedgerow.infrastructure.clickhouse.migrate import migrate
from hedgerow.infrastructure.clickhouse.roll_ups import read_rolled_up
from hedgerow.usecases.candle_sets import CandleColumns
from hedgerow.usecases.keep_candles import store_candles

START: Final = datetime(2024, 1, 1, tzinfo=UTC)
YEAR: Final = timedelta(days=365)
MINUTES: Final = YEAR // timedelta(minutes=1)
OBJECTS: Final = 200_000
AT_ONCE: Final = 50_000
ROLL_UPS: Final = 9
SYMBOL: Final = "S0/USDT"
MADE_OF_1M: Final = """
SELECT toStartOfHour(timestamp) AS opened, argMin(k.open, timestamp), max(k.high), min(k.low),
    argMax(k.close, timestamp), sum(k.volume)
FROM market_data_kline AS k FINAL
WHERE symbol = 'S0/USDT' AND exchange = 'binance' AND timeframe = '1m'
GROUP BY opened ORDER BY opened
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--runs", type=int, default=1, help="how often (the median is shown)")
    arguments = parser.parse_args()
    runs = [asyncio.run(measure()) for _ in range(arguments.runs)]
    result: dict[str, Any] = {
        name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]
    }
    result["machine"] = machine()
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, figure in result.items():
        print(f"{name}: {figure}")


async def measure() -> dict[str, float]:
    """All figures, on a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-"))
    try:
        files = folder / "files"
        files.mkdir()
        async with EmbeddedClickHouse(folder / "clickhouse") as clickhouse:
            await migrate(clickhouse)
            objects = await _objects(clickhouse)
            once = await _year(clickhouse, range(1), "")
            more = await _year(clickhouse, range(1, 10), "_at_10x")
            return objects | once | more | await _import(clickhouse, files)
    finally:
        shutil.rmtree(folder)


async def _year(clickhouse: EmbeddedClickHouse, symbols: range, suffix: str) -> dict[str, float]:
    """A year of 1m candles for each of `symbols`, stored; then one of all rolled up to 1h."""
    intake = ClickHouseCandleIntake(clickhouse)
    columns = [_columns(f"S{number}/USDT") for number in symbols]
    seconds = 0.0
    for each in columns:
        seconds += await _timed(partial(intake.add, Exchange.BINANCE, each, _tell_nobody))
    store = ClickHouseCandleStore(clickhouse)
    span = (Exchange.BINANCE, [SYMBOL], Timeframe.H1, START, START + YEAR)
    by_view, as_objects, by_hand = [], [], []
    for _ in range(ROLL_UPS):
        by_view.append(
            await _timed(
                lambda: read_rolled_up(
                    clickhouse, "binance", [SYMBOL], Timeframe.H1, START, START + YEAR
                )
            )
        )
        as_objects.append(await _timed(lambda: store.read_rolled_up(*span)))
        by_hand.append(await _timed(lambda: clickhouse.query(MADE_OF_1M)))
    assert len(await store.read_rolled_up(*span)) == YEAR // timedelta(hours=1)
    return {
        f"candle_rows_per_s_as_tables{suffix}": len(columns) * MINUTES / seconds,
        f"roll_up_year_1m_to_1h_ms{suffix}": statistics.median(by_view) * 1e3,
        f"roll_up_year_1m_to_1h_as_candles_ms{suffix}": statistics.median(as_objects) * 1e3,
        f"roll_up_year_without_view_ms{suffix}": statistics.median(by_hand) * 1e3,
    }


async def _objects(clickhouse: EmbeddedClickHouse) -> dict[str, float]:
    """Entities as the rest of Hedgerow holds them, in batches as a writer stores them."""
    candles, ticks = _candles(), _ticks()
    candle_store, tick_store = ClickHouseCandleStore(clickhouse), ClickHouseTickStore(clickhouse)
    # the first rows of a process load what converts them
    await candle_store.save(Exchange.GATE, candles[:1])
    candle_seconds = tick_seconds = 0.0
    for begin in range(0, OBJECTS, AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        candle_seconds += await _timed(partial(candle_store.save, Exchange.OKX, candles[part]))
        tick_seconds += await _timed(partial(tick_store.save, Exchange.OKX, ticks[part]))
    return {
        "candle_rows_per_s": OBJECTS / candle_seconds,
        "tick_rows_per_s": OBJECTS / tick_seconds,
    }


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _columns(symbol: str) -> CandleColumns:
    cents = np.random.default_rng(7).integers(4_000_000, 4_500_000, MINUTES)
    prices = {
        name: pa.array(cents + offset).cast(pa.decimal128(38, 0)).cast(MONEY)
        for name, offset in (("open", 0), ("high", 50), ("low", -50), ("close", 10), ("volume", 0))
    }
    opened = np.datetime64("2024-01-01", "us") + np.arange(MINUTES) * np.timedelta64(60, "s")
    rows = pa.table({"open_time": pa.array(opened, pa.timestamp("us", "UTC")), **prices})
    return CandleColumns(symbol, Timeframe.M1, MINUTES, (), rows)


async def _import(clickhouse: EmbeddedClickHouse, folder: Path) -> dict[str, float]:
    """A year of 1m candles from a file, checked and stored as `hedgerow candles import` does."""
    rows = pa.table(_columns("CSV/USDT").rows)
    texts = {name: rows.column(name).cast(pa.float64()) for name in rows.column_names[1:]}
    opened = pc.strftime(rows.column("open_time").cast(pa.timestamp("s", "UTC")), "%FT%TZ")
    csv.write_csv(pa.table({"open_time": opened, **texts}), folder / "CSV_USDT.csv")
    intake = ClickHouseCandleIntake(clickhouse)

    async def read_and_store() -> None:
        columns = read_candle_columns(folder, None, None, allow_gaps=False)
        await store_candles(intake, Exchange.KUCOIN, columns, _tell_nobody)

    return {"candle_rows_per_s_from_csv": MINUTES / await _timed(read_and_store)}


def _tell_nobody(stored: int) -> None:
    """Progress is for people."""


def _candles() -> list[Candle]:
    return [
        Candle(
            symbol="BTC/USDT",
            timeframe=Timeframe.M1,
            open_time=START + timedelta(minutes=at),
            open=Decimal(4_100_000 + at).scaleb(-2),
            high=Decimal(4_100_100 + at).scaleb(-2),
            low=Decimal(4_099_900 + at).scaleb(-2),
            close=Decimal(4_100_050 + at).scaleb(-2),
            volume=Decimal(at).scaleb(-5),
        )
        for at in range(OBJECTS)
    ]


def _ticks() -> list[Tick]:
    return [
        Tick(
            symbol="BTC/USDT",
            at=START + timedelta(milliseconds=at),
            price=Decimal(4_100_000 + at).scaleb(-2),
            bid=Decimal(4_099_999 + at).scaleb(-2),
            ask=Decimal(4_100_001 + at).scaleb(-2),
        )
        for at in range(OBJECTS)
    ]


if __name__ == "__main__":
    main()
