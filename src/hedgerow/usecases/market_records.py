"""What was known of markets at a moment, from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.market_data import (
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.usecases.classify_regimes import StoredCandles
from hedgerow.usecases.known_candles import read_known
from hedgerow.usecases.ports.market import (
    DerivativesStore,
    MarketTradeStore,
    NewsStore,
    OrderBookStore,
)
from hedgerow.usecases.record_tapes import TICK, LastOnTape, Tape

_Key = TypeVar("_Key")
_Tape = TypeVar("_Tape")
# Older than that, an order book says nothing of the present one.
BOOK_AGE_MAX: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES_AS_FAR: Final = 2
# How much more is read than is asked for: a few thousand rows where there are many.
_CANDLES_AHEAD: Final = 500
_TRADES_AHEAD: Final = timedelta(hours=1)
_DERIVATIVES_AHEAD: Final = timedelta(days=30)
_NEWS_AHEAD: Final = timedelta(days=7)
_ALL_NEWS: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class MarketStores:
    """Where the records are."""

    candles: StoredCandles
    books: OrderBookStore
    trades: MarketTradeStore
    derivatives: DerivativesStore
    news: NewsStore


class StoredMarket:
    """The port MarketRecords: what is stored of one exchange, and the news.

    Nothing is told that became known after `as_of`, whatever is stored meanwhile. What lies before
    `settled_until` is taken to be stored whole: it is read ahead in stretches and kept in memory,
    so that a replay asks the stores now and then, and what is stored later with an earlier time may
    be overlooked. What lies after it, or everything without it, is looked up each time.
    """

    def __init__(
        self, exchange: Exchange, stores: MarketStores, settled_until: datetime | None = None
    ) -> None:
        self._exchange = exchange
        self._stores = stores
        self._settled_until = settled_until
        self._candles: dict[tuple[str, Timeframe], Tape[Candle]] = {}
        self._books: dict[str, LastOnTape[OrderBookSnapshot]] = {}
        self._trades: dict[str, Tape[MarketTrade]] = {}
        self._derivatives: dict[str, Tape[DerivativesReading]] = {}
        self._news: dict[str, Tape[NewsItem]] = {}

    async def candles(
        self, symbol: str, timeframe: Timeframe, count: int, as_of: datetime
    ) -> Sequence[Candle]:
        """The last `count` closed candles, oldest first; fewer where there are fewer.

        One that is not stored is made of shorter ones, where these are complete. Where candles are
        missing it looks back twice as far as `count` of them last, and no farther.
        """
        key = symbol, timeframe
        tape, horizon = self._tape(self._candles, key, as_of, lambda: self._candle_tape(*key))
        reach = _TIMES_AS_FAR * count * timeframe.duration
        closed = await tape.between(max(_EPOCH, as_of - reach), as_of, horizon)
        return closed[max(len(closed) - count, 0) :]

    async def order_book(self, symbol: str, as_of: datetime) -> OrderBookSnapshot | None:
        """The last snapshot, if there is one of the last hour."""
        tape, horizon = self._tape(self._books, symbol, as_of, lambda: self._book_tape(symbol))
        found = await tape.by(as_of, horizon)
        return found if found and as_of - found.at <= BOOK_AGE_MAX else None

    async def trades(self, symbol: str, start: datetime, as_of: datetime) -> Sequence[MarketTrade]:
        """Everybody's trades from `start` on, by time."""
        tape, horizon = self._tape(self._trades, symbol, as_of, lambda: self._trade_tape(symbol))
        return await tape.between(start, as_of, horizon)

    async def derivatives(
        self, symbol: str, start: datetime, as_of: datetime
    ) -> Sequence[DerivativesReading]:
        """Funding and open interest from `start` on, by time."""
        tape, horizon = self._tape(
            self._derivatives, symbol, as_of, lambda: self._derivatives_tape(symbol)
        )
        return await tape.between(start, as_of, horizon)

    async def news(
        self, symbol: str, start: datetime, as_of: datetime, limit: int
    ) -> Sequence[NewsItem]:
        """News known from `start` on, the latest first."""
        tape, horizon = self._tape(self._news, symbol, as_of, lambda: self._news_tape(symbol))
        known = await tape.between(start, as_of, horizon)
        return known[::-1][:limit]

    def _tape(
        self, kept: dict[_Key, _Tape], key: _Key, as_of: datetime, make: Callable[[], _Tape]
    ) -> tuple[_Tape, datetime]:
        """The tape kept for what is settled, else one for this question; and its horizon."""
        settled = self._settled_until
        if settled is None or as_of > settled:
            return make(), as_of
        if key not in kept:
            kept[key] = make()
        return kept[key], settled

    def _candle_tape(self, symbol: str, timeframe: Timeframe) -> Tape[Candle]:
        async def read(start: datetime, end: datetime) -> list[Candle]:
            opened, until = start - timeframe.duration, end - TICK
            candles = self._stores.candles
            return await read_known(candles, self._exchange, symbol, timeframe, opened, until)

        return Tape(read, lambda candle: candle.close_time, _CANDLES_AHEAD * timeframe.duration)

    def _book_tape(self, symbol: str) -> LastOnTape[OrderBookSnapshot]:
        async def read(at: datetime) -> OrderBookSnapshot | None:
            return await self._stores.books.at(self._exchange, symbol, at)

        return LastOnTape(read, lambda snapshot: snapshot.at)

    def _trade_tape(self, symbol: str) -> Tape[MarketTrade]:
        async def read(start: datetime, end: datetime) -> list[MarketTrade]:
            return await self._stores.trades.read(self._exchange, symbol, start, end)

        return Tape(read, lambda trade: trade.at, _TRADES_AHEAD)

    def _derivatives_tape(self, symbol: str) -> Tape[DerivativesReading]:
        async def read(start: datetime, end: datetime) -> list[DerivativesReading]:
            return await self._stores.derivatives.read(self._exchange, symbol, start, end)

        return Tape(read, lambda reading: reading.at, _DERIVATIVES_AHEAD)

    def _news_tape(self, symbol: str) -> Tape[NewsItem]:
        async def read(start: datetime, end: datetime) -> list[NewsItem]:
            latest_first = await self._stores.news.read(symbol, start, end - TICK, _ALL_NEWS)
            return latest_first[::-1]

        return Tape(read, lambda item: item.known_at, _NEWS_AHEAD)
