"""How far a Sharpe ratio can be believed: what luck, skew and many trials alone would have shown.

Sharpe ratios in here are those of one period (a day) unless a name says annual: the mean of the
returns over their sample deviation, without a risk-free rate. The sources:

- PSR: Bailey and López de Prado (2012), "The Sharpe Ratio Efficient Frontier", Journal of Risk
  15(2).
- DSR: Bailey and López de Prado (2014), "The Deflated Sharpe Ratio: Correcting for Selection Bias,
  Backtest Overfitting and Non-Normality", Journal of Portfolio Management 40(5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance
from typing import Final

DAYS_PER_YEAR: Final = 365
_EULER_MASCHERONI: Final = 0.5772156649015329
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class ReturnShape:
    """What the formulas need to know of returns; a normal distribution has `kurtosis` 3."""

    count: int
    sharpe: float
    skewness: float
    kurtosis: float


@dataclass(frozen=True, slots=True)
class Deflation:
    """The best of `trials` Sharpe ratios, held against what the best of as many lucky ones shows.

    `luck_sharpe` is the greatest Sharpe ratio of one day that is expected of `trials` strategies
    without any skill; `probability` is the deflated Sharpe ratio: the probability, 0 to 1, that
    the true Sharpe ratio of the best is above that. None where there are fewer than three days.
    """

    trials: int
    luck_sharpe: float
    probability: float | None


def sharpe(returns: Sequence[float]) -> float:
    """Mean over sample deviation, of one period; zero before two returns differ."""
    if len(returns) < 2 or min(returns) == max(returns):
        return 0.0
    return fmean(returns) / math.sqrt(variance(returns))


def annual_sharpe(daily_sharpe: float) -> float:
    """A Sharpe ratio of one day as one of a year of 365 days."""
    return daily_sharpe * math.sqrt(DAYS_PER_YEAR)


def shape_of(returns: Sequence[float]) -> ReturnShape:
    """Count, Sharpe ratio, skewness and kurtosis; those of a normal distribution if constant."""
    if len(returns) < 2 or min(returns) == max(returns):
        return ReturnShape(len(returns), 0.0, 0.0, 3.0)
    mean = fmean(returns)
    second, third, fourth = (
        fmean((each - mean) ** power for each in returns) for power in (2, 3, 4)
    )
    return ReturnShape(
        count=len(returns),
        sharpe=sharpe(returns),
        skewness=third / second**1.5,
        kurtosis=fourth / second**2,
    )


def probabilistic_sharpe(shape: ReturnShape, benchmark_sharpe: float = 0.0) -> float | None:
    """The probability, 0 to 1, that the true Sharpe ratio is above `benchmark_sharpe` (PSR).

    PSR(SR*) = Z[(SR - SR*) sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)], with Z the normal
    distribution function, g3 the skewness and g4 the kurtosis. None with fewer than three returns.
    """
    if shape.count < 3:
        return None
    spread = 1 - shape.skewness * shape.sharpe + (shape.kurtosis - 1) / 4 * shape.sharpe**2
    # g4 >= 1 + g3^2 keeps it at or above zero; zero is where returns have two values alone
    if spread <= 0:
        return float(shape.sharpe > benchmark_sharpe)
    distance = (shape.sharpe - benchmark_sharpe) * math.sqrt(shape.count - 1)
    return _NORMAL.cdf(distance / math.sqrt(spread))


def expected_best_sharpe(trial_variance: float, trials: int) -> float:
    """The greatest Sharpe ratio expected of `trials` independent ones whose true value is zero.

    SR0 = sqrt(V) ((1 - g) Z^-1[1 - 1/N] + g Z^-1[1 - 1/(N e)]), with V the variance of the trials'
    Sharpe ratios, N their number and g the Euler-Mascheroni constant. One trial has nothing to
    choose from: zero.
    """
    if trials < 2:
        return 0.0
    usual = _NORMAL.inv_cdf(1 - 1 / trials)
    greater = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(trial_variance) * (
        (1 - _EULER_MASCHERONI) * usual + _EULER_MASCHERONI * greater
    )


def deflated_sharpe(best: ReturnShape, trial_sharpes: Sequence[float]) -> Deflation:
    """The PSR of the best trial against the best that luck shows: DSR = PSR(SR0).

    `trial_sharpes` are those of all trials, the best among them. Trials that resemble each other
    are counted as if they were independent, which makes the answer stricter.
    """
    spread = variance(trial_sharpes) if len(trial_sharpes) > 1 else 0.0
    luck = expected_best_sharpe(spread, len(trial_sharpes))
    return Deflation(len(trial_sharpes), luck, probabilistic_sharpe(best, luck))
