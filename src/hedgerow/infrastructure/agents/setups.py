"""What the house sees in a market: a setup, where it would start and end, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean
from typing import Final

from hedgerow.domain.journal import JOURNAL_REGIMES
from hedgerow.domain.market import Candle, MarketType, Timeframe
from hedgerow.domain.memory import MemoryType
from hedgerow.domain.money import price_from_float
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.infrastructure.agents.experience import Experience, Kind
from hedgerow.infrastructure.agents.indicators import Indicators
from hedgerow.infrastructure.agents.plays import AGAINST, Look, Play
from hedgerow.infrastructure.agents.stakes import STOP_RATIO_MAX, Levels, NoLevels, levels
from hedgerow.infrastructure.agents.words import setup_words
from hedgerow.usecases.ports.desk import Briefing, RecallQuery

# A longer trend is up where the last longer close is above the mean of as many.
TREND_CANDLES: Final = 20

LESSONS_RECALLED: Final = 8


@dataclass(frozen=True, slots=True)
class Setup:
    """A play that found what it looks for, and where it would start and end."""

    play: Play
    look: Look
    at: Levels

    @property
    def words(self) -> str:
        """What was found, with its numbers."""
        return f"{self.play.name.capitalize()} ({self.look.side}): {self.look.facts}."


def find_setup(
    play: Play | None, seen: Indicators, close: Decimal, price_tick: Decimal
) -> Setup | str:
    """What `play` finds at `close`, or in words why there is no setup."""
    if play is None:
        return "No play while the regime is changing."
    look = play.look(seen)
    if not look.is_setup:
        return f"No {play.name} ({look.side}): {look.missing}."
    at = levels(play, look.side, close, seen.regime.atr, price_tick)
    if isinstance(at, NoLevels):
        return (
            f"No place for a stop: {play.stop_atrs:g} ATR are "
            f"{on_tick(price_tick, at.distance)} at a price of {on_tick(price_tick, at.entry)}, "
            f"and must be from one tick of {price_tick:f} to {STOP_RATIO_MAX:.0%} of the price."
        )
    return Setup(play, look, at)


def can_take(market_type: MarketType, side: PositionSide) -> bool:
    """Whether a position of `side` can be held: spot knows no shorts."""
    return side is PositionSide.LONG or market_type is MarketType.FUTURES


def confidence_of(strength: float, regime_confidence: float) -> float:
    """Confidence in a setup before any memory: (regime confidence + (1 + strength) / 2) / 2.

    All from 0 to 1. A setup that barely meets its conditions, of strength 0, counts a half, as a
    regime on its threshold does.
    """
    return (regime_confidence + (1.0 + strength) / 2.0) / 2.0


@dataclass(frozen=True, slots=True)
class Belief:
    """The confidence in a setup (0 to 1) before and after experience was asked."""

    before: float
    experience: Experience

    @property
    def confidence(self) -> float:
        """What is left of it, or has been added."""
        return max(0.0, min(1.0, self.before + self.experience.shift))

    @property
    def words(self) -> str:
        """How it came about."""
        return (
            f"Confidence {self.before:.2f} {self.experience.shift:+.3f} by memory = "
            f"{self.confidence:.2f}: {self.experience.reasoning}."
        )


def thesis_gone(
    regime: Regime, side: PositionSide, seen: Indicators, price_tick: Decimal
) -> str | None:
    """Why a position of `side` has lost its reason, or None while it has not."""
    edge = seen.channel_low if side is PositionSide.LONG else seen.channel_high
    broken = (edge - seen.close) * side.sign > 0.0
    reasons = (
        (regime is AGAINST[side], f"the regime has turned to {regime}"),
        (
            regime is Regime.VOLATILE and broken,
            f"a volatile market has broken out against it, beyond {price_words(price_tick, edge)}",
        ),
    )
    return next((words for holds, words in reasons if holds), None)


def against_longer_trend(
    longer: Callable[[Timeframe, int], Sequence[Candle]],
    side: PositionSide,
    timeframe: Timeframe | None,
    price_tick: Decimal,
) -> str | None:
    """Why the trend of longer candles speaks against a position, or None where it does not."""
    if timeframe is None:
        return None
    closes = [float(candle.close) for candle in longer(timeframe, TREND_CANDLES)]
    if len(closes) < TREND_CANDLES:
        return f"Only {len(closes)} of {TREND_CANDLES} closed {timeframe} candles are known."
    mean = fmean(closes)
    if (closes[-1] - mean) * side.sign > 0.0:
        return None
    return (
        f"The {timeframe} trend is against it: the close at {price_words(price_tick, closes[-1])}, "
        f"the mean of {TREND_CANDLES} at {price_words(price_tick, mean)}."
    )


def lesson_query(briefing: Briefing, seen: Indicators, kind: Kind) -> RecallQuery:
    """What to ask the memory before a setup is taken."""
    return RecallQuery(
        text=setup_words(
            f"{briefing.symbol} {briefing.timeframe}",
            kind.side,
            kind.setup_type,
            JOURNAL_REGIMES[kind.regime],
            seen.rsi,
        ),
        as_of=briefing.at,
        types=(MemoryType.LESSON,),
        symbol=briefing.symbol,
        timeframe=briefing.timeframe,
        regime=kind.regime,
        tags=(kind.setup_type, kind.side),
        personality=briefing.risk_tolerance,
        limit=LESSONS_RECALLED,
    )


def price_words(price_tick: Decimal, value: float) -> str:
    """A measured price on the grid."""
    return on_tick(price_tick, price_from_float(value, price_tick))


def on_tick(price_tick: Decimal, price: Decimal) -> str:
    """A price on the grid, with as many decimals as the tick has."""
    return f"{price.quantize(price_tick):f}"


def market_words(regime: RegimeReading, seen: Indicators, price_tick: Decimal) -> str:
    """The regime and the numbers that it rests on."""
    read = seen.regime
    return (
        f"Regime {regime.regime} (confidence {regime.confidence:.2f}): "
        f"ADX {read.adx:.1f}, close {price_words(price_tick, read.price)} against MA50 "
        f"{price_words(price_tick, read.ma50)}, ATR {price_words(price_tick, read.atr)} "
        f"({read.atr_ratio:.2f} of its usual), bands {price_words(price_tick, seen.band_lower)} to "
        f"{price_words(price_tick, seen.band_upper)} ({read.bands_ratio:.2f} of their usual "
        f"width), RSI {seen.rsi:.1f}."
    )


def levels_words(play: Play, at: Levels, price_tick: Decimal) -> str:
    """Where a trade would start and end."""
    trailing = (
        "no trailing stop"
        if at.trailing_stop_pct is None
        else f"trailing stop {at.trailing_stop_pct:f} %"
    )
    return (
        f"Entry at the market near {on_tick(price_tick, at.entry)}, stop "
        f"{on_tick(price_tick, at.stop)} ({play.stop_atrs:g} ATR, {at.stop_ratio:.2%} away), "
        f"target {on_tick(price_tick, at.target)}, reward to risk {at.reward_to_risk:.2f}, "
        f"{trailing}."
    )
