"""What is told of markets was known at the moment asked about, however it is read and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.market_data import (
    BookLevel,
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.domain.orders import OrderSide
from hedgerow.usecases.candle_series import series_of
from hedgerow.usecases.market_records import StoredMarket
from market_builders import BEGIN, random_market
from market_shelves import Shelves

BTC, ETH = "BTC/USDT", "ETH/USDT"
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
FOREVER = BEGIN + timedelta(days=3650)
ONE = Decimal(1)
LEVEL = (BookLevel(ONE, ONE),)


def candles(*hours: int, timeframe: Timeframe = Timeframe.H1) -> list[Candle]:
    whole = random_market(max(hours) + 1, seed=1, timeframe=timeframe)
    return [whole[hour] for hour in hours]


def news(hour: float, *symbols: str) -> NewsItem:
    at = BEGIN + hour * HOUR
    return NewsItem(f"{hour:09.3f}", "s", "t", "", "", symbols, at, at)


def shelves_with(hours: Sequence[int] = range(200)) -> Shelves:
    shelves = Shelves()
    asyncio.run(shelves.candles.save(Exchange.OKX, candles(*hours)))
    return shelves


def fill(shelves: Shelves, hours: Sequence[float]) -> None:
    """Everything but candles, at these hours."""
    for hour in sorted(set(hours)):
        at = BEGIN + hour * HOUR
        shelves.books.rows.append(OrderBookSnapshot(BTC, at, LEVEL, LEVEL))
        shelves.trades.rows.append(MarketTrade(BTC, at, "1", OrderSide.BUY, ONE, ONE))
        shelves.derivatives.rows.append(DerivativesReading(BTC, at, ONE, ONE))
        shelves.news.rows.append(news(hour, *([BTC] if hour % 2 else [])))


async def everything(market: StoredMarket, as_of: datetime, count: int, reach: timedelta) -> object:
    start = as_of - reach
    return (
        [await market.candles(BTC, each, count, as_of) for each in (Timeframe.H1, Timeframe.H4)],
        await market.order_book(BTC, as_of),
        list(await market.trades(BTC, start, as_of)),
        list(await market.derivatives(BTC, start, as_of)),
        list(await market.news(BTC, start, as_of, count)),
    )


MOMENTS = st.lists(
    st.tuples(
        st.integers(0, 400 * 60), st.integers(1, 30), st.sampled_from([1, 24, 24 * 9, 24 * 90])
    ),
    min_size=1,
    max_size=12,
)
HOURS = st.frozensets(st.integers(0, 300), min_size=1, max_size=250)


class TestStoredMarket:
    @settings(max_examples=60, deadline=None)
    @given(hours=HOURS, others=st.frozensets(st.integers(0, 300), max_size=60), moments=MOMENTS)
    def test_what_is_kept_in_memory_tells_the_same_as_what_is_stored(
        self,
        hours: frozenset[int],
        others: frozenset[int],
        moments: list[tuple[int, int, int]],
    ) -> None:
        """Forwards, backwards, and over gaps; by whatever was asked before."""
        shelves = shelves_with(sorted(hours))
        fill(shelves, [hour + 0.5 for hour in others])

        async def compare() -> None:
            kept = StoredMarket(Exchange.OKX, shelves.stores(), FOREVER)
            for minute, count, reach in moments:
                as_of = BEGIN + timedelta(minutes=minute)
                plain = StoredMarket(Exchange.OKX, shelves.stores())
                expected = await everything(plain, as_of, count, reach * HOUR)
                assert await everything(kept, as_of, count, reach * HOUR) == expected

        asyncio.run(compare())

    @settings(max_examples=60, deadline=None)
    @given(hours=HOURS, minute=st.integers(0, 400 * 60), count=st.integers(1, 30))
    def test_candles_are_the_last_that_had_closed(
        self, hours: frozenset[int], minute: int, count: int
    ) -> None:
        shelves = shelves_with(sorted(hours))
        as_of = BEGIN + timedelta(minutes=minute)
        market = StoredMarket(Exchange.OKX, shelves.stores(), FOREVER)
        found = asyncio.run(market.candles(BTC, Timeframe.H1, count, as_of))
        closed = [
            candle
            for candle in candles(*sorted(hours))
            if as_of - 2 * count * HOUR <= candle.close_time <= as_of
        ]
        assert list(found) == closed[-count:]

    async def test_each_kind_is_told_up_to_its_moment(self) -> None:
        shelves = Shelves()
        fill(shelves, [1.0, 2.0, 3.0])
        market = StoredMarket(Exchange.OKX, shelves.stores())
        at = BEGIN + 2 * HOUR
        for as_of, last in ((at, 2), (at - TICK, 1)):
            book = await market.order_book(BTC, as_of)
            assert book is not None
            assert book.at == BEGIN + last * HOUR
            trades = await market.trades(BTC, BEGIN + HOUR, as_of)
            assert [each.at for each in trades] == [BEGIN + n * HOUR for n in range(1, last + 1)]
            readings = await market.derivatives(BTC, BEGIN + HOUR, as_of)
            assert [each.at for each in readings] == [each.at for each in trades]
            known = await market.news(BTC, BEGIN + HOUR, as_of, 9)
            assert [each.known_at for each in known] == [each.at for each in reversed(trades)]
        assert await market.trades(BTC, BEGIN + HOUR + TICK, BEGIN + HOUR + TICK) == []

    async def test_an_order_book_older_than_an_hour_is_none(self) -> None:
        shelves = Shelves()
        fill(shelves, [1.0])
        market = StoredMarket(Exchange.OKX, shelves.stores(), FOREVER)
        assert await market.order_book(BTC, BEGIN + 2 * HOUR) is not None
        assert await market.order_book(BTC, BEGIN + 2 * HOUR + TICK) is None
        assert await market.order_book(ETH, BEGIN + HOUR) is None

    async def test_news_is_about_the_symbol_or_about_all(self) -> None:
        shelves = Shelves()
        shelves.news.rows += [news(1, BTC), news(2, ETH), news(3), news(4, ETH, BTC)]
        market = StoredMarket(Exchange.OKX, shelves.stores(), FOREVER)
        found = await market.news(BTC, BEGIN, BEGIN + 9 * HOUR, 2)
        assert found == [news(4, ETH, BTC), news(3)]

    async def test_what_is_stored_late_is_told_where_nothing_is_settled(self) -> None:
        shelves = Shelves()
        market = StoredMarket(Exchange.OKX, shelves.stores(), settled_until=BEGIN)
        as_of = BEGIN + HOUR
        assert await market.candles(BTC, Timeframe.H1, 5, as_of) == []
        await shelves.candles.save(Exchange.OKX, candles(0))
        assert await market.candles(BTC, Timeframe.H1, 5, as_of) == candles(0)

    async def test_a_stretch_is_read_once(self) -> None:
        shelves = Shelves()
        await shelves.candles.save(Exchange.OKX, candles(*range(3000)))
        fill(shelves, [0.0, 2999.0])
        market = StoredMarket(Exchange.OKX, shelves.stores(), BEGIN + 3000 * HOUR)
        for hour in range(200, 3000):
            as_of = BEGIN + hour * HOUR
            assert len(await market.candles(BTC, Timeframe.H1, 200, as_of)) == 200
            await market.derivatives(BTC, as_of - 24 * HOUR, as_of)
            await market.news(BTC, as_of - 24 * HOUR, as_of, 9)
            await market.order_book(ETH, as_of)
        assert len(shelves.candles.reads) <= 8
        assert shelves.derivatives.reads <= 5
        assert shelves.news.reads <= 20
        assert shelves.books.reads == 1

    async def test_many_who_ask_at_once_do_not_get_into_each_others_way(self) -> None:
        shelves = Shelves()
        await shelves.candles.save(Exchange.OKX, candles(*range(2000)))
        market = StoredMarket(Exchange.OKX, shelves.stores(), FOREVER)
        hours = [1500, 40, 700, 1999, 41, 1501]
        found = await asyncio.gather(
            *(market.candles(BTC, Timeframe.H1, 3, BEGIN + hour * HOUR) for hour in hours)
        )
        assert [each[-1].close_time for each in found] == [BEGIN + hour * HOUR for hour in hours]


class TestCandlesThatAreMade:
    async def test_stored_ones_go_before_those_of_1m_and_these_before_shorter_ones(self) -> None:
        shelves = Shelves()
        hourly = candles(*range(16))
        of_hours = list(series_of(hourly).rolled_up(Timeframe.H4))
        other = random_market(8, seed=2, timeframe=Timeframe.H4)
        await shelves.candles.save(Exchange.OKX, [*hourly, other[1]])
        shelves.candles.made = [other[1], other[2]]
        market = StoredMarket(Exchange.OKX, shelves.stores())
        found = await market.candles(BTC, Timeframe.H4, 9, BEGIN + 17 * HOUR)
        assert found == [of_hours[0], other[1], other[2], of_hours[3]]

    async def test_one_that_misses_a_part_is_none(self) -> None:
        shelves = Shelves()
        await shelves.candles.save(Exchange.OKX, candles(*range(5), *range(6, 11)))
        market = StoredMarket(Exchange.OKX, shelves.stores())
        found = await market.candles(BTC, Timeframe.H4, 9, BEGIN + 50 * HOUR)
        assert [each.open_time for each in found] == [BEGIN]

    async def test_1m_candles_are_made_of_nothing(self) -> None:
        shelves = Shelves()
        minutes = candles(*range(9), timeframe=Timeframe.M1)
        await shelves.candles.save(Exchange.OKX, minutes)
        market = StoredMarket(Exchange.OKX, shelves.stores())
        as_of = BEGIN + timedelta(minutes=5)
        assert await market.candles(BTC, Timeframe.M1, 3, as_of) == minutes[2:5]
        assert await market.candles(ETH, Timeframe.M1, 3, as_of) == []
