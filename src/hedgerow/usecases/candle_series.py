"""Candles of one symbol in columns of whole numbers: exact, small, and quick to look at."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Final, overload

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Instrument, MarketType, Timeframe
from hedgerow.domain.money import CONTEXT

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST_POINT: Final = 3
_JUST_BEFORE_US: Final = 1_000
_TICK_PLACES_MAX: Final = 8
_NOTIONAL_MIN: Final = Decimal(5)


def microseconds(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def moment(since_1970_us: int) -> datetime:
    """The time so many microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=since_1970_us)


def point_us(open_us: int, span_us: int, point: int) -> int:
    """When the path of a candle is at its point 0 to 3: evenly spread, the close just before it."""
    return open_us + (point * (span_us // 3) if point < _LAST_POINT else span_us - _JUST_BEFORE_US)


@dataclass(frozen=True, slots=True, eq=False)
class CandleSeries(Sequence[Candle]):
    """Candles of one symbol, oldest first.

    `open_us` holds opening times in microseconds since 1970. Prices are in units of
    10 ** -price_places quote currency, volumes in units of 10 ** -volume_places base currency.
    """

    symbol: str
    timeframe: Timeframe
    price_places: int
    volume_places: int
    open_us: Sequence[int]
    open: Sequence[int]
    high: Sequence[int]
    low: Sequence[int]
    close: Sequence[int]
    volume: Sequence[int]

    def __len__(self) -> int:
        return len(self.open_us)

    @overload
    def __getitem__(self, index: int) -> Candle: ...

    @overload
    def __getitem__(self, index: slice) -> list[Candle]: ...

    def __getitem__(self, index: int | slice) -> Candle | list[Candle]:
        if isinstance(index, slice):
            return [self._candle(number) for number in range(*index.indices(len(self)))]
        return self._candle(range(len(self))[index])

    def __iter__(self) -> Iterator[Candle]:
        return map(self._candle, range(len(self)))

    @property
    def span_us(self) -> int:
        """How long a candle lasts, in microseconds."""
        return self.timeframe.duration // _MICROSECOND

    def price(self, units: int) -> Decimal:
        """A price in quote currency."""
        return CONTEXT.scaleb(Decimal(units), -self.price_places)

    def units(self, price: Decimal) -> Decimal:
        """A price in units of this series, which need not be a whole number of them."""
        return CONTEXT.scaleb(price, self.price_places)

    def between(self, start_us: int, end_us: int) -> CandleSeries:
        """The candles with `start <= open_time < end`."""
        first, last = bisect_left(self.open_us, start_us), bisect_left(self.open_us, end_us)
        return self._cut(first, last)

    def first(self, count: int) -> CandleSeries:
        """The first `count` candles."""
        return self if count == len(self) else self._cut(0, count)

    def closed_by(self, at_us: int) -> int:
        """How many candles have closed by then."""
        return bisect_right(self.open_us, at_us - self.span_us)

    def rolled_up(self, timeframe: Timeframe) -> CandleSeries:
        """Longer candles made of all their candles; incomplete ones are left out."""
        long_us = timeframe.duration // _MICROSECOND
        complete = long_us // self.span_us
        rows = []
        for _, group in groupby(range(len(self)), key=lambda i: self.open_us[i] // long_us):
            parts = list(group)
            if len(parts) == complete:
                first, last = parts[0], parts[-1] + 1
                rows.append(
                    (
                        self.open_us[first],
                        self.open[first],
                        max(self.high[first:last]),
                        min(self.low[first:last]),
                        self.close[last - 1],
                        sum(self.volume[first:last]),
                    )
                )
        columns = zip(*rows, strict=True) if rows else ((),) * 6
        return CandleSeries(
            self.symbol,
            timeframe,
            self.price_places,
            self.volume_places,
            *(_column(list(values)) for values in columns),
        )

    def instrument(self, market_type: MarketType) -> Instrument:
        """The trading rules that the candles imply: the finest digits they use."""
        return Instrument(
            symbol=self.symbol,
            market_type=market_type,
            price_tick=Decimal(1).scaleb(-min(self.price_places, _TICK_PLACES_MAX)),
            quantity_step=Decimal(1).scaleb(-min(self.volume_places, _TICK_PLACES_MAX)),
            notional_quote_min=_NOTIONAL_MIN,
        )

    def _candle(self, i: int) -> Candle:
        places = -self.price_places
        scale = CONTEXT.scaleb
        return Candle(
            self.symbol,
            self.timeframe,
            moment(self.open_us[i]),
            scale(Decimal(self.open[i]), places),
            scale(Decimal(self.high[i]), places),
            scale(Decimal(self.low[i]), places),
            scale(Decimal(self.close[i]), places),
            scale(Decimal(self.volume[i]), -self.volume_places),
        )

    def _cut(self, first: int, last: int) -> CandleSeries:
        columns = (self.open_us, self.open, self.high, self.low, self.close, self.volume)
        return CandleSeries(
            self.symbol,
            self.timeframe,
            self.price_places,
            self.volume_places,
            *(column[first:last] for column in columns),
        )


def series_of(candles: Sequence[Candle]) -> CandleSeries:
    """At least one candle of one symbol and timeframe, oldest first, in columns."""
    price_places = max(
        _places(price) for c in candles for price in (c.open, c.high, c.low, c.close)
    )
    volume_places = max(_places(c.volume) for c in candles)

    def column(amounts: Sequence[Decimal], places: int) -> Sequence[int]:
        return _column([int(CONTEXT.scaleb(amount, places)) for amount in amounts])

    return CandleSeries(
        candles[0].symbol,
        candles[0].timeframe,
        price_places,
        volume_places,
        _column([microseconds(c.open_time) for c in candles]),
        column([c.open for c in candles], price_places),
        column([c.high for c in candles], price_places),
        column([c.low for c in candles], price_places),
        column([c.close for c in candles], price_places),
        column([c.volume for c in candles], volume_places),
    )


def series_by_symbol(candles: Sequence[Candle]) -> dict[str, CandleSeries]:
    """Candles of several symbols in columns, the symbols sorted."""
    by_symbol: dict[str, list[Candle]] = {}
    for candle in candles:
        by_symbol.setdefault(candle.symbol, []).append(candle)
    return {symbol: series_of(by_symbol[symbol]) for symbol in sorted(by_symbol)}


def require_no_gaps(series: CandleSeries, where: str) -> None:
    """Raise InputRefused naming the first place where candles are missing; `where` they are."""
    for before_us, after_us in pairwise(series.open_us):
        missing = (after_us - before_us) // series.span_us - 1
        if missing:
            which = f"{series.symbol}'s {series.timeframe} candles"
            between = f"{moment(before_us).isoformat()} and {moment(after_us).isoformat()}"
            raise InputRefused(
                what=f"{missing} of {which} are missing between {between}",
                where=where,
                fix="import the missing candles, or accept the gap with --allow-gaps",
            )


def _column(numbers: list[int]) -> Sequence[int]:
    """Eight bytes a number where that is enough."""
    try:
        return array("q", numbers)
    except OverflowError:
        return numbers


def _places(number: Decimal) -> int:
    exponent = CONTEXT.normalize(number).as_tuple().exponent
    assert isinstance(exponent, int), "candles are finite"
    return max(-exponent, 0)
