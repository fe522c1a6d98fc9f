"""How the desk speaks of a setup: one wording, so that a lesson is found when it is needed."""

from __future__ import annotations

from typing import Final

from hedgerow.domain.journal import MarketRegime
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import SetupType

# RSI below each bound, in order; Wilder (1978) calls below 30 oversold and above 70 overbought.
_RSI_ZONES: Final = ((30.0, "oversold"), (45.0, "weak"), (55.0, "neutral"), (70.0, "strong"))


def rsi_zone(rsi: float) -> str:
    """The zone of an RSI (0 to 100) in a word."""
    return next((word for bound, word in _RSI_ZONES if rsi < bound), "overbought")


def setup_words(
    market: str, side: PositionSide, setup_type: SetupType, regime: MarketRegime, rsi: float
) -> str:
    """A setup in one phrase, without prices and amounts; `market` is symbol and timeframe."""
    return f"{side} {setup_type} setup in a {regime} market on {market}, RSI {rsi_zone(rsi)}"
