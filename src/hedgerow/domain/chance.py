"""A result beside many that chance alone has brought about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.money import exact, percent

# What is called confidence: chance alone gets this far in one of twenty.
_LUCK_MAX: Final = Decimal("0.05")
_TWO: Final = Decimal(2)


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several figures, and how far they reach."""

    median: Decimal
    least: Decimal
    most: Decimal


@dataclass(frozen=True, slots=True)
class Odds:
    """Where a figure stands among `draws` that chance has made.

    `percentile` is the share of draws below it in per cent, those equal to it by half. `luck` is
    the chance (0 to 1) that one who knows nothing gets as far or further: (1 + those that did) /
    (1 + draws), the p-value of a Monte Carlo test (Davison and Hinkley, 1997).
    """

    draws: int
    percentile: Decimal
    luck: Decimal

    @property
    def is_convincing(self) -> bool:
        """Whether chance would get as far in at most one of twenty."""
        return self.luck <= _LUCK_MAX


def spread_of(figures: Sequence[Decimal]) -> Spread | None:
    """Median, least and most; of an even number the median is the mean of the middle two."""
    if not figures:
        return None
    ordered, half = sorted(figures), len(figures) // 2
    with exact():
        middle = (ordered[half] + ordered[~half]) / _TWO
    return Spread(middle, ordered[0], ordered[-1])


def odds_of(figure: Decimal, draws: Sequence[Decimal]) -> Odds | None:
    """Where `figure` stands among `draws`, more being better; None without draws."""
    if not draws:
        return None
    below = sum(each < figure for each in draws)
    level = sum(each == figure for each in draws)
    with exact():
        return Odds(
            draws=len(draws),
            percentile=percent(_TWO * below + level, _TWO * len(draws)),
            luck=Decimal(1 + len(draws) - below) / Decimal(1 + len(draws)),
        )
