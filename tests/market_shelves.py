"""Stores of market data in memory, as plain as can be, which count how often they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.market_data import (
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.usecases.market_records import MarketStores
from replay_builders import ShelfOfCandles


class CountedCandles(ShelfOfCandles):
    """Remembers which stretches were read; may hold candles that are made of 1m elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Candle] = []
        self.reads: list[tuple[Timeframe, datetime, datetime]] = []

    async def read(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        self.reads.append((timeframe, start, end))
        return await super().read(exchange, symbols, timeframe, start, end)

    async def read_rolled_up(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        assert timeframe is not Timeframe.M1
        return [
            candle
            for candle in self.made
            if candle.symbol in symbols
            and candle.timeframe is timeframe
            and start <= candle.open_time < end
        ]


@dataclass(slots=True)
class Snapshots:
    rows: list[OrderBookSnapshot] = field(default_factory=list)
    reads: int = 0

    async def save(self, exchange: Exchange, snapshots: Sequence[OrderBookSnapshot]) -> None:
        self.rows += snapshots

    async def at(self, exchange: Exchange, symbol: str, at: datetime) -> OrderBookSnapshot | None:
        self.reads += 1
        known = [row for row in self.rows if row.symbol == symbol and row.at <= at]
        return max(known, key=lambda row: row.at, default=None)


@dataclass(slots=True)
class Trades:
    rows: list[MarketTrade] = field(default_factory=list)
    reads: int = 0

    async def save(self, exchange: Exchange, trades: Sequence[MarketTrade]) -> None:
        self.rows += trades

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[MarketTrade]:
        self.reads += 1
        found = [row for row in self.rows if row.symbol == symbol and start <= row.at < end]
        return sorted(found, key=lambda row: (row.at, row.trade_id))


@dataclass(slots=True)
class Readings:
    rows: list[DerivativesReading] = field(default_factory=list)
    reads: int = 0

    async def save(self, exchange: Exchange, readings: Sequence[DerivativesReading]) -> None:
        self.rows += readings

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[DerivativesReading]:
        self.reads += 1
        found = [row for row in self.rows if row.symbol == symbol and start <= row.at < end]
        return sorted(found, key=lambda row: row.at)


@dataclass(slots=True)
class News:
    rows: list[NewsItem] = field(default_factory=list)
    reads: int = 0

    async def save(self, items: Sequence[NewsItem]) -> list[NewsItem]:
        known = {row.id for row in self.rows}
        new = [item for item in items if item.id not in known]
        self.rows += new
        return new

    async def read(
        self, symbol: str | None, start: datetime, as_of: datetime, limit: int
    ) -> list[NewsItem]:
        self.reads += 1
        found = [
            row
            for row in self.rows
            if start <= row.known_at <= as_of
            and (symbol is None or not row.symbols or symbol in row.symbols)
        ]
        found.sort(key=lambda row: row.id)
        return sorted(found, key=lambda row: row.known_at, reverse=True)[:limit]


@dataclass(slots=True)
class Shelves:
    """All of them."""

    candles: CountedCandles = field(default_factory=CountedCandles)
    books: Snapshots = field(default_factory=Snapshots)
    trades: Trades = field(default_factory=Trades)
    derivatives: Readings = field(default_factory=Readings)
    news: News = field(default_factory=News)

    def stores(self) -> MarketStores:
        return MarketStores(self.candles, self.books, self.trades, self.derivatives, self.news)
