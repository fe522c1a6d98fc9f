"""The specified regime rules, read off indicators."""

from __future__ import annotations

from collections.abc import Sequence

from hedgerow.domain.market import Candle
from hedgerow.domain.regimes import MODEL_VERSION, RegimeReading, classify
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk


class RulesRegimeModel:
    """A regime model without training: the rules of the specification (port RegimeModel)."""

    def __init__(self, desk: IndicatorDesk) -> None:
        self._desk = desk

    @property
    def candles_needed(self) -> int:
        """How many closed candles it reads."""
        return WINDOW

    @property
    def candles_least(self) -> int:
        """The same: it reads neither more nor fewer."""
        return WINDOW

    @property
    def versions(self) -> tuple[str, ...]:
        """The rules alone."""
        return (MODEL_VERSION,)

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        """The regime after the last of `candles`; raises InvalidValue where they are too few."""
        return classify(self._desk.read(candles).regime)
