"""Candles of the past as samples to learn from: what was seen, and what hindsight says it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedgerow.domain.market import Candle
from hedgerow.domain.regimes import Regime, margins
from hedgerow.infrastructure.agents.indicators import WINDOW, Array, series_of
from hedgerow.infrastructure.agents.regimes.features import FEATURES, Rows, Seen, look

# The regimes that a candle can turn out to have been; a transition lies between two of them.
STATES: Final = (Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE, Regime.VOLATILE)
# Hindsight: what the rules say this much later, half of ADX's and ATR's period. Their look-back is
# then centred on the candle, where at the candle itself they tell what has been.
HORIZON_CANDLES: Final = 7

Whole = NDArray[np.int64]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SHOWN_EVERY: Final = 200


@dataclass(frozen=True, slots=True)
class Samples:
    """One row per candle, by symbol and then by time; times in microseconds since 1970.

    `closed` is when the features were known, `known` when the label was. Labels are places in
    STATES. `rules` is the rule that held best at the time, `is_held` whether it held.
    `forward_return` is the log return over the horizon, `forward_volatility` the root mean square
    of the log returns of its candles, `usual_volatility` that of the window before.
    """

    closed: Whole
    known: Whole
    features: Rows
    labels: Whole
    rules: Whole
    is_held: NDArray[np.bool_]
    forward_return: Array
    forward_volatility: Array
    usual_volatility: Array
    symbol: Whole

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, chosen: NDArray[np.bool_]) -> Samples:
        """The samples that are chosen, in their order."""
        return Samples(*(getattr(self, name)[chosen] for name in _COLUMNS))


_COLUMNS: Final = tuple(Samples.__dataclass_fields__)


def samples_of(series: Sequence[Sequence[Candle]], show: Callable[[int], None]) -> Samples:
    """The samples of several symbols' candles, each oldest first; `show` is told candles read.

    A window or horizon with a gap in it gives no sample.
    """
    parts = []
    read = 0
    for number, candles in enumerate(series):
        parts.append(_of_symbol(number, candles, partial(_further, show, read)))
        read += len(candles)
    return joined(parts)


def joined(parts: Sequence[Samples]) -> Samples:
    """Samples one after the other."""
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))


def _further(show: Callable[[int], None], before: int, done: int) -> None:
    show(before + done)


def _of_symbol(number: int, candles: Sequence[Candle], show: Callable[[int], None]) -> Samples:
    seen = _look_at_all(candles, show)
    ends = [
        end
        for end in seen
        if end + HORIZON_CANDLES in seen and _is_whole(candles[end - 1 : end + HORIZON_CANDLES])
    ]
    held = {end: margins(each.indicators) for end, each in seen.items()}
    best = {end: max(STATES, key=margin.__getitem__) for end, margin in held.items()}
    moves = np.diff(np.log(np.array([float(candle.close) for candle in candles])), prepend=0.0)
    ahead = [moves[end : end + HORIZON_CANDLES] for end in ends]
    return Samples(
        closed=_whole(_microseconds(candles[end - 1]) for end in ends),
        known=_whole(_microseconds(candles[end - 1 + HORIZON_CANDLES]) for end in ends),
        features=np.array([seen[end].features for end in ends]).reshape(-1, len(FEATURES)),
        labels=_whole(STATES.index(best[end + HORIZON_CANDLES]) for end in ends),
        rules=_whole(STATES.index(best[end]) for end in ends),
        is_held=np.array([held[end][best[end]] > 0.0 for end in ends], dtype=np.bool_),
        forward_return=np.array([each.sum() for each in ahead]),
        forward_volatility=np.array([_root_mean_square(each) for each in ahead]),
        usual_volatility=np.array(
            [_root_mean_square(moves[end - WINDOW + 1 : end]) for end in ends]
        ),
        symbol=np.full(len(ends), number, dtype=np.int64),
    )


def _look_at_all(candles: Sequence[Candle], show: Callable[[int], None]) -> dict[int, Seen]:
    """What each window without a gap shows, by the place where it ends."""
    if len(candles) < WINDOW:
        return {}
    series = series_of(candles)
    seen = {}
    for end in range(WINDOW, len(candles) + 1):
        if _is_whole(candles[end - WINDOW : end]):
            seen[end] = look(series.window(end))
        if end % _SHOWN_EVERY == 0 or end == len(candles):
            show(end)
    return seen


def _is_whole(candles: Sequence[Candle]) -> bool:
    first, last = candles[0], candles[-1]
    return last.open_time - first.open_time == (len(candles) - 1) * first.timeframe.duration


def _microseconds(candle: Candle) -> int:
    return (candle.close_time - _EPOCH) // _MICROSECOND


def _whole(values: Iterable[int]) -> Whole:
    return np.fromiter(values, dtype=np.int64)


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(values * values)))
