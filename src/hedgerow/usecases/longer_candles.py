"""Longer candles of a symbol, made of those of a run when somebody first asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.usecases.candle_series import CandleSeries, microseconds, series_of

Longer = Callable[[Timeframe, int], Sequence[Candle]]
"""The last so many longer candles that had closed by a certain time, oldest first."""


class LongerCandles:
    """Over all candles of a run; what was yet to come at a moment is left out for that moment."""

    def __init__(self, candles: Sequence[Candle]) -> None:
        self._candles = candles
        self._made: dict[Timeframe, CandleSeries] = {}

    def closed_by(self, at: datetime) -> Longer:
        """What can be asked for at `at`; candles that miss a part are left out."""

        def last(timeframe: Timeframe, count: int) -> Sequence[Candle]:
            if timeframe not in self._made:
                whole = self._candles
                series = whole if isinstance(whole, CandleSeries) else series_of(whole)
                self._made[timeframe] = series.rolled_up(timeframe)
            made = self._made[timeframe]
            closed = made.closed_by(microseconds(at))
            return made[max(closed - count, 0) : closed]

        return last
