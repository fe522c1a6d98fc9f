"""What a fund's desk is told of the fund, and what has happened to its positions."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime

from hedgerow.domain.fund import Fund
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.positions import Position
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.usecases.ports.desk import FundView


def view_of(fund: Fund, pair: TradingPair) -> FundView:
    """The fund as the desk of one of its pairs sees it: a copy, which nothing changes any more."""
    strategy = fund.strategies[pair.strategy_id]
    return FundView(
        user_id=fund.user.id,
        strategy_id=strategy.id,
        quote_currency=strategy.quote_currency,
        equity=strategy.current_equity,
        cash=strategy.cash_reserve,
        exposure=fund.exposure,
        risk=fund.risk_quote,
        target_allocations=dict(strategy.target_allocations),
        rebalance_frequency=strategy.rebalance_frequency,
        positions=tuple(copy(position) for position in fund.positions.values()),
        bounds=fund.bounds,
        limits=fund.limit_profile.limits,
        settings=fund.user.settings,
        is_halted=fund.breaker.is_triggered,
        leverage_max=pair.max_leverage,
    )


class Watch:
    """What changes on each symbol from one decision to the next, for the desk to be told."""

    def __init__(self, fund: Fund) -> None:
        self._fund = fund
        self._held = {each.symbol: each for each in fund.positions.values()}
        self._regimes: dict[str, Regime] = {}

    def recall(self, positions: Iterable[Position], decided_at: datetime) -> None:
        """Take up where another process stopped after the decisions of `decided_at`: what was open
        then may have ended since.
        """
        for position in positions:
            ended_at = position.closed_at
            if ended_at is not None and position.opened_at <= decided_at < ended_at:
                self._held[position.symbol] = position

    def regime_before(self, symbol: str, reading: RegimeReading | None) -> Regime | None:
        """The regime at the last decision; `reading` is what is stored of the close before, for a
        fund that has just been loaded.
        """
        stored = None if reading is None else reading.regime
        return self._regimes.get(symbol, stored)

    def happened(self, symbol: str) -> tuple[str, ...]:
        """What became of the position that was open at the last decision, in words."""
        position = self._held.get(symbol)
        if position is None or position.id in self._fund.positions:
            return ()
        return (f"the {position.side} has ended: {position.close_reasoning}",)

    def decided(self, symbol: str, regime: Regime) -> None:
        """Begin anew from here."""
        self._regimes[symbol] = regime
        self._held.pop(symbol, None)
        for position in self._fund.positions.values():
            if position.symbol == symbol:
                self._held[symbol] = position
