"""Every ratio of daily returns against empyrical, on random series, to nine digits.

Conventions are set to ours: 365 days a year, no risk-free rate, a threshold of zero.
"""

from __future__ import annotations

import math
import random
import statistics
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import empyrical
import numpy as np
import pandas as pd
import pytest

from builders import exactly
from hedgerow.domain.performance import (
    CurvePoint,
    Performance,
    TradeStats,
    alpha_beta,
    daily_returns,
    measure,
    returns_by_day,
    trade_stats,
)

MIDNIGHT = datetime(2023, 11, 17, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR_DAYS = 365
SERIES = [(seed, days) for seed, days in enumerate((2, 3, 7, 30, 83, 365, 800))]


def random_curve(seed: int, days: int) -> list[CurvePoint]:
    """Equity at each midnight, with fat tails and drift."""
    draw, equity = random.Random(seed), 10_000.0
    points = [CurvePoint(MIDNIGHT, Decimal(10_000))]
    for day in range(1, days + 1):
        equity *= math.exp(0.02 * draw.gauss(0.03, 1) * draw.choice((1, 1, 3)))
        points.append(CurvePoint(MIDNIGHT + day * DAY, Decimal(f"{equity:.8f}")))
    return points


def same(value: Decimal | None) -> object:
    assert value is not None
    return pytest.approx(float(value), rel=1e-9, abs=1e-9)


@pytest.fixture(params=SERIES, ids=str)
def curve(request: pytest.FixtureRequest) -> list[CurvePoint]:
    return random_curve(*request.param)


@pytest.fixture
def found(curve: list[CurvePoint]) -> Performance:
    return measure(curve[0].equity, curve)


@pytest.fixture
def returns(curve: list[CurvePoint]) -> pd.Series:
    days = [(point.at - DAY).replace(tzinfo=None) for point in curve[1:]]
    values = [float(value) for value in daily_returns(curve)]
    return pd.Series(values, index=pd.DatetimeIndex(days))


def test_growth(found: Performance, returns: pd.Series) -> None:
    assert empyrical.cagr(returns, annualization=YEAR_DAYS) * 100 == same(found.cagr_pct)


def test_volatility(found: Performance, returns: pd.Series) -> None:
    expected = empyrical.annual_volatility(returns, annualization=YEAR_DAYS) * 100
    assert expected == same(found.volatility_pct)


def test_sharpe(found: Performance, returns: pd.Series) -> None:
    expected = empyrical.sharpe_ratio(returns, annualization=YEAR_DAYS)
    assert expected == same(found.sharpe_ratio)


def test_sortino(found: Performance, returns: pd.Series) -> None:
    if (returns >= 0).all():
        assert found.sortino_ratio is None
    else:
        expected = empyrical.sortino_ratio(returns, annualization=YEAR_DAYS)
        assert expected == same(found.sortino_ratio)


def test_drawdown_and_calmar(found: Performance, returns: pd.Series) -> None:
    assert -empyrical.max_drawdown(returns) * 100 == same(found.max_drawdown.percent)
    if found.max_drawdown.percent:
        expected = empyrical.calmar_ratio(returns, annualization=YEAR_DAYS)
        assert expected == same(found.calmar_ratio)


def test_omega(found: Performance, returns: pd.Series) -> None:
    if (returns >= 0).all():
        assert found.omega_ratio is None
    else:
        # empyrical knows a ratio only of three days and more
        gained, lost = returns[returns > 0].sum(), -returns[returns < 0].sum()
        expected = empyrical.omega_ratio(returns, annualization=YEAR_DAYS)
        assert (expected if len(returns) > 2 else gained / lost) == same(found.omega_ratio)


def test_tails(found: Performance, returns: pd.Series) -> None:
    assert empyrical.tail_ratio(returns) == same(found.tail_ratio)


def test_months_and_years(found: Performance, returns: pd.Series) -> None:
    months = empyrical.aggregate_returns(returns, "monthly")
    assert [(m.year, m.month) for m in found.months] == list(months.index)
    assert list(months * 100) == [same(month.percent) for month in found.months]
    years = empyrical.aggregate_returns(returns, "yearly")
    assert list(years * 100) == [same(value) for value in found.years.values()]


@pytest.mark.parametrize(("seed", "days"), SERIES[1:])
def test_alpha_and_beta(seed: int, days: int) -> None:
    fund, hold = random_curve(seed, days), random_curve(seed + 100, days)
    against = alpha_beta(returns_by_day(fund), returns_by_day(hold))
    assert against is not None
    mine, theirs = (np.array([float(v) for v in daily_returns(c)]) for c in (fund, hold))
    alpha, beta = empyrical.alpha_beta_aligned(mine, theirs, annualization=YEAR_DAYS)
    assert beta == same(against.beta)
    assert alpha * 100 == same(against.alpha_pct)


def test_a_fund_has_no_alpha_to_itself() -> None:
    days = returns_by_day(random_curve(7, 90))
    against = alpha_beta(days, days)
    assert against is not None
    assert (against.alpha_pct, against.beta) == exactly(0, 1)
    assert alpha_beta(days, dict.fromkeys(days, Decimal(0))) is None
    assert alpha_beta({}, {date(2024, 1, 1): Decimal(1)}) is None


@pytest.mark.parametrize("seed", range(5))
def test_trades_against_pandas(seed: int) -> None:
    draw = random.Random(seed)
    profits = pd.Series([round(draw.gauss(0.5, 30), 2) for _ in range(2 + 40 * seed)])
    found: TradeStats = trade_stats([Decimal(str(value)) for value in profits])
    won, lost = profits[profits > 0], profits[profits < 0]
    assert (found.trades, found.won, found.lost) == (len(profits), len(won), len(lost))
    assert math.sqrt(len(profits)) * profits.mean() / profits.std() == same(found.sqn)
    assert profits.mean() == pytest.approx(float(found.expectancy), abs=1e-8)
    if len(lost):
        assert won.sum() / -lost.sum() == same(found.profit_factor)
        average = won.mean() if len(won) else 0.0
        assert average / -lost.mean() == same(found.payoff_ratio)
        assert lost.mean() == pytest.approx(float(found.average_loss), abs=1e-8)
    assert statistics.mean(profits > 0) * 100 == same(found.win_rate_pct)
    assert (float(found.best), float(found.worst)) == (profits.max(), profits.min())
    runs = profits.gt(0).groupby(profits.gt(0).ne(profits.gt(0).shift()).cumsum())
    assert max((len(run) for _, run in runs if run.iloc[0]), default=0) == found.won_in_a_row
