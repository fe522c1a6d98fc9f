"""What a fund's desk is told of the fund, and what has happened to its positions."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

from hedgerow.domain.fund import Fund
from hedgerow.domain.messages import PositionEnded, Step
from hedgerow.domain.pairs import TradingPair
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


def endings(steps: Iterable[Step]) -> Iterable[PositionEnded]:
    """The positions that ended in these steps."""
    for step in steps:
        yield from (fact for fact in step.facts if isinstance(fact, PositionEnded))
