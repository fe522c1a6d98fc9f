"""What an arm of an evaluation came to in a span of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hedgerow.domain.money import ZERO, exact, percent
from hedgerow.domain.performance import (
    CurvePoint,
    daily_returns,
    drawdown_periods,
    drawdowns,
    is_won,
    max_drawdown,
    sharpe_ratio,
    win_rate_pct,
)
from hedgerow.domain.positions import Position
from hedgerow.usecases.evaluate.plan import Span
from hedgerow.usecases.report_facts import RunFacts


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one span: return and deepest drawdown in per cent, the Sharpe ratio of days by the year.

    `trades` were opened in it, `won` of those `closed` by the end of the run; `fees` (quote
    currency) are what they paid.
    """

    return_pct: Decimal
    max_drawdown_pct: Decimal
    sharpe: Decimal
    trades: int
    closed: int
    won: int
    fees: Decimal

    @property
    def win_rate_pct(self) -> Decimal | None:
        """The share of closed trades that earned something; None without one."""
        return win_rate_pct(self.won, self.closed) if self.closed else None


def figures_of(facts: RunFacts, span: Span) -> Figures:
    """What a run came to in a span."""
    opened_at = facts.equity[0].at - facts.timeframe.duration
    points = (CurvePoint(point.at, point.equity) for point in facts.equity)
    return figures_along(
        [CurvePoint(opened_at, facts.capital), *points],
        [trade.position for trade in facts.trades],
        span,
    )


def figures_along(
    curve: Sequence[CurvePoint], positions: Sequence[Position], span: Span, fees: Decimal = ZERO
) -> Figures:
    """What a curve (oldest first) and positions come to in a span; `fees` are other ones."""
    part = curve_in(curve, span.starts_at, span.ends_at)
    mine = [each for each in positions if span.starts_at <= each.opened_at < span.ends_at]
    closed = [each for each in mine if not each.is_open]
    with exact():
        gained = part[-1].equity - part[0].equity
        paid = sum((each.fees for each in mine), fees)
    return Figures(
        return_pct=percent(gained, part[0].equity),
        max_drawdown_pct=max_drawdown(drawdown_periods(drawdowns(part))).percent,
        sharpe=sharpe_ratio(daily_returns(part)),
        trades=len(mine),
        closed=len(closed),
        won=sum(is_won(each.net_pnl) for each in closed),
        fees=paid,
    )


def curve_in(curve: Sequence[CurvePoint], start: datetime, end: datetime) -> Sequence[CurvePoint]:
    """The points of a span, beginning with what was known last at its start."""
    known = [point for point in curve if point.at <= start]
    first = known[-1] if known else curve[0]
    return [first, *(point for point in curve if first.at < point.at <= end)]
