"""Market regimes by the specified rules, and the row that keeps each classification."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.ids import derived_id
from hedgerow.domain.market import Timeframe

MODEL_VERSION: Final = "rules_v1"
# How often, and in which timeframes, every market is classified.
CLASSIFY_EVERY: Final = timedelta(minutes=15)
CLASSIFIED_TIMEFRAMES: Final = (Timeframe.H1, Timeframe.H4, Timeframe.D1)

# ADX runs from 0 to 100; Wilder (1978) reads a trend from it above 25.
ADX_TREND_MIN: Final = 25.0
ADX_RANGE_MAX: Final = 20.0
# The average true range over its own recent median: stable between these two, a spike above.
ATR_RATIO_STABLE_MIN: Final = 0.65
ATR_RATIO_SPIKE: Final = 1.35
# The width of the Bollinger Bands over its own recent median: narrow below, wide above.
BANDS_RATIO_NARROW: Final = 1.0
BANDS_RATIO_WIDE: Final = 1.25

# How far past its threshold an indicator must be to leave no doubt, in its own unit.
_ADX_FULL: Final = 15.0
_PRICE_FULL_ATRS: Final = 2.0
_ATR_STABLE_FULL: Final = (ATR_RATIO_SPIKE - ATR_RATIO_STABLE_MIN) / 2.0
_RATIO_FULL: Final = 0.5
# What divides where nothing at all has moved.
_LEAST_PRICE_STEP: Final = 1e-300


class Regime(StrEnum):
    """What a market is doing."""

    TREND_UP = "trend_up"
    TREND_DOWN = "trend_down"
    RANGE = "range"
    VOLATILE = "volatile"
    TRANSITION = "transition"


@dataclass(frozen=True, slots=True)
class RegimeReading:
    """A regime, how sure the model is (0 to 1), and the indicators it read (float64)."""

    regime: Regime
    confidence: float
    indicators: Mapping[str, float]
    model_version: str


@dataclass(frozen=True, slots=True)
class RegimeClassification:
    """The regime of a symbol and timeframe as known at `timestamp`."""

    id: UUID
    symbol: str
    timeframe: Timeframe
    timestamp: datetime
    reading: RegimeReading


def classification(
    symbol: str, timeframe: Timeframe, at: datetime, reading: RegimeReading
) -> RegimeClassification:
    """The row of a reading: one market, moment and model have one id, whoever writes it."""
    row_id = derived_id(at, symbol, timeframe, reading.model_version)
    return RegimeClassification(row_id, symbol, timeframe, at, reading)


@dataclass(frozen=True, slots=True)
class RegimeIndicators:
    """What the rules read. `price`, `ma50` and `atr` are in quote currency, `adx` is 0 to 100.

    `bands_width` is the width of the Bollinger Bands over their middle. `atr_ratio` and
    `bands_ratio` are ATR and band width over their own recent medians. Raises InvalidValue for
    NaN, infinities and negative numbers.
    """

    adx: float
    price: float
    ma50: float
    atr: float
    atr_ratio: float
    bands_width: float
    bands_ratio: float

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (math.isfinite(value) and value >= 0.0):
                raise InvalidValue(field=name, value=value, allowed="a finite number, at least 0")


def _margin(past: float, full: float) -> float:
    """How far `past` a threshold, as a share of `full`: -1 to 1, above 0 where it is passed."""
    return max(-1.0, min(1.0, past / full))


def _atr_is_stable(read: RegimeIndicators) -> float:
    inside = min(read.atr_ratio - ATR_RATIO_STABLE_MIN, ATR_RATIO_SPIKE - read.atr_ratio)
    return _margin(inside, _ATR_STABLE_FULL)


def _trend(read: RegimeIndicators, direction: int) -> float:
    """ADX > 25, the price on the trend's side of MA(50), ATR stable."""
    away_full = max(read.atr * _PRICE_FULL_ATRS, _LEAST_PRICE_STEP)
    return min(
        _margin(read.adx - ADX_TREND_MIN, _ADX_FULL),
        _margin((read.price - read.ma50) * direction, away_full),
        _atr_is_stable(read),
    )


def _range(read: RegimeIndicators) -> float:
    """ADX < 20, Bollinger Bands narrow."""
    return min(
        _margin(ADX_RANGE_MAX - read.adx, _ADX_FULL),
        _margin(BANDS_RATIO_NARROW - read.bands_ratio, _RATIO_FULL),
    )


def _volatile(read: RegimeIndicators) -> float:
    """ATR spike, Bollinger Bands wide."""
    return min(
        _margin(read.atr_ratio - ATR_RATIO_SPIKE, _RATIO_FULL),
        _margin(read.bands_ratio - BANDS_RATIO_WIDE, _RATIO_FULL),
    )


# A rule answers with the margin of its weakest condition, above 0 where all of them hold. No two
# rules can hold at once (ADX, the side of MA(50), ATR and the bands each keep a pair apart), so
# their order decides nothing but which one a transition is measured against in a tie.
_RULES: Final[Mapping[Regime, Callable[[RegimeIndicators], float]]] = {
    Regime.TREND_UP: lambda read: _trend(read, 1),
    Regime.TREND_DOWN: lambda read: _trend(read, -1),
    Regime.RANGE: _range,
    Regime.VOLATILE: _volatile,
}


def margins(read: RegimeIndicators) -> dict[Regime, float]:
    """How well each rule holds: -1 (not at all) to 1 (beyond doubt), above 0 where it holds."""
    return {regime: rule(read) for regime, rule in _RULES.items()}


def classify(read: RegimeIndicators) -> RegimeReading:
    """The regime whose rule holds; a transition where none does.

    Thresholds themselves belong to no rule. With m the margin of the rule that holds best,
    confidence = (1 + |m|) / 2: a half on a threshold, where the next candle may say otherwise,
    and 1 where every condition is passed in full, or every rule is missed by far.
    """
    by_rule = margins(read)
    best = max(by_rule, key=by_rule.__getitem__)
    return RegimeReading(
        regime=best if by_rule[best] > 0.0 else Regime.TRANSITION,
        confidence=(1.0 + abs(by_rule[best])) / 2.0,
        indicators=asdict(read),
        model_version=MODEL_VERSION,
    )
