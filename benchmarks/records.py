"""How long a replay waits for what was known of markets, on the embedded ClickHouse.

Run it as `python -m benchmarks.records`, with `--json` for JSON. A year of 1h candles, and funding
and news along with it, is asked candle by candle as a desk does: four timeframes, each twice, and
everything else once. `settled` is a replay, which reads ahead; `looked up` asks the stores each
time, as what is going on now is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from benchmarks.machine import machine
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.market_data import DerivativesReading, NewsItem
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.market_stores import (
    ClickHouseDerivativesStore,
    ClickHouseMarketTradeStore,
    ClickHouseOrderBookStore,
)
from hedgerow.infrastructure.clickhouse.migrate import migrate
from hedgerow.infrastructure.clickhouse.news_store import ClickHouseNewsStore
from hedgerow.usecases.market_records import MarketStores, StoredMarket

START: Final = datetime(2024, 1, 1, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
HOURS: Final = 8760
WARM_UP: Final = 400
LOOKED_UP: Final = 200
SYMBOL: Final = "BTC/USDT"
TIMEFRAMES: Final = (Timeframe.H1, Timeframe.H4, Timeframe.D1, Timeframe.M15)
READS: Final = 2 * len(TIMEFRAMES) + 4


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    result = {**asyncio.run(measure()), "machine": machine()}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, figure in result.items():
        print(f"{name}: {figure}")


async def measure() -> dict[str, float]:
    """Milliseconds a read, over all reads."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-benchmark-") as folder:
        async with EmbeddedClickHouse(Path(folder) / "clickhouse") as clickhouse:
            await migrate(clickhouse)
            stores = MarketStores(
                ClickHouseCandleStore(clickhouse),
                ClickHouseOrderBookStore(clickhouse),
                ClickHouseMarketTradeStore(clickhouse),
                ClickHouseDerivativesStore(clickhouse),
                ClickHouseNewsStore(clickhouse),
            )
            await _fill(stores)
            end = START + HOURS * HOUR
            settled = StoredMarket(Exchange.BINANCE, stores, end)
            plain = StoredMarket(Exchange.BINANCE, stores)
            return {
                "settled_ms_a_read": await _asked(settled, range(WARM_UP, HOURS)),
                "looked_up_ms_a_read": await _asked(plain, range(HOURS - LOOKED_UP, HOURS)),
            }


async def _fill(stores: MarketStores) -> None:
    prices = [Decimal(100 + hour % 7) for hour in range(HOURS)]
    candles = [
        Candle(SYMBOL, Timeframe.H1, START + hour * HOUR, price, price, price, price, price)
        for hour, price in enumerate(prices)
    ]
    await stores.candles.save(Exchange.BINANCE, candles)
    readings = [
        DerivativesReading(SYMBOL, START + hour * HOUR, Decimal("0.0001"), price)
        for hour, price in enumerate(prices)
    ]
    await stores.derivatives.save(Exchange.BINANCE, readings)
    moments = [START + hour * HOUR / 5 for hour in range(5 * HOURS)]
    news = [
        NewsItem(f"{number}", "source", "title " * 10, "summary " * 50, "", (), at, at)
        for number, at in enumerate(moments)
    ]
    for first in range(0, len(news), 10_000):
        await stores.news.save(news[first : first + 10_000])


async def _asked(market: StoredMarket, hours: range) -> float:
    begun = time.perf_counter()
    for hour in hours:
        as_of = START + hour * HOUR
        for timeframe in (*TIMEFRAMES, *TIMEFRAMES):
            await market.candles(SYMBOL, timeframe, 100, as_of)
        await market.order_book(SYMBOL, as_of)
        await market.trades(SYMBOL, as_of - HOUR, as_of)
        await market.derivatives(SYMBOL, as_of - 24 * HOUR, as_of)
        await market.news(SYMBOL, as_of - 24 * HOUR, as_of, 20)
    return round((time.perf_counter() - begun) * 1000 / (len(hours) * READS), 3)


if __name__ == "__main__":
    main()
