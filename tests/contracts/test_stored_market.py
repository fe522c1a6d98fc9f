"""What was known at a moment stays what it was, whatever is stored of later ones."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from clickhouse_engines import ENGINES, opened
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.market_data import (
    BookLevel,
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.domain.orders import OrderSide
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.infrastructure.clickhouse.market_stores import (
    ClickHouseDerivativesStore,
    ClickHouseMarketTradeStore,
    ClickHouseOrderBookStore,
)
from hedgerow.infrastructure.clickhouse.news_store import ClickHouseNewsStore
from hedgerow.usecases.codec import encode
from hedgerow.usecases.market_records import MarketStores, StoredMarket
from market_builders import BEGIN, random_market

BTC, ETH = "BTC/USDT", "ETH/USDT"
DAY = timedelta(days=1)
SPAN = 12 * DAY
TIMEFRAMES = (Timeframe.M1, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1)


@pytest.fixture(params=ENGINES)
async def clickhouse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClickHouse]:
    async with opened(request.param, tmp_path / "clickhouse") as found:
        yield found


def stores_of(clickhouse: ClickHouse) -> MarketStores:
    return MarketStores(
        ClickHouseCandleStore(clickhouse),
        ClickHouseOrderBookStore(clickhouse),
        ClickHouseMarketTradeStore(clickhouse),
        ClickHouseDerivativesStore(clickhouse),
        ClickHouseNewsStore(clickhouse),
    )


async def fill(stores: MarketStores, seed: int, start: datetime, end: datetime) -> None:
    """Rows of every kind that became known from `start` to before `end`, some twice."""
    draw = random.Random(seed)
    for timeframe, share in ((Timeframe.M1, 0.999), (Timeframe.H1, 0.9)):
        count = (end - start) // timeframe.duration
        whole = random_market(count, seed, BTC, timeframe, start)
        kept = [candle for candle in whole if draw.random() < share]
        await stores.candles.save(Exchange.OKX, kept)
        await stores.candles.save(Exchange.GATE, random_market(99, seed, BTC, timeframe, start))
    moments = [start + draw.random() * (end - start) for _ in range(200)]
    amount = Decimal(draw.randrange(1, 10**9)) / 10**6
    sides = (BookLevel(amount, amount),) * 2
    await stores.books.save(Exchange.OKX, [OrderBookSnapshot(BTC, at, sides, ()) for at in moments])
    await stores.trades.save(
        Exchange.OKX,
        [MarketTrade(BTC, at, f"{at}", OrderSide.BUY, amount, amount) for at in moments],
    )
    readings = [DerivativesReading(BTC, at, amount, amount) for at in moments]
    await stores.derivatives.save(Exchange.OKX, readings)
    about = [(), (BTC,), (ETH,), (BTC, ETH)]
    await stores.news.save(
        [
            # an id of before comes back, changed
            NewsItem(f"{n}", "s", f"{seed}", "", "", draw.choice(about), start, at)
            for n, at in enumerate(moments)
        ]
    )


async def told(market: StoredMarket, moments: Sequence[datetime]) -> list[str]:
    """The SHA-256 of everything that is told as of each moment."""
    hashes = []
    for as_of in moments:
        start = as_of - DAY
        document = [
            *[await market.candles(BTC, each, 50, as_of) for each in TIMEFRAMES],
            await market.order_book(BTC, as_of),
            await market.trades(BTC, start, as_of),
            await market.derivatives(BTC, start, as_of),
            await market.news(BTC, start, as_of, 20),
        ]
        hashes.append(hashlib.sha256(json.dumps(encode(document)).encode()).hexdigest())
    return hashes


async def test_what_becomes_known_later_changes_nothing(clickhouse: ClickHouse) -> None:
    stores = stores_of(clickhouse)
    now = BEGIN + SPAN
    await fill(stores, 1, BEGIN, now)
    draw = random.Random(3)
    minutes = [draw.randrange(SPAN // timedelta(minutes=1)) for _ in range(4)]
    moments = [BEGIN + timedelta(minutes=minute) for minute in minutes]
    moments += [at + timedelta(microseconds=draw.randrange(10**8)) for at in moments] + [now]
    kept = StoredMarket(Exchange.OKX, stores, now)
    before = await told(StoredMarket(Exchange.OKX, stores), moments)
    assert len(set(before)) > len(moments) // 2
    assert await told(kept, moments) == before

    await fill(stores, 2, now, now + SPAN)
    draw.shuffle(moments)
    again = dict(zip(moments, await told(StoredMarket(Exchange.OKX, stores), moments), strict=True))
    assert [again[at] for at in moments] == await told(kept, moments)
    assert sorted(again.values()) == sorted(before)


async def test_what_is_told_reaches_up_to_the_moment(clickhouse: ClickHouse) -> None:
    stores = stores_of(clickhouse)
    await fill(stores, 1, BEGIN, BEGIN + SPAN)
    as_of = BEGIN + SPAN / 2
    market = StoredMarket(Exchange.OKX, stores, BEGIN + SPAN)
    for timeframe in TIMEFRAMES[:2]:
        last = (await market.candles(BTC, timeframe, 5, as_of))[-1]
        assert as_of - 3 * timeframe.duration < last.close_time <= as_of
    trades = await market.trades(BTC, BEGIN, as_of)
    assert 50 < len(trades) < 150
    assert trades[-1].at <= as_of
    news = await market.news(BTC, BEGIN, as_of, 1000)
    assert {each.symbols for each in news} == {(), (BTC,), (BTC, ETH)}
    assert [each.known_at for each in news] == sorted(
        (each.known_at for each in news), reverse=True
    )
