"""Performance: the one set of formulas by which strategies, reports and views are measured.

Conventions, everywhere: equity and money are exact decimals in quote currency; a return is a ratio
(0.01 is 1 %) of one day at 00:00 UTC; a year has 365 days, for markets that never close; the
risk-free rate is zero; names that end in `_pct` are in per cent. A figure that its formula does not
define for what was given is None. Sums, means, roots and powers are decimals of 50 digits, rounded
at the end to 1e-12, so that a figure is the same on every machine.
"""

from hedgerow.domain.performance.activity import exposure_pct, time_in_market_pct, turnover_ratio
from hedgerow.domain.performance.drawdowns import (
    Drawdown,
    DrawdownPoint,
    drawdown_periods,
    drawdowns,
    fall_pct,
    max_drawdown,
)
from hedgerow.domain.performance.efficiency import Efficiency, trade_efficiency
from hedgerow.domain.performance.measure import Performance, measure
from hedgerow.domain.performance.ratios import (
    AlphaBeta,
    alpha_beta,
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
    DailyReturns,
    MonthReturn,
    daily_returns,
    day_return,
    monthly_returns,
    returns_by_day,
    yearly_returns,
)
from hedgerow.domain.performance.trades import TradeStats, is_won, trade_stats, win_rate_pct

__all__ = [
    "AlphaBeta",
    "CurvePoint",
    "DailyReturns",
    "Drawdown",
    "DrawdownPoint",
    "Efficiency",
    "MonthReturn",
    "Performance",
    "TradeStats",
    "alpha_beta",
    "cagr_pct",
    "calmar_ratio",
    "daily_returns",
    "day_return",
    "drawdown_periods",
    "drawdowns",
    "exposure_pct",
    "fall_pct",
    "is_won",
    "max_drawdown",
    "measure",
    "monthly_returns",
    "omega_ratio",
    "returns_by_day",
    "sharpe_ratio",
    "sortino_ratio",
    "tail_ratio",
    "time_in_market_pct",
    "trade_efficiency",
    "trade_stats",
    "turnover_ratio",
    "volatility_pct",
    "win_rate_pct",
    "yearly_returns",
]
