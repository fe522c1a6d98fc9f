"""What is traded: instruments, candles and the timeframes between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from hedgerow.domain.errors import InvalidValue


class MarketType(StrEnum):
    """Where a symbol trades."""

    SPOT = "spot"
    FUTURES = "futures"


class Exchange(StrEnum):
    """The exchanges that Hedgerow knows."""

    BINANCE = "binance"
    BYBIT = "bybit"
    OKX = "okx"
    KUCOIN = "kucoin"
    GATE = "gate"


class Timeframe(StrEnum):
    """The span of a candle."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def duration(self) -> timedelta:
        """How long a candle lasts."""
        return _DURATIONS[self]


_DURATIONS = {
    Timeframe.M1: timedelta(minutes=1),
    Timeframe.M5: timedelta(minutes=5),
    Timeframe.M15: timedelta(minutes=15),
    Timeframe.H1: timedelta(hours=1),
    Timeframe.H4: timedelta(hours=4),
    Timeframe.D1: timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Instrument:
    """The rules a venue sets for a symbol; prices in quote, quantities in base currency."""

    symbol: str
    market_type: MarketType
    price_tick: Decimal
    quantity_step: Decimal
    notional_quote_min: Decimal
    maintenance_margin_ratio: Decimal = Decimal("0.005")
    leverage_max: int = 125

    @property
    def base(self) -> str:
        """BTC of BTC/USDT."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """USDT of BTC/USDT."""
        return self.symbol.partition("/")[2]


def split_symbol(symbol: str) -> tuple[str, str]:
    """Base and quote of `BASE/QUOTE`; raises InvalidValue for anything else."""
    base, slash, quote = symbol.partition("/")
    if not (slash and base.isalnum() and quote.isalnum() and symbol == symbol.upper()):
        raise InvalidValue(field="symbol", value=symbol, allowed="BASE/QUOTE, such as BTC/USDT")
    return base, quote


_Number = TypeVar("_Number", int, Decimal)


def path_of(
    opened: _Number, high: _Number, low: _Number, close: _Number
) -> tuple[_Number, _Number, _Number, _Number]:
    """The way a price is taken to have gone: open, nearer extreme, farther extreme, close.

    Where both extremes are as near, the low comes first.
    """
    if opened - low <= high - opened:
        return opened, low, high, close
    return opened, high, low, close


@dataclass(frozen=True, slots=True)
class Candle:
    """One span of trading: prices in quote, volume in base currency, `open_time` in UTC."""

    symbol: str
    timeframe: Timeframe
    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    @property
    def close_time(self) -> datetime:
        """The moment from which the candle is known."""
        return self.open_time + self.timeframe.duration
