"""How much of its time and money a fund had at work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from hedgerow.domain.money import HUNDRED, ZERO, exact, percent, ratio
from hedgerow.domain.performance.returns import MICROSECOND, CurvePoint


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
        part, whole = (Decimal(span // MICROSECOND) for span in (covered, end - start))
        return min(percent(part, whole), HUNDRED)


def exposure_pct(equity_and_cash: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """The share of equity that was not free cash, on average over all closes, in per cent.

    A close with no equity left counts as none; zero without closes. The average is over closes
    of one timeframe, so each counts the same time.
    """
    if not equity_and_cash:
        return ZERO
    with exact():
        shares = (percent(equity - cash, equity) for equity, cash in equity_and_cash if equity > 0)
        return ratio(sum(shares, ZERO), Decimal(len(equity_and_cash)))


def turnover_ratio(traded_quote: Decimal, curve: Sequence[CurvePoint]) -> Decimal:
    """How often the average equity was turned over: half of all bought and sold, over it.

    Not annualised. Zero without equity. Source: the portfolio turnover of the SEC's Form N-1A,
    with the average of purchases and sales in place of the lesser.
    """
    with exact():
        total = sum((point.equity for point in curve), ZERO)
        return ratio(traded_quote * len(curve), total * 2)
