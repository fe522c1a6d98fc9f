"""Report a run: what the fund made of its capital, and what holding would have made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hedgerow.domain.buy_and_hold import EntryCosts, Held, buy_and_hold
from hedgerow.domain.money import ZERO, exact, to_quote
from hedgerow.domain.performance import (
    CurvePoint,
    Performance,
    TradeStats,
    measure,
    time_in_market_pct,
    trade_stats,
)
from hedgerow.domain.proposals import SetupType
from hedgerow.usecases.report_facts import RunFacts, TradeRecord


class Standing(StrEnum):
    """How the fund ended against buy-and-hold."""

    AHEAD = "ahead"
    LEVEL = "level"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fund's final equity less buy-and-hold's: in quote currency, and in percentage points
    of the capital. Both are below zero when the fund did worse.
    """

    standing: Standing
    difference_quote: Decimal
    difference_points: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """A run's figures. Amounts in the facts' quote currency, shares in per cent.

    `started_at` is the opening of the first interval and `ended_at` the close of the last; both
    are None before the first close. `closed` are the trades that have ended, by when they did;
    the stats count those alone. `by_setup` files trades whose journal entry is not written yet
    under None.
    """

    facts: RunFacts
    started_at: datetime | None
    ended_at: datetime | None
    fund: Performance
    buy_and_hold: Performance
    buy_and_hold_fees: Decimal
    verdict: Verdict
    closed: tuple[TradeRecord, ...]
    still_open: tuple[TradeRecord, ...]
    totals: TradeStats
    by_symbol: Mapping[str, TradeStats]
    by_setup: Mapping[SetupType | None, TradeStats]
    time_in_market_pct: Decimal


def build_report(facts: RunFacts) -> Report:
    """Every figure of the report, from the facts alone."""
    start = facts.equity[0].at - facts.timeframe.duration if facts.equity else None
    end = facts.equity[-1].at if facts.equity else None
    opening = [CurvePoint(start, facts.capital)] if start else []
    fund = measure(facts.capital, opening + [CurvePoint(p.at, p.equity) for p in facts.equity])
    held = _held(facts)
    hold = measure(facts.capital, [*opening, *held.curve])
    closed = sorted(
        (trade for trade in facts.trades if not trade.position.is_open),
        key=lambda trade: trade.position.closed_at or trade.position.updated_at,
    )
    return Report(
        facts=facts,
        started_at=start,
        ended_at=end,
        fund=fund,
        buy_and_hold=hold,
        buy_and_hold_fees=held.fees,
        verdict=_verdict(fund, hold),
        closed=tuple(closed),
        still_open=tuple(trade for trade in facts.trades if trade.position.is_open),
        totals=_stats(closed),
        by_symbol=_by_symbol(facts, closed),
        by_setup=_by_setup(closed),
        time_in_market_pct=_time_in_market_pct(facts, start, end),
    )


def report_json(report: Report) -> dict[str, str | int | None]:
    """The report's figures for machines.

    Amounts, rates and ratios are decimal strings with 8 places, counts are integers.
    `profit_factor` is None where no trade lost. `trades` counts the closed ones.
    """
    counts = report.facts.counts
    factor = report.totals.profit_factor
    return {
        "candles": counts.candles,
        "decisions": counts.decisions,
        "orders": counts.orders,
        "fills": counts.fills,
        "trades": report.totals.trades,
        "capital": _text(report.facts.capital),
        "final_equity": _text(report.fund.final_equity),
        "buy_and_hold_equity": _text(report.buy_and_hold.final_equity),
        "fees": _text(report.facts.fees),
        "sharpe": _text(report.fund.sharpe_ratio),
        "max_drawdown_pct": _text(report.fund.max_drawdown.percent),
        "win_rate_pct": _text(report.totals.win_rate_pct),
        "profit_factor": None if factor is None else _text(factor),
        "breaker_trips": counts.breaker_trips,
        "memories": counts.memories,
        "journal_entries": counts.journal_entries,
    }


def _held(facts: RunFacts) -> Held:
    return buy_and_hold(
        facts.capital,
        facts.allocations,
        facts.candles,
        [point.at for point in facts.equity],
        EntryCosts(facts.taker_fee_ratio, facts.slippage_ratio),
    )


def _verdict(fund: Performance, hold: Performance) -> Verdict:
    with exact():
        difference = fund.final_equity - hold.final_equity
        points = fund.profit_pct - hold.profit_pct
    if not difference:
        return Verdict(Standing.LEVEL, ZERO, ZERO)
    standing = Standing.AHEAD if difference > ZERO else Standing.BEHIND
    return Verdict(standing, difference, points)


def _stats(trades: Iterable[TradeRecord]) -> TradeStats:
    with exact():
        return trade_stats([trade.position.net_pnl for trade in trades])


def _by_symbol(facts: RunFacts, closed: Iterable[TradeRecord]) -> dict[str, TradeStats]:
    """Every symbol that was watched or traded, in alphabetical order."""
    groups: dict[str, list[TradeRecord]] = {symbol: [] for symbol in facts.candles}
    for trade in closed:
        groups.setdefault(trade.position.symbol, []).append(trade)
    return {symbol: _stats(groups[symbol]) for symbol in sorted(groups)}


def _by_setup(closed: Iterable[TradeRecord]) -> dict[SetupType | None, TradeStats]:
    """The setups that were traded, in the order the journal names them."""
    groups: dict[SetupType | None, list[TradeRecord]] = defaultdict(list)
    for trade in closed:
        groups[trade.journal.setup_type if trade.journal else None].append(trade)
    return {setup: _stats(groups[setup]) for setup in (*SetupType, None) if setup in groups}


def _time_in_market_pct(facts: RunFacts, start: datetime | None, end: datetime | None) -> Decimal:
    if start is None or end is None:
        return ZERO
    held = [(t.position.opened_at, t.position.closed_at or end) for t in facts.trades]
    return time_in_market_pct(held, start, end)


def _text(number: Decimal) -> str:
    """Eight places, half to even; adding zero takes the sign off a negative zero."""
    with exact():
        return f"{to_quote(number) + ZERO:f}"
