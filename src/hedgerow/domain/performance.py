"""What a run was worth: equity over time, drawdowns, Sharpe ratio and what trades earned, exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from hedgerow.domain.money import HUNDRED, ONE, ZERO, exact, percent, ratio, to_quote
from hedgerow.domain.strategies import DailyReturns

_DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What something was worth at a moment, in quote currency."""

    at: datetime
    equity: Decimal


@dataclass(frozen=True, slots=True)
class DrawdownPoint:
    """How far below its highest point so far a curve stood, in per cent of that point (>= 0)."""

    at: datetime
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of a curve from a peak, in per cent of the peak, and when.

    A curve that never fell has no dates.
    """

    percent: Decimal = ZERO
    peak_at: datetime | None = None
    trough_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """A curve from its start to its end, and what it says.

    `profit` in quote currency, `profit_pct` in per cent of the start. `drawdowns` and
    `max_drawdown` are measured on the points of the curve alone.
    """

    curve: tuple[CurvePoint, ...]
    final_equity: Decimal
    profit: Decimal
    profit_pct: Decimal
    sharpe_ratio: Decimal
    drawdowns: tuple[DrawdownPoint, ...]
    max_drawdown: Drawdown


@dataclass(frozen=True, slots=True)
class TradeStats:
    """What closed trades earned after costs, in quote currency; rates are zero without trades.

    A trade is won when it earned more than zero. `profit_factor` is what the winners earned over
    what the losers cost, and None where no trade lost. `expectancy` is the average trade.
    """

    trades: int
    won: int
    win_rate_pct: Decimal
    profit: Decimal
    profit_factor: Decimal | None
    expectancy: Decimal


def measure(capital: Decimal, curve: Sequence[CurvePoint]) -> Performance:
    """What `capital` became along `curve` (oldest first; an empty one leaves it as it was)."""
    with exact():
        final = curve[-1].equity if curve else capital
        falls = drawdowns(curve)
        return Performance(
            curve=tuple(curve),
            final_equity=final,
            profit=final - capital,
            profit_pct=percent(final - capital, capital),
            sharpe_ratio=sharpe_ratio(curve),
            drawdowns=falls,
            max_drawdown=max_drawdown(curve, falls),
        )


def sharpe_ratio(curve: Sequence[CurvePoint]) -> Decimal:
    """Annualised Sharpe ratio of the daily returns, risk-free rate zero (`DailyReturns`)."""
    with exact():
        returns = DailyReturns()
        for value in daily_returns(curve):
            returns.add(value)
        return returns.sharpe_ratio


def daily_returns(curve: Sequence[CurvePoint]) -> list[Decimal]:
    """Equity at 00:00 UTC over equity a day before, less one, as ratios.

    At midnight the last point not after it counts. The first return runs from the first point to
    the first midnight after it; what follows the last midnight is not a day yet. A day that
    begins at or below zero has no return.
    """
    if not curve:
        return []
    values = [curve[0].equity, *_at_midnights(curve)]
    with exact():
        return [ratio(after, before) - ONE for before, after in pairwise(values) if before > ZERO]


def _at_midnights(curve: Sequence[CurvePoint]) -> Iterable[Decimal]:
    midnight = datetime.combine(curve[0].at.astimezone(UTC), time(tzinfo=UTC)) + _DAY
    for point, following in zip(curve, [*curve[1:], None], strict=True):
        ends = following.at if following else point.at + _MICROSECOND
        while point.at <= midnight < ends:
            yield point.equity
            midnight += _DAY


def drawdowns(curve: Sequence[CurvePoint]) -> tuple[DrawdownPoint, ...]:
    """How far below its highest point so far the curve stands, at each of its points."""
    peak, falls = ZERO, []
    with exact():
        for point in curve:
            peak = max(peak, point.equity)
            falls.append(DrawdownPoint(point.at, percent(peak - point.equity, peak)))
    return tuple(falls)


def max_drawdown(curve: Sequence[CurvePoint], falls: Sequence[DrawdownPoint]) -> Drawdown:
    """The first of the deepest `falls` of `curve`, and the last peak before it."""
    deepest = max(falls, key=lambda fall: fall.percent, default=None)
    if deepest is None or not deepest.percent:
        return Drawdown()
    before = [point for point in curve if point.at <= deepest.at]
    height = max(point.equity for point in before)
    peak = max(point.at for point in before if point.equity == height)
    return Drawdown(deepest.percent, peak_at=peak, trough_at=deepest.at)


def trade_stats(profits: Sequence[Decimal]) -> TradeStats:
    """What trades with these net profits (quote currency) come to."""
    with exact():
        won = [profit for profit in profits if profit > ZERO]
        lost = -sum((profit for profit in profits if profit < ZERO), ZERO)
        total = sum(profits, ZERO)
        count = Decimal(len(profits))
        return TradeStats(
            trades=len(profits),
            won=len(won),
            win_rate_pct=percent(Decimal(len(won)), count),
            profit=total,
            profit_factor=ratio(sum(won, ZERO), lost) if lost else None,
            expectancy=to_quote(total / count) if profits else ZERO,
        )


def time_in_market_pct(
    spans: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> Decimal:
    """The share of `start` to `end` that at least one of `spans` covers, in per cent."""
    covered, reached = timedelta(), start
    for opened, closed in sorted(spans):
        since, until = max(opened, reached), min(closed, end)
        covered += max(until - since, timedelta())
        reached = max(reached, until)
    with exact():
        part, whole = (Decimal(span // _MICROSECOND) for span in (covered, end - start))
        return min(percent(part, whole), HUNDRED)
