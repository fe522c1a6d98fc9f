"""Where market data is kept."""

from __future__ import annotations

from collections.abc import (
    Sequence,
)
from datetime import datetime
from typing import Protocol

from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.market_data import (
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
    Tick,
)


class CandleStore(Protocol):
    """Closed candles of all exchanges (ClickHouse, table `market_data_kline`)."""

    async def save(self, exchange: Exchange, candles: Sequence[Candle]) -> None:
        """Store candles; a candle stored twice is one candle, the later one wins."""
        ...

    async def read(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        """Candles with `start <= open_time < end`, by open_time and then by symbol."""
        ...


class RolledUpCandles(Protocol):
    """Longer candles made of stored 1m candles."""

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
        ...


class TickStore(Protocol):
    """Ticks of all exchanges (ClickHouse, table `market_data_tick`)."""

    async def save(self, exchange: Exchange, ticks: Sequence[Tick]) -> None:
        """Store ticks; a tick stored twice is one tick."""
        ...

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[Tick]:
        """Ticks with `start <= at < end`, by time."""
        ...


class OrderBookStore(Protocol):
    """Snapshots of order books (ClickHouse, table `market_data_orderbook`)."""

    async def save(self, exchange: Exchange, snapshots: Sequence[OrderBookSnapshot]) -> None:
        """Store snapshots; a snapshot stored twice is one snapshot."""
        ...

    async def at(self, exchange: Exchange, symbol: str, at: datetime) -> OrderBookSnapshot | None:
        """The last snapshot that was known at `at`."""
        ...


class MarketTradeStore(Protocol):
    """Trades of everybody (ClickHouse, table `market_data_trades`)."""

    async def save(self, exchange: Exchange, trades: Sequence[MarketTrade]) -> None:
        """Store trades; a trade stored twice is one trade."""
        ...

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[MarketTrade]:
        """Trades with `start <= at < end`, by time and then by trade id."""
        ...


class DerivativesStore(Protocol):
    """Funding and open interest of futures (ClickHouse, table `market_data_derivatives`)."""

    async def save(self, exchange: Exchange, readings: Sequence[DerivativesReading]) -> None:
        """Store readings; a reading stored twice is one reading."""
        ...

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[DerivativesReading]:
        """Readings with `start <= at < end`, by time."""
        ...


class NewsStore(Protocol):
    """News with the time from which it was known (ClickHouse, table `market_news`)."""

    async def save(self, items: Sequence[NewsItem]) -> list[NewsItem]:
        """Store news, and return what is new; of an item stored twice the earlier known stays."""
        ...

    async def read(
        self, symbol: str | None, start: datetime, as_of: datetime, limit: int
    ) -> list[NewsItem]:
        """The latest news with `start <= known_at <= as_of`, the latest first, at most `limit`.

        That about a symbol, and that about all; everything where `symbol` is None.
        """
        ...


class NewsFeed(Protocol):
    """Where news comes from."""

    async def fetch(self, known_at: datetime) -> list[NewsItem]:
        """What the source carries now, as known from `known_at` on; raises NewsUnavailable.

        Nothing where it says that nothing has changed since it was fetched last.
        """
        ...


class MarketRecords(Protocol):
    """What was known of markets at a moment: nothing that became known after `as_of` is told.

    All are of one exchange. A candle is known from its close on.
    """

    async def candles(
        self, symbol: str, timeframe: Timeframe, count: int, as_of: datetime
    ) -> Sequence[Candle]:
        """The last `count` closed candles, oldest first; fewer where there are fewer.

        One that is not stored may be made of shorter ones.
        """
        ...

    async def order_book(self, symbol: str, as_of: datetime) -> OrderBookSnapshot | None:
        """The last snapshot, if there is one of the last hour."""
        ...

    async def trades(self, symbol: str, start: datetime, as_of: datetime) -> Sequence[MarketTrade]:
        """Everybody's trades from `start` on, by time."""
        ...

    async def derivatives(
        self, symbol: str, start: datetime, as_of: datetime
    ) -> Sequence[DerivativesReading]:
        """Funding and open interest from `start` on, by time."""
        ...

    async def news(
        self, symbol: str, start: datetime, as_of: datetime, limit: int
    ) -> Sequence[NewsItem]:
        """News known from `start` on, the latest first."""
        ...
