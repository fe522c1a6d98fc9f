"""What every store of ticks, order books, trades and derivatives must do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from clickhouse_engines import ENGINES, opened
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange
from hedgerow.domain.market_data import (
    BookLevel,
    DerivativesReading,
    MarketTrade,
    OrderBookSnapshot,
    Tick,
)
from hedgerow.domain.orders import OrderSide
from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.infrastructure.clickhouse.market_stores import (
    ClickHouseDerivativesStore,
    ClickHouseMarketTradeStore,
    ClickHouseOrderBookStore,
    ClickHouseTickStore,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SHIB = "SHIB/USDT"
FINE = Decimal("0.000000000000000001")
LARGE = Decimal("99999999999999999999")


@pytest.fixture(params=ENGINES)
async def clickhouse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClickHouse]:
    async with opened(request.param, tmp_path / "clickhouse") as found:
        yield found


def tick(at: int, price: Decimal = FINE) -> Tick:
    return Tick(SHIB, START + at * TICK, price, price, LARGE)


def book(at: int, *bids: str) -> OrderBookSnapshot:
    levels = tuple(BookLevel(Decimal(bid), LARGE) for bid in bids)
    return OrderBookSnapshot(SHIB, START + at * TICK, levels, (BookLevel(Decimal(9), FINE),))


def trade(at: int, trade_id: str, quantity: Decimal = LARGE) -> MarketTrade:
    return MarketTrade(SHIB, START + at * TICK, trade_id, OrderSide.SELL, FINE, quantity)


def reading(at: int, funding: Decimal = -FINE) -> DerivativesReading:
    return DerivativesReading(SHIB, START + at * TICK, funding, LARGE)


async def test_ticks_come_back_exactly_once_and_in_order(clickhouse: ClickHouse) -> None:
    store = ClickHouseTickStore(clickhouse)
    await store.save(Exchange.OKX, [tick(2), tick(0), tick(1)])
    await store.save(Exchange.OKX, [tick(1), tick(3), tick(1)])
    await store.save(Exchange.GATE, [tick(1)])
    await store.save(Exchange.OKX, [])
    found = await store.read(Exchange.OKX, SHIB, START, START + 3 * TICK)
    assert found == [tick(0), tick(1), tick(2)]


async def test_the_order_book_is_the_last_one_known(clickhouse: ClickHouse) -> None:
    store = ClickHouseOrderBookStore(clickhouse)
    await store.save(Exchange.OKX, [book(0), book(5, "2", "1.5"), book(9, "3")])
    await store.save(Exchange.OKX, [])
    assert await store.at(Exchange.OKX, SHIB, START + 8 * TICK) == book(5, "2", "1.5")
    assert await store.at(Exchange.OKX, SHIB, START) == book(0)
    assert await store.at(Exchange.OKX, SHIB, START - TICK) is None


async def test_trades_are_told_apart_by_their_ids(clickhouse: ClickHouse) -> None:
    store = ClickHouseMarketTradeStore(clickhouse)
    await store.save(Exchange.OKX, [trade(1, "b"), trade(1, "a"), trade(0, "c")])
    await store.save(Exchange.OKX, [trade(1, "a")])
    await store.save(Exchange.OKX, [])
    found = await store.read(Exchange.OKX, SHIB, START, START + 2 * TICK)
    assert found == [trade(0, "c"), trade(1, "a"), trade(1, "b")]


async def test_readings_come_back_exactly_once_and_in_order(clickhouse: ClickHouse) -> None:
    store = ClickHouseDerivativesStore(clickhouse)
    await store.save(Exchange.OKX, [reading(2), reading(0), reading(1)])
    await store.save(Exchange.OKX, [reading(1), reading(3)])
    await store.save(Exchange.GATE, [reading(1)])
    await store.save(Exchange.OKX, [])
    found = await store.read(Exchange.OKX, SHIB, START, START + 3 * TICK)
    assert found == [reading(0), reading(1), reading(2)]


async def test_what_cannot_be_kept_exactly_is_refused_by_name(clickhouse: ClickHouse) -> None:
    too_fine = FINE / 10
    where = "SHIB/USDT 2024-01-01T00:00:00.000001"
    with pytest.raises(InputRefused, match=where):
        await ClickHouseTickStore(clickhouse).save(Exchange.OKX, [tick(0), tick(1, too_fine)])
    snapshot = book(1, "1E+20")
    with pytest.raises(InputRefused, match=where):
        await ClickHouseOrderBookStore(clickhouse).save(Exchange.OKX, [book(0), snapshot])
    trades = [trade(0, "a"), trade(1, "b", LARGE + 1)]
    with pytest.raises(InputRefused, match=where):
        await ClickHouseMarketTradeStore(clickhouse).save(Exchange.OKX, trades)
    readings = [reading(0), reading(1, too_fine)]
    with pytest.raises(InputRefused, match=where):
        await ClickHouseDerivativesStore(clickhouse).save(Exchange.OKX, readings)
    assert await ClickHouseTickStore(clickhouse).read(Exchange.OKX, SHIB, START, START + TICK) == []
