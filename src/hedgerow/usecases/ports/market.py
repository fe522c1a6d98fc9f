"""Where market data is kept."""

from __future__ import annotations

from collections.abc import (
    Sequence,
)
from datetime import datetime
from typing import Protocol

from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.market_data import MarketTrade, OrderBookSnapshot, Tick


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
