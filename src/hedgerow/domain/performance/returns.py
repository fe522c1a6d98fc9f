"""Equity over time, and its returns by day and by month."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from hedgerow.domain.money import CONTEXT, HUNDRED, ONE, ZERO, exact, percent, ratio

YEAR_DAYS: Final = Decimal(365)
DAY: Final = timedelta(days=1)
MICROSECOND: Final = timedelta(microseconds=1)

_Period = TypeVar("_Period", bound=Hashable)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What something was worth at a moment, in quote currency."""

    at: datetime
    equity: Decimal


@dataclass(frozen=True, slots=True)
class MonthReturn:
    """What a calendar month (UTC) earned, in per cent of the equity it began with."""

    year: int
    month: int
    percent: Decimal


@dataclass(slots=True)
class DailyReturns:
    """Running mean and squared deviation of daily returns, as ratios.

    Source: Welford (1962), Note on a method for calculating corrected sums of squares.
    """

    count: int = 0
    mean: Decimal = ZERO
    squared_deviation: Decimal = ZERO

    def add(self, value: Decimal) -> None:
        """Count one day."""
        self.count += 1
        before = value - self.mean
        self.mean += CONTEXT.divide(before, Decimal(self.count))
        self.squared_deviation += before * (value - self.mean)

    @property
    def volatility_pct(self) -> Decimal:
        """Annualised volatility: sample deviation x sqrt(365), in per cent; zero before two days.

        Source: Bacon (2008), Practical Portfolio Performance Measurement, with n - 1 days.
        """
        if self.count < 2:
            return ZERO
        return ratio(self._deviation * CONTEXT.sqrt(YEAR_DAYS), ONE) * HUNDRED

    @property
    def sharpe_ratio(self) -> Decimal:
        """Mean over sample deviation x sqrt(365); zero before two days differ.

        Source: Sharpe (1994), The Sharpe Ratio, with a risk-free rate of zero.
        """
        if self.count < 2 or not self.squared_deviation:
            return ZERO
        return ratio(self.mean * CONTEXT.sqrt(YEAR_DAYS), self._deviation)

    @property
    def _deviation(self) -> Decimal:
        return CONTEXT.sqrt(CONTEXT.divide(self.squared_deviation, Decimal(self.count - 1)))


def day_return(before: Decimal, after: Decimal) -> Decimal | None:
    """What a day made of `before`, as a ratio; None of a day that began at or below zero."""
    return ratio(after, before) - ONE if before > ZERO else None


def daily_returns(curve: Sequence[CurvePoint]) -> list[Decimal]:
    """Equity at 00:00 UTC over equity a day before, less one, as ratios (`returns_by_day`)."""
    return list(returns_by_day(curve).values())


def returns_by_day(curve: Sequence[CurvePoint]) -> dict[date, Decimal]:
    """Each whole day's return, by the day (UTC) that it was earned in, oldest first.

    At midnight the last point not after it counts. The first return runs from the first point to
    the first midnight after it; what follows the last midnight is not a day yet.
    """
    if not curve:
        return {}
    found, before = {}, curve[0].equity
    with exact():
        for day, after in _at_midnights(curve):
            value = day_return(before, after)
            if value is not None:
                found[day] = value
            before = after
    return found


def monthly_returns(curve: Sequence[CurvePoint]) -> tuple[MonthReturn, ...]:
    """What each calendar month earned, from the first point to the last, oldest first.

    The first and the last month may be parts of one. A month without a point, or that began at or
    below zero, is left out.
    """
    earned = _earned(curve, lambda day: (day.year, day.month))
    return tuple(MonthReturn(year, month, value) for (year, month), value in earned.items())


def yearly_returns(curve: Sequence[CurvePoint]) -> dict[int, Decimal]:
    """What each calendar year earned, in per cent, as `monthly_returns` counts months."""
    return _earned(curve, lambda day: day.year)


def _earned(
    curve: Sequence[CurvePoint], period_of: Callable[[datetime], _Period]
) -> dict[_Period, Decimal]:
    """What each period earned, in per cent of the equity it began with."""
    if not curve:
        return {}
    # what stands at midnight is what the day before has come to
    ends = {period_of(point.at.astimezone(UTC) - MICROSECOND): point.equity for point in curve[1:]}
    found, before = {}, curve[0].equity
    with exact():
        for period, after in ends.items():
            if before > ZERO:
                found[period] = percent(after - before, before)
            before = after
    return found


def _at_midnights(curve: Sequence[CurvePoint]) -> Iterable[tuple[date, Decimal]]:
    midnight = datetime.combine(curve[0].at.astimezone(UTC), time(tzinfo=UTC)) + DAY
    for point, following in zip(curve, [*curve[1:], None], strict=True):
        ends = following.at if following else point.at + MICROSECOND
        while point.at <= midnight < ends:
            yield (midnight - DAY).date(), point.equity
            midnight += DAY
