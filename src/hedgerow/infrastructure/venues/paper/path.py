"""The way a price is taken to have gone through its candle."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgerow.domain.errors import InvalidValue, UnknownEntity
from hedgerow.domain.market import Candle, path_of

_PHASES: Final = 4
# The close belongs to its candle: it is stamped just before the moment the next one opens.
_BEFORE_CLOSE: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class PathPoint:
    """A price (quote) that a symbol reaches, and when."""

    symbol: str
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """One candle per symbol, and the points of all their paths in the order of their times."""

    open_time: datetime
    candles: Mapping[str, Candle]
    points: Sequence[PathPoint]

    @property
    def close_time(self) -> datetime:
        """When all its candles close."""
        return next(iter(self.candles.values())).close_time


def prices_of(candle: Candle) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Open, nearer extreme, farther extreme, close; the low first where both are as near."""
    return path_of(candle.open, candle.high, candle.low, candle.close)


def times_of(candle: Candle) -> tuple[datetime, ...]:
    """When the path is at each of its points: evenly spread, the close 1 ms before the end."""
    third = candle.timeframe.duration / (_PHASES - 1)
    times = [candle.open_time + third * phase for phase in range(_PHASES - 1)]
    return (*times, candle.close_time - _BEFORE_CLOSE)


def span_of(candles: Sequence[Candle], symbols: Collection[str]) -> Span:
    """The paths of at least one candle, interleaved by phase and then by symbol.

    Raises UnknownEntity for a symbol that is not among `symbols`, and InvalidValue for candles
    that do not share one open_time and timeframe, that repeat a symbol, or that contradict
    themselves.
    """
    for candle in candles:
        _require_sound(candle, candles[0], symbols)
    by_symbol = {candle.symbol: candle for candle in sorted(candles, key=lambda c: c.symbol)}
    if len(by_symbol) < len(candles):
        raise InvalidValue(field="candles", value=len(candles), allowed="one candle per symbol")
    paths = [
        [PathPoint(symbol, *point) for point in zip(prices_of(c), times_of(c), strict=True)]
        for symbol, c in by_symbol.items()
    ]
    points = [point for phase in zip(*paths, strict=True) for point in phase]
    return Span(open_time=candles[0].open_time, candles=by_symbol, points=points)


def _require_sound(candle: Candle, first: Candle, symbols: Collection[str]) -> None:
    if candle.symbol not in symbols:
        raise UnknownEntity(kind="instrument", id=candle.symbol)
    if (candle.open_time, candle.timeframe) != (first.open_time, first.timeframe):
        raise InvalidValue(
            field="open_time", value=candle.open_time, allowed="one open_time and timeframe"
        )
    inner_low, inner_high = sorted((candle.open, candle.close))
    if not candle.low <= inner_low <= inner_high <= candle.high:
        raise InvalidValue(
            field="candle", value=candle, allowed="open and close between low and high"
        )
