"""How far stated confidence can be believed: what was sure of itself beside what came true.

A forecast says of something that it will come true, with a confidence from 0 to 1. The sources:

- Brier score: Brier (1950), "Verification of Forecasts Expressed in Terms of Probability", Monthly
  Weather Review 78(1).
- Expected calibration error: Naeini, Cooper and Hauskrecht (2015), "Obtaining Well Calibrated
  Probabilities Using Bayesian Binning", AAAI.
- Interval of a share: Wilson (1927), "Probable Inference, the Law of Succession, and Statistical
  Inference", Journal of the American Statistical Association 22(158).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Final

from hedgerow.domain.errors import InvalidValue

BINS: Final = 5
_LEVEL: Final = 0.95
_Z: Final = NormalDist().inv_cdf((1 + _LEVEL) / 2)


@dataclass(frozen=True, slots=True)
class Forecast:
    """That something comes true, with a `confidence` (0 to 1), and whether it did.

    Raises InvalidValue for a confidence outside of that.
    """

    confidence: float
    came_true: bool

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise InvalidValue(field="confidence", value=self.confidence, allowed="0 to 1")


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a true share lies with 95 % confidence, 0 to 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Forecasts with a confidence of `low` to `high`: how sure they were, how many came true.

    `low` itself belongs to it, `high` to the next one; the last bin has 1 as well.
    """

    low: float
    high: float
    count: int
    mean_confidence: float
    frequency: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `count` forecasts were worth; lower is better for all three scores.

    `brier` is the Brier score, `constant_brier` that of who always says the share that came true,
    knowing it beforehand, and `error` the expected calibration error. Bins that nobody was in are
    left out.
    """

    count: int
    brier: float
    constant_brier: float
    error: float
    bins: tuple[ReliabilityBin, ...]


def wilson_interval(successes: int, count: int) -> Interval:
    """Between which shares the true one lies, by Wilson's score at 95 %; anywhere without trials.

    (p + z^2 / 2n ± z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with p the share seen.
    """
    if not count:
        return Interval(0.0, 1.0)
    share, weight = successes / count, _Z**2 / count
    middle = share + weight / 2
    reach = _Z * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    low, high = (middle - reach) / (1 + weight), (middle + reach) / (1 + weight)
    # Where all or none succeeded one end is exact, and rounding alone moves it.
    return Interval(low if successes else 0.0, high if successes < count else 1.0)


def brier_score(forecasts: Sequence[Forecast]) -> float:
    """The mean of (confidence - outcome)^2, the outcome being 1 or 0; of at least one forecast."""
    return fmean((each.confidence - each.came_true) ** 2 for each in forecasts)


def calibration(forecasts: Sequence[Forecast]) -> Calibration | None:
    """How well confidence was borne out; None without forecasts."""
    if not forecasts:
        return None
    share = fmean(each.came_true for each in forecasts)
    bins = reliability(forecasts)
    return Calibration(
        count=len(forecasts),
        brier=brier_score(forecasts),
        constant_brier=share * (1 - share),
        error=calibration_error(bins),
        bins=bins,
    )


def reliability(forecasts: Sequence[Forecast]) -> tuple[ReliabilityBin, ...]:
    """Forecasts by their confidence, in bins of equal width; the empty ones are left out."""
    grouped: dict[int, list[Forecast]] = {}
    for each in forecasts:
        grouped.setdefault(min(int(each.confidence * BINS), BINS - 1), []).append(each)
    return tuple(_bin(number, grouped[number]) for number in sorted(grouped))


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: the mean distance of confidence from frequency.

    The sum over bins of n_b / n x |frequency_b - mean confidence_b|.
    """
    count = sum(each.count for each in bins)
    gaps = (each.count * abs(each.frequency - each.mean_confidence) for each in bins)
    return math.fsum(gaps) / count


def _bin(number: int, forecasts: Sequence[Forecast]) -> ReliabilityBin:
    came_true = sum(each.came_true for each in forecasts)
    return ReliabilityBin(
        low=number / BINS,
        high=(number + 1) / BINS,
        count=len(forecasts),
        mean_confidence=fmean(each.confidence for each in forecasts),
        frequency=came_true / len(forecasts),
        interval=wilson_interval(came_true, len(forecasts)),
    )
