"""Ratios of return to risk, of daily returns unless they say otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedgerow.domain.money import CONTEXT, HUNDRED, ONE, ZERO, exact, ratio
from hedgerow.domain.performance.returns import (
    DAY,
    MICROSECOND,
    YEAR_DAYS,
    CurvePoint,
    DailyReturns,
)

# Beyond this a year's growth is an accident of a short curve, and says nothing.
_GROWTH_BOUND: Final = Decimal(10) ** 12
_TAILS: Final = (Decimal("0.95"), Decimal("0.05"))


@dataclass(frozen=True, slots=True)
class AlphaBeta:
    """A fund against a benchmark: `beta` per unit of its moves, `alpha_pct` a year besides."""

    alpha_pct: Decimal
    beta: Decimal


def sharpe_ratio(returns: Iterable[Decimal]) -> Decimal:
    """Annualised Sharpe ratio (`DailyReturns.sharpe_ratio`); zero before two days differ."""
    with exact():
        return _counted(returns).sharpe_ratio


def volatility_pct(returns: Iterable[Decimal]) -> Decimal:
    """Annualised volatility in per cent (`DailyReturns.volatility_pct`)."""
    with exact():
        return _counted(returns).volatility_pct


def cagr_pct(curve: Sequence[CurvePoint]) -> Decimal | None:
    """Compound annual growth rate: (last / first) ^ (365 days / time between) - 1, in per cent.

    -100 where nothing is left. None of a curve that is shorter than a day, begins at or below
    zero, or would grow more than 1e12 times in a year.

    Source: Bacon (2008), Practical Portfolio Performance Measurement, annualised return.
    """
    if not curve or curve[-1].at - curve[0].at < DAY or curve[0].equity <= ZERO:
        return None
    with exact():
        if curve[-1].equity <= ZERO:
            return -HUNDRED
        span = Decimal((curve[-1].at - curve[0].at) // MICROSECOND)
        years = span / (YEAR_DAYS * Decimal(DAY // MICROSECOND))
        growth = (curve[-1].equity / curve[0].equity) ** (ONE / years)
        return ratio(growth - ONE, ONE) * HUNDRED if growth < _GROWTH_BOUND else None


def calmar_ratio(cagr: Decimal | None, deepest_pct: Decimal) -> Decimal | None:
    """CAGR over the maximum drawdown, both in per cent and of the whole curve; None without one.

    Source: Young (1991), Calmar Ratio: A Smoother Tool, there over 36 months.
    """
    if cagr is None or not deepest_pct:
        return None
    return ratio(cagr, deepest_pct)


def sortino_ratio(returns: Sequence[Decimal]) -> Decimal | None:
    """Mean over downside deviation, x sqrt(365); None where no day lost.

    The downside deviation is the root of the mean, over all days, of the squares of what each
    fell below zero.

    Source: Sortino and Price (1994), Performance Measurement in a Downside Risk Framework.
    """
    with exact():
        downside = sum((value * value for value in returns if value < ZERO), ZERO)
        if not downside:
            return None
        count = Decimal(len(returns))
        deviation = CONTEXT.sqrt(downside / count)
        return ratio(sum(returns, ZERO) / count * CONTEXT.sqrt(YEAR_DAYS), deviation)


def omega_ratio(returns: Sequence[Decimal]) -> Decimal | None:
    """What the days above zero sum to over what those below do; None where no day lost.

    Source: Keating and Shadwick (2002), A Universal Performance Measure, at a threshold of zero.
    """
    with exact():
        lost = -sum((value for value in returns if value < ZERO), ZERO)
        return ratio(sum((v for v in returns if v > ZERO), ZERO), lost) if lost else None


def tail_ratio(returns: Sequence[Decimal]) -> Decimal | None:
    """The 95th percentile over the 5th, both without sign; None where the 5th is zero.

    Source: pyfolio's tail_ratio; percentiles between two days are interpolated (Hyndman and
    Fan's type 7).
    """
    if not returns:
        return None
    with exact():
        ordered = sorted(returns)
        high, low = (abs(_quantile(ordered, share)) for share in _TAILS)
        return ratio(high, low) if low else None


def alpha_beta(fund: Mapping[date, Decimal], hold: Mapping[date, Decimal]) -> AlphaBeta | None:
    """Alpha and beta of the daily returns of `fund` to those of `hold`, by the days of both.

    Beta is covariance over the variance of `hold`; alpha the mean of what beta does not explain,
    compounded over 365 days. None before two days differ in `hold`, and where alpha is beyond
    1e12 times.

    Source: Jensen (1968), The Performance of Mutual Funds, with a risk-free rate of zero.
    """
    days = [day for day in fund if day in hold]
    if not days:
        return None
    with exact():
        count = Decimal(len(days))
        mine, theirs = (sum((side[day] for day in days), ZERO) / count for side in (fund, hold))
        moves = [(fund[day] - mine, hold[day] - theirs) for day in days]
        variance = sum((move * move for _, move in moves), ZERO)
        if not variance:
            return None
        beta = sum((own * move for own, move in moves), ZERO) / variance
        growth = (ONE + mine - beta * theirs) ** int(YEAR_DAYS)
        if abs(growth) >= _GROWTH_BOUND:
            return None
        return AlphaBeta(ratio(growth - ONE, ONE) * HUNDRED, ratio(beta, ONE))


def _counted(returns: Iterable[Decimal]) -> DailyReturns:
    counted = DailyReturns()
    for value in returns:
        counted.add(value)
    return counted


def _quantile(ordered: Sequence[Decimal], share: Decimal) -> Decimal:
    place = share * (len(ordered) - 1)
    index = int(place)
    above = ordered[min(index + 1, len(ordered) - 1)]
    return ordered[index] + (above - ordered[index]) * (place - index)
