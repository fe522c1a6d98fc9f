"""Analysts that watch from the first candle and trade from a later moment on.

What a fold chose is judged on the fold's days alone, but an average that knew nothing of the days
before would spend the first of them finding out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hedgerow.domain.proposals import Abstention, Act, Decision
from hedgerow.usecases.backtest.desk import BacktestDesk, ByRules
from hedgerow.usecases.backtest.market import Market, RuleAnalyst, SignalAnalyst
from hedgerow.usecases.ports.desk import Analyst, Briefing, Recall


def starting_at(desk: BacktestDesk, at: datetime) -> BacktestDesk:
    """A desk that does nothing at closes before `at`."""
    decides = desk.decides
    if isinstance(decides, ByRules):
        make = decides.make
        return replace(desk, decides=replace(decides, make=lambda: _LateRules(make(), at)))
    return replace(desk, decides=replace(decides, analyst=_LateAnalyst(decides.analyst, at)))


@dataclass(slots=True)
class _LateRules:
    inner: RuleAnalyst
    starts_at: datetime
    has_started: bool = False

    def signals(self, columns: Any) -> Any:
        """Those of an analyst that gives its signals in columns; no other is asked for them."""
        assert isinstance(self.inner, SignalAnalyst), "it has no signals"
        return self.inner.signals(columns)

    def decide(self, market: Market) -> Act | None:
        wanted = self.inner.decide(market)
        if not self.has_started:
            self.has_started = market.at >= self.starts_at
        return wanted if self.has_started else None


@dataclass(frozen=True, slots=True)
class _LateAnalyst:
    inner: Analyst
    starts_at: datetime

    @property
    def candles_needed(self) -> int:
        return self.inner.candles_needed

    async def decide(self, briefing: Briefing, recall: Recall) -> Decision:
        if briefing.at >= self.starts_at:
            return await self.inner.decide(briefing, recall)
        return Abstention(briefing.symbol, "it is not time to trade yet", "sweep")
