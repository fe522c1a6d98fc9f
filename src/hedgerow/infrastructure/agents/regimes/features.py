"""What the learned model reads: a row of numbers for each closed candle, from its window alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import talib
from numpy.typing import NDArray

from hedgerow.domain.regimes import RegimeIndicators
from hedgerow.infrastructure.agents.indicators import (
    BANDS_DEVIATIONS,
    BANDS_PERIOD,
    STILL,
    WILDER_PERIOD,
    Array,
    Series,
    over_usual,
    regime_indicators,
)

# None has a unit of price: one model reads every symbol.
FEATURES: Final = (
    "adx",
    "adx_change",
    "atr_ratio",
    "atr_change",
    "bands_ratio",
    "bands_change",
    "ma_distance_atrs",
    "return_1_atrs",
    "return_5_atrs",
    "return_20_atrs",
    "volume_ratio",
)
# The candles over which a change is taken.
_CHANGE_CANDLES: Final = 5

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """The indicators of one window's last candle, and its features in the order of FEATURES."""

    indicators: RegimeIndicators
    features: Array


def look(window: Series) -> Seen:
    """What a window of WINDOW candles shows; it depends on nothing outside of it."""
    upper, middle, lower = talib.BBANDS(
        window.close, BANDS_PERIOD, BANDS_DEVIATIONS, BANDS_DEVIATIONS
    )
    width = (upper - lower) / middle
    atr = talib.ATR(window.high, window.low, window.close, WILDER_PERIOD)
    adx = talib.ADX(window.high, window.low, window.close, WILDER_PERIOD)
    read = regime_indicators(window, width)
    step = max(read.atr, STILL * read.price)
    features = (
        read.adx,
        float(adx[-1] - adx[-1 - _CHANGE_CANDLES]),
        read.atr_ratio,
        _log_change(atr, STILL * read.price),
        read.bands_ratio,
        _log_change(width, STILL),
        (read.price - read.ma50) / step,
        *(float(window.close[-1] - window.close[-1 - back]) / step for back in (1, 5, 20)),
        over_usual(window.volume, STILL),
    )
    return Seen(read, np.array(features))


def _log_change(values: Array, still: float) -> float:
    now, before = (max(float(values[place]), still) for place in (-1, -1 - _CHANGE_CANDLES))
    return float(np.log(now / before))
