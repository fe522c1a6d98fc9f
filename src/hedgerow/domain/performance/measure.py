"""A curve of equity with everything that is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from hedgerow.domain.money import exact, percent
from hedgerow.domain.performance.drawdowns import (
    Drawdown,
    DrawdownPoint,
    drawdown_periods,
    drawdowns,
    max_drawdown,
)
from hedgerow.domain.performance.ratios import (
    cagr_pct,
    calmar_ratio,
    omega_ratio,
    sharpe_ratio,
    sortino_ratio,
    tail_ratio,
    volatility_pct,
)
from hedgerow.domain.performance.returns import (
    CurvePoint,
    MonthReturn,
    daily_returns,
    monthly_returns,
    yearly_returns,
)


@dataclass(frozen=True, slots=True)
class Performance:
    """A curve from its start to its end, and what it says; each figure by the function of its name.

    `profit` in quote currency, `profit_pct` in per cent of the start. `drawdowns` and all that
    follows from them are measured on the points of the curve alone; `falls` are the periods
    below a peak, oldest first, and `years` what each calendar year earned in per cent.
    """

    curve: tuple[CurvePoint, ...]
    final_equity: Decimal
    profit: Decimal
    profit_pct: Decimal
    days: int
    cagr_pct: Decimal | None
    volatility_pct: Decimal
    sharpe_ratio: Decimal
    sortino_ratio: Decimal | None
    calmar_ratio: Decimal | None
    omega_ratio: Decimal | None
    tail_ratio: Decimal | None
    drawdowns: tuple[DrawdownPoint, ...]
    falls: tuple[Drawdown, ...]
    max_drawdown: Drawdown
    months: tuple[MonthReturn, ...]
    years: dict[int, Decimal]


def measure(capital: Decimal, curve: Sequence[CurvePoint]) -> Performance:
    """What `capital` became along `curve` (oldest first; an empty one leaves it as it was)."""
    with exact():
        final = curve[-1].equity if curve else capital
        returns, growth = daily_returns(curve), cagr_pct(curve)
        falls = drawdowns(curve)
        periods = drawdown_periods(falls)
        deepest = max_drawdown(periods)
        return Performance(
            curve=tuple(curve),
            final_equity=final,
            profit=final - capital,
            profit_pct=percent(final - capital, capital),
            days=len(returns),
            cagr_pct=growth,
            volatility_pct=volatility_pct(returns),
            sharpe_ratio=sharpe_ratio(returns),
            sortino_ratio=sortino_ratio(returns),
            calmar_ratio=calmar_ratio(growth, deepest.percent),
            omega_ratio=omega_ratio(returns),
            tail_ratio=tail_ratio(returns),
            drawdowns=falls,
            falls=tuple(periods),
            max_drawdown=deepest,
            months=monthly_returns(curve),
            years=yearly_returns(curve),
        )
