"""The columns an analyst makes its signals of, and a lookout over them (port Lookout)."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.backtest.analyst_faults import refused_error
from hedgerow.usecases.backtest.lookout import Records
from hedgerow.usecases.backtest.market import RuleAnalyst, SignalAnalyst
from hedgerow.usecases.candle_series import CandleSeries

Column = NDArray[np.float64]

_CUTS: Final = 2
_FIRST_LOOK: Final = 64
_LOOKS_FARTHER: Final = 4
_PATH_POINTS: Final = 4
# Ratios that float64 cannot tell apart may still differ in the twelfth digit that is kept.
_SAME_RATIO: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Candles of one symbol in float64, one entry a candle; prices in quote, volume in base.

    `open_us` holds opening times in microseconds since 1970. The columns cannot be written to.
    """

    symbol: str
    open_us: NDArray[np.int64]
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column

    def __len__(self) -> int:
        return len(self.open_us)

    def first(self, count: int) -> Columns:
        """The first `count` candles."""
        return Columns(
            self.symbol,
            self.open_us[:count],
            self.open[:count],
            self.high[:count],
            self.low[:count],
            self.close[:count],
            self.volume[:count],
        )


def columns_of(series: CandleSeries) -> Columns:
    """A series as an analyst gets it."""

    def prices(column: Sequence[int]) -> Column:
        return _frozen(_floats(column) / 10.0**series.price_places)

    return Columns(
        series.symbol,
        _frozen(_integers(series.open_us)),
        prices(series.open),
        prices(series.high),
        prices(series.low),
        prices(series.close),
        _frozen(_floats(series.volume) / 10.0**series.volume_places),
    )


class SignalLookout:
    """Looks over one symbol for analysts that have a method `signals(columns)`."""

    def __init__(self, series: CandleSeries, make: Callable[[], RuleAnalyst]) -> None:
        """Ask an analyst from `make` for the signals, and others whether they see the future.

        Raises InputRefused if they do, where `signals` fails or gives not one number a candle.
        """
        columns = columns_of(series)
        signals = _signals(make(), columns)
        speaking = np.flatnonzero(signals)
        _require_blind(make, columns, signals, speaking)
        self._signals = array("d", signals.tobytes())
        self._speaking: list[int] = speaking.tolist()
        self._open, self._high = _integers(series.open), _integers(series.high)
        self._low, self._close = _integers(series.low), _integers(series.close)

    def signal(self, candle: int) -> float:
        """What the signal says at a close (port Lookout)."""
        return self._signals[candle]

    def next_signal(self, start: int) -> int:
        """The next candle with a signal (port Lookout)."""
        place = bisect_left(self._speaking, start)
        return self._speaking[place] if place < len(self._speaking) else len(self._signals)

    def first_outside(self, start: int, stop: int, low: int, high: int) -> int:
        """The next candle outside two prices (port Lookout): near first, then ever farther."""
        width = _FIRST_LOOK
        while start < stop:
            end = min(start + width, stop)
            outside = (self._low[start:end] < low) | (self._high[start:end] > high)
            place = int(outside.argmax())
            if outside[place]:
                return start + place
            start, width = end, width * _LOOKS_FARTHER
        return stop

    def records(self, start: int, stop: int, records: Records) -> Sequence[tuple[int, int]]:
        """The prices that set records (port Lookout)."""
        prices = int(self._low[start:stop].min()), int(self._high[start:stop].max())
        worst, best = sorted(records.equity_base + records.equity_slope * each for each in prices)
        near = abs(records.peak_equity) * _SAME_RATIO
        if records.quiet_floor + near < worst and best < records.quiet_ceiling - near:
            return ()
        path = self._path(start, stop)
        found = {int(path.argmin()), int(path.argmax())}
        highest = max(records.peak_equity, best)
        if (highest - worst) / highest > records.max_drawdown_ratio - _SAME_RATIO:
            found |= _deepest_falls(path, records)
        return [(start + place // _PATH_POINTS, place % _PATH_POINTS) for place in sorted(found)]

    def _path(self, start: int, stop: int) -> NDArray[Any]:
        """All points of the candles' paths (domain/market.py, path_of), in the order of time."""
        each = slice(start, stop)
        opened, high, low = self._open[each], self._high[each], self._low[each]
        low_first = opened - low <= high - opened
        near, far = np.where(low_first, low, high), np.where(low_first, high, low)
        return np.stack((opened, near, far, self._close[each]), axis=1).ravel()


def _deepest_falls(path: NDArray[Any], records: Records) -> set[int]:
    """The places of the deepest falls from a peak and of the peaks, all that may be the deepest."""
    equity = records.equity_base + records.equity_slope * path.astype(np.float64)
    peaks = np.maximum.accumulate(np.maximum(equity, records.peak_equity))
    falls = (peaks - equity) / peaks
    found: set[int] = set()
    told: set[tuple[float, int]] = set()
    for place in np.flatnonzero(falls >= falls.max() - _SAME_RATIO).tolist():
        fall = float(peaks[place]), int(path[place])
        if fall not in told:
            told.add(fall)
            found |= {place, int(equity[: place + 1].argmax())}
    return found


def _signals(analyst: RuleAnalyst, columns: Columns) -> Column:
    """The analyst's signals, NaN read as 0; raises InputRefused unless there is one a candle."""
    assert isinstance(analyst, SignalAnalyst), "only such an analyst is looked out for"
    name = type(analyst).__name__
    said = _said(analyst, columns)
    if said.shape != (len(columns),) or said.dtype.kind not in "biuf":
        raise InputRefused(
            what=f"{name}.signals gave {said.dtype} of shape {said.shape}, not a number a candle",
            where=name,
            fix=f"return a column of {len(columns)} numbers, 0 where decide need not be asked",
        )
    numbers = said.astype(np.float64)
    silent: Column = np.where(np.isnan(numbers), 0.0, numbers)
    return silent


def _said(analyst: SignalAnalyst, columns: Columns) -> NDArray[Any]:
    where = f"{type(analyst).__name__}.signals on {columns.symbol}"
    try:
        answer = analyst.signals(columns)
    except Exception as error:
        refused = refused_error(where, "signals", error)
        if refused is None:
            raise
        raise refused from error
    try:
        return np.asarray(answer)
    except ValueError as error:
        what, fix = f"signals gave no column: {error}", f"return {len(columns)} numbers"
        raise InputRefused(what, where, fix) from error


def _require_blind(
    make: Callable[[], RuleAnalyst],
    columns: Columns,
    signals: Column,
    speaking: NDArray[np.intp],
) -> None:
    """Raise InputRefused where signals are others once the candles after them are cut off.

    Cut off right after a signal: that is where a glance at the next candle shows.
    """
    cuts = Random(len(columns)).sample(speaking.tolist(), min(_CUTS, len(speaking)))
    for last in cuts:
        analyst = make()
        again = _signals(analyst, columns.first(last + 1))
        differs = ~np.isclose(again, signals[: last + 1], rtol=1e-9, atol=0.0)
        if differs.any():
            place, name = int(differs.argmax()), type(analyst).__name__
            raise InputRefused(
                what=f"{name}.signals sees the future: at candle {place} it says {signals[place]:g}"
                f", and {again[place]:g} where candles end with {last}",
                where=name,
                fix="make each signal of candles up to its own, without shift(-1), whole means"
                " or chance that is not seeded",
            )


def _integers(column: Sequence[int]) -> NDArray[Any]:
    """Whole numbers, of any size where eight bytes are too few."""
    return np.asarray(column)


def _floats(column: Sequence[int]) -> Column:
    return np.asarray(column, dtype=np.float64)


def _frozen(column: NDArray[Any]) -> NDArray[Any]:
    view = column.view()
    view.flags.writeable = False
    return view
