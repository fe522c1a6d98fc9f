"""The candles of one symbol as its file gives them, each one checked, and those made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise

from hedgerow.domain.market import Timeframe
from hedgerow.domain.money import exact
from hedgerow.infrastructure.candle_files.cells import (
    EPOCH,
    MICROSECOND,
    CellRefused,
    microseconds_in,
    number_in,
)
from hedgerow.infrastructure.candle_files.table import AMOUNTS, Place, Row, rows_of

_RANGE = "correct the line: low must be the lowest of the four prices, high the highest"


@dataclass(frozen=True, slots=True)
class Bar:
    """A candle without its symbol: opened at `open_us` microseconds since 1970, read from `line`.

    A bar made of several has the line of the first.
    """

    line: int
    open_us: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class Series:
    """The bars of one file, times rising."""

    symbol: str
    place: Place
    bars: Sequence[Bar]

    def spacing_us(self) -> int | None:
        """The shortest time between two bars in microseconds; None if there is only one bar."""
        spaces = (after.open_us - before.open_us for before, after in pairwise(self.bars))
        return min(spaces, default=None)


def microseconds(timeframe: Timeframe) -> int:
    """How long a candle lasts, in microseconds."""
    return timeframe.duration // MICROSECOND


def read_series(symbol: str, place: Place) -> Series:
    """The bars of a file; raises InputRefused at the first row that cannot be a candle."""
    bars: list[Bar] = []
    last_us: int | None = None
    for row in rows_of(place):
        bar = _bar(place, row)
        if last_us is not None and bar.open_us <= last_us:
            raise _out_of_order(place, bar, last_us)
        last_us = bar.open_us
        bars.append(bar)
    if not bars:
        raise place.refuse(None, "the file holds no candles", "add candles, or remove the file")
    return Series(symbol, place, bars)


def aggregated(series: Series, source: Timeframe, target: Timeframe) -> Series:
    """Candles of `target` made of all their candles of `source`; incomplete ones are left out."""
    if source is target:
        return series
    return Series(series.symbol, series.place, list(_merged(series.bars, source, target)))


def _bar(place: Place, row: Row) -> Bar:
    line, cells = row
    try:
        time = microseconds_in("open_time", cells[0])
        amounts = [number_in(name, cell) for name, cell in zip(AMOUNTS, cells[1:], strict=True)]
    except CellRefused as error:
        raise place.refuse(line, error.what, error.fix) from error
    bar = Bar(line, time, *amounts)
    if problem := _problem(bar):
        raise place.refuse(line, *problem)
    return bar


def _problem(bar: Bar) -> tuple[str, str] | None:
    """What cannot be in a candle, and the fix."""
    if bar.low <= 0 or bar.open <= 0 or bar.high <= 0 or bar.close <= 0:
        name = next(name for name in AMOUNTS if getattr(bar, name) <= 0)
        return f"{name} {getattr(bar, name)} is not above zero", "correct the price"
    if bar.volume < 0:
        return f"volume {bar.volume} is negative", "correct the volume"
    if bar.high < bar.low:
        return f"high {bar.high} is below low {bar.low}", _RANGE
    for name, price in (("open", bar.open), ("close", bar.close)):
        if not bar.low <= price <= bar.high:
            return f"{name} {price} is outside of low {bar.low} to high {bar.high}", _RANGE
    return None


def _out_of_order(place: Place, bar: Bar, last_us: int) -> Exception:
    time = EPOCH + bar.open_us * MICROSECOND
    if bar.open_us == last_us:
        what = f"a second candle at {time.isoformat()}"
        return place.refuse(bar.line, what, "keep one candle for each time")
    last = EPOCH + last_us * MICROSECOND
    what = f"time runs backwards: {time.isoformat()} after {last.isoformat()}"
    return place.refuse(bar.line, what, "sort the file by time, the oldest first")


def _merged(bars: Sequence[Bar], source: Timeframe, target: Timeframe) -> Iterator[Bar]:
    span_us = microseconds(target)
    complete = span_us // microseconds(source)
    for _, group in groupby(bars, key=lambda bar: bar.open_us // span_us):
        parts = list(group)
        if len(parts) == complete:
            yield _merge(parts)


def _merge(parts: Sequence[Bar]) -> Bar:
    with exact():
        volume = sum((part.volume for part in parts), start=Decimal(0))
    first, last = parts[0], parts[-1]
    high, low = max(part.high for part in parts), min(part.low for part in parts)
    return Bar(first.line, first.open_us, first.open, high, low, last.close, volume)
