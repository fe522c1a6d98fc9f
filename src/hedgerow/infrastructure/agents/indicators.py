"""TA-Lib indicators of a window of closed candles, computed once per symbol and window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import talib
from numpy.typing import NDArray

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.regimes import RegimeIndicators

# Periods in candles: the customary ones of Wilder (RSI, ATR, ADX), Bollinger and Donchian.
WILDER_PERIOD: Final = 14
BANDS_PERIOD: Final = 20
BANDS_DEVIATIONS: Final = 2.0
CHANNEL_PERIOD: Final = 20
MA_PERIOD: Final = 50
# The recent past that ATR, band width and volume are compared with.
USUAL_PERIOD: Final = 100
# The window: the usual period, and the candles before the first band width.
WINDOW: Final = USUAL_PERIOD + BANDS_PERIOD

# Volumes, and ATR and bands as shares of the price, count as nothing below this.
STILL: Final = 1e-9

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Indicators:
    """What the last closed candle of a window looks like (float64).

    Prices, bands, channel, MA(50) and ATR are in quote currency, `volume` in base; `rsi` and the
    numbers of `regime` are as TA-Lib defines them, `volume_ratio` is over the usual volume.
    `channel_high` and `channel_low` are the extremes of the candles before the last one.
    """

    regime: RegimeIndicators
    open: float
    rsi: float
    band_upper: float
    band_middle: float
    band_lower: float
    channel_high: float
    channel_low: float
    volume: float
    volume_ratio: float

    @property
    def close(self) -> float:
        """The last close."""
        return self.regime.price

    @property
    def band_place(self) -> float:
        """Where the close lies between the bands: 0 on the lower, 1 on the upper, 1/2 if still."""
        width = self.band_upper - self.band_lower
        if width <= STILL * self.band_middle:
            return 0.5
        return (self.close - self.band_lower) / width


class IndicatorDesk:
    """Works out indicators for everybody who asks, once per window.

    Only the latest window of a symbol and timeframe is kept. A kept answer is given only for
    equal candles, so that a corrected candle, or another exchange's, is worked out anew.
    """

    def __init__(self) -> None:
        self._latest: dict[tuple[str, Timeframe], tuple[list[Candle], Indicators]] = {}

    def read(self, candles: Sequence[Candle]) -> Indicators:
        """The indicators after the last of `candles` (closed, one symbol, oldest first).

        The last WINDOW candles alone decide. Raises InvalidValue where there are fewer.
        """
        if len(candles) < WINDOW:
            raise InvalidValue(
                field="candles", value=len(candles), allowed=f"at least {WINDOW} closed candles"
            )
        window = list(candles[-WINDOW:])
        key = (window[-1].symbol, window[-1].timeframe)
        kept = self._latest.get(key)
        # Lists of the very same candles compare by identity, in a microsecond.
        if kept is None or kept[0] != window:
            kept = (window, _work_out(window))
            self._latest[key] = kept
        return kept[1]


@dataclass(frozen=True, slots=True)
class Series:
    """Candles of one symbol in float64, oldest first."""

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array

    def window(self, end: int) -> Series:
        """The WINDOW candles before place `end`."""
        part = slice(end - WINDOW, end)
        return Series(
            self.open[part], self.high[part], self.low[part], self.close[part], self.volume[part]
        )


def series_of(candles: Sequence[Candle]) -> Series:
    """The gate from exact numbers to float64."""
    rows = [(c.open, c.high, c.low, c.close, c.volume) for c in candles]
    return Series(*np.array(rows, dtype=np.float64).T.copy())


def _work_out(window: Sequence[Candle]) -> Indicators:
    series = series_of(window)
    upper, middle, lower = talib.BBANDS(
        series.close, BANDS_PERIOD, BANDS_DEVIATIONS, BANDS_DEVIATIONS
    )
    return Indicators(
        regime=regime_indicators(series, (upper - lower) / middle),
        open=float(series.open[-1]),
        rsi=_rsi(series.close),
        band_upper=float(upper[-1]),
        band_middle=float(middle[-1]),
        band_lower=float(lower[-1]),
        channel_high=float(series.high[-1 - CHANNEL_PERIOD : -1].max()),
        channel_low=float(series.low[-1 - CHANNEL_PERIOD : -1].min()),
        volume=float(series.volume[-1]),
        volume_ratio=over_usual(series.volume, still=STILL),
    )


def regime_indicators(series: Series, bands_width: Array) -> RegimeIndicators:
    """What the rules read of a window; `bands_width` is over the bands' middle."""
    atr = talib.ATR(series.high, series.low, series.close, WILDER_PERIOD)
    price = float(series.close[-1])
    return RegimeIndicators(
        adx=float(talib.ADX(series.high, series.low, series.close, WILDER_PERIOD)[-1]),
        price=price,
        ma50=float(talib.SMA(series.close, MA_PERIOD)[-1]),
        atr=float(atr[-1]),
        atr_ratio=over_usual(atr, still=STILL * price),
        bands_width=float(bands_width[-1]),
        bands_ratio=over_usual(bands_width, still=STILL),
    )


def _rsi(close: Array) -> float:
    """RSI; 50 where no close differs, for which TA-Lib answers 0, as if all had fallen."""
    if np.ptp(close) == 0.0:
        return 50.0
    return float(talib.RSI(close, WILDER_PERIOD)[-1])


def over_usual(values: Array, still: float) -> float:
    """The last value over the median of the usual period; what is below `still` counts as it."""
    usual = float(np.median(values[-USUAL_PERIOD:]))
    return max(float(values[-1]), still) / max(usual, still)
