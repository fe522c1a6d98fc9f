"""What is told of markets beside candles: by exchanges, and by the news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hedgerow.domain.orders import OrderSide


@dataclass(frozen=True, slots=True)
class Tick:
    """The last price of a symbol and its best bid and ask, in quote currency, to the microsecond.

    Of several ticks of one symbol in the same microsecond the last is kept.
    """

    symbol: str
    at: datetime
    price: Decimal
    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True)
class BookLevel:
    """A price in quote currency, and how much of the base currency stands there."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderBookSnapshot:
    """The order book of a symbol at a moment: bids falling, asks rising, the best first."""

    symbol: str
    at: datetime
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """A trade of anybody; `side` is the taker's, `quantity` in base currency.

    `trade_id` is the exchange's own: together with symbol and time it tells trades apart.
    """

    symbol: str
    at: datetime
    trade_id: str
    side: OrderSide
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class DerivativesReading:
    """What a perpetual future told at a moment: `funding_ratio` is that of the last settlement,
    0.0001 being 0.01 %, paid by longs above zero; `open_interest` is in base currency.
    """

    symbol: str
    at: datetime
    funding_ratio: Decimal
    open_interest: Decimal


@dataclass(frozen=True, slots=True)
class NewsItem:
    """A piece of news, as it came: its text is somebody else's and is never an instruction.

    `symbols` are those it was found to be about (`BASE/QUOTE`), none if it is about all.
    `published_at` is what the source says, `known_at` when it was first seen here: no decision
    before that knew it.
    """

    id: str
    source: str
    title: str
    summary: str
    url: str
    symbols: tuple[str, ...]
    published_at: datetime
    known_at: datetime
