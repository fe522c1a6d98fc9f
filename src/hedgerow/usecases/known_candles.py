"""Candles as they were stored, or made of shorter ones where a timeframe lacks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.usecases.candle_series import series_of
from hedgerow.usecases.classify_regimes import StoredCandles, read_closed

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_MINUTE: Final = Timeframe.M1.duration


async def read_known(
    candles: StoredCandles,
    exchange: Exchange,
    symbol: str,
    timeframe: Timeframe,
    start: datetime,
    until: datetime,
) -> list[Candle]:
    """Candles that opened from `start` on and had closed by `until`, oldest first.

    Each as it was stored; else made of its 1m candles, else of the longest shorter ones, where
    these are complete. What one candle comes to does not depend on what is asked along with it.
    """
    if timeframe is Timeframe.M1:
        end = until - timeframe.duration + _TICK
        return await candles.read(exchange, [symbol], timeframe, start, end)
    found = await read_closed(candles, exchange, symbol, timeframe, start, until)
    by_time = {candle.open_time: candle for candle in found}
    for shorter in _shorter(timeframe):
        gap = _gap(by_time, timeframe, start, until)
        if gap is None:
            break
        parts = await read_closed(candles, exchange, symbol, shorter, *gap)
        if parts:
            made = series_of(parts).rolled_up(timeframe)
            by_time = {candle.open_time: candle for candle in made} | by_time
    return [by_time[time] for time in sorted(by_time)]


def _shorter(timeframe: Timeframe) -> Sequence[Timeframe]:
    """The longest first, without 1m: the store makes candles of these itself."""
    shorter = [each for each in Timeframe if _MINUTE < each.duration < timeframe.duration]
    return sorted(shorter, key=lambda each: each.duration, reverse=True)


def _gap(
    found: Mapping[datetime, Candle], timeframe: Timeframe, start: datetime, until: datetime
) -> tuple[datetime, datetime] | None:
    """From the first to the last place where a candle is missing, if there is one."""
    span = timeframe.duration
    first = _EPOCH - (_EPOCH - start) // span * span
    last = _EPOCH + (until - _EPOCH) // span * span
    while first in found:
        first += span
    while first < last and last - span in found:
        last -= span
    return (first, last) if first < last else None
