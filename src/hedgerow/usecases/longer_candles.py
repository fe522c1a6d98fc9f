"""Longer candles of a symbol, made of those of a run when somebody first asks for them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.money import ZERO, exact

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Longer = Callable[[Timeframe, int], Sequence[Candle]]
"""The last so many longer candles that had closed by a certain time, oldest first."""


class LongerCandles:
    """Over all candles of a run; what was yet to come at a moment is left out for that moment."""

    def __init__(self, candles: Sequence[Candle]) -> None:
        self._candles = candles
        self._made: dict[Timeframe, list[Candle]] = {}

    def closed_by(self, at: datetime) -> Longer:
        """What can be asked for at `at`; candles that miss a part are left out."""

        def last(timeframe: Timeframe, count: int) -> Sequence[Candle]:
            if timeframe not in self._made:
                self._made[timeframe] = list(_rolled_up(self._candles, timeframe))
            made = self._made[timeframe]
            closed = bisect_right(made, at, key=lambda candle: candle.close_time)
            return made[max(closed - count, 0) : closed]

        return last


def _rolled_up(candles: Sequence[Candle], timeframe: Timeframe) -> Iterator[Candle]:
    """Candles made of all their parts, oldest first."""
    for _, group in groupby(candles, key=lambda c: (c.open_time - _EPOCH) // timeframe.duration):
        parts = list(group)
        if len(parts) * parts[0].timeframe.duration == timeframe.duration:
            with exact():
                volume = sum((part.volume for part in parts), ZERO)
            yield Candle(
                symbol=parts[0].symbol,
                timeframe=timeframe,
                open_time=parts[0].open_time,
                open=parts[0].open,
                high=max(part.high for part in parts),
                low=min(part.low for part in parts),
                close=parts[-1].close,
                volume=volume,
            )
