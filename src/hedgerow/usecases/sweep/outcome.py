"""From a backtest to what a sweep needs of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from hedgerow.domain.money import ZERO, exact, percent
from hedgerow.usecases.backtest.result import BacktestResult
from hedgerow.usecases.candle_series import microseconds
from hedgerow.usecases.sweep.ports import Outcome, Window

_DAY_US = 24 * 60 * 60 * 1_000_000


def outcome_of(result: BacktestResult, window: Window) -> Outcome:
    """The outcome of a backtest that began to trade with `window`, and ended with it."""
    capital = result.strategy.allocated_capital
    with exact():
        return Outcome(
            daily_returns=daily_returns(capital, result.equity.at_us, result.equity.equity, window),
            trades=sum(position.closed_at is not None for position in result.positions),
            net_profit=result.final_equity - capital,
            max_drawdown_pct=max_drawdown_pct(capital, result.equity.equity),
            fees=result.fees,
        )


def daily_returns(
    capital: Decimal, at_us: Sequence[int], equity: Sequence[Decimal], window: Window
) -> tuple[float, ...]:
    """Equity at the end of each day of `window` over equity a day before, less one.

    `capital` is what there was before the first of the points (microseconds since 1970, oldest
    first). A day that began at or below zero has a return of zero.
    """
    midnight = microseconds(window.starts_at)
    values, place, worth = [capital], 0, capital
    for _ in range(window.days):
        midnight += _DAY_US
        while place < len(at_us) and at_us[place] <= midnight:
            worth = equity[place]
            place += 1
        values.append(worth)
    return tuple(
        float(after / before - 1) if before > ZERO else 0.0 for before, after in pairwise(values)
    )


def max_drawdown_pct(capital: Decimal, equity: Sequence[Decimal]) -> Decimal:
    """The deepest fall from a peak, `capital` being the first, in per cent of the peak (>= 0)."""
    deepest, peak, low = ZERO, capital, capital
    for worth in equity:
        if worth > peak:
            deepest = max(deepest, percent(peak - low, peak))
            peak = low = worth
        elif worth < low:
            low = worth
    return max(deepest, percent(peak - low, peak))
