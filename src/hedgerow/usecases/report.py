"""Report a run: what the fund made of its capital, and what holding would have made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hedgerow.domain.buy_and_hold import EntryCosts, Held, buy_and_hold
from hedgerow.domain.money import ZERO, exact, to_quote
from hedgerow.domain.performance import (
    AlphaBeta,
    CurvePoint,
    Performance,
    TradeStats,
    alpha_beta,
    exposure_pct,
    measure,
    returns_by_day,
    time_in_market_pct,
    turnover_ratio,
)
from hedgerow.usecases.analyse_journal import (
    Efficiencies,
    GroupBy,
    Groups,
    TradeGroup,
    analyse_journal,
    efficiencies,
    group_of,
)
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
    `all_trades` and `groups` count those alone. `against_hold` is None before two days of
    buy-and-hold differ. `turnover_ratio` is how often the average equity was bought and sold.
    """

    facts: RunFacts
    started_at: datetime | None
    ended_at: datetime | None
    fund: Performance
    buy_and_hold: Performance
    buy_and_hold_fees: Decimal
    verdict: Verdict
    against_hold: AlphaBeta | None
    closed: tuple[TradeRecord, ...]
    still_open: tuple[TradeRecord, ...]
    efficiencies: Efficiencies
    all_trades: TradeGroup
    groups: Mapping[GroupBy, Groups]
    time_in_market_pct: Decimal
    exposure_pct: Decimal
    turnover_ratio: Decimal

    @property
    def totals(self) -> TradeStats:
        """What all closed trades came to."""
        return self.all_trades.stats


def build_report(facts: RunFacts) -> Report:
    """Every figure of the report, from the facts alone."""
    start = facts.equity[0].at - facts.timeframe.duration if facts.equity else None
    end = facts.equity[-1].at if facts.equity else None
    opening = [CurvePoint(start, facts.capital)] if start else []
    fund = measure(facts.capital, opening + [CurvePoint(p.at, p.equity) for p in facts.equity])
    held = _held(facts)
    hold = measure(facts.capital, [*opening, *held.curve])
    closed = closed_trades(facts)
    efficiency_of = efficiencies(closed, facts.candles)
    return Report(
        facts=facts,
        started_at=start,
        ended_at=end,
        fund=fund,
        buy_and_hold=hold,
        buy_and_hold_fees=held.fees,
        verdict=_verdict(fund, hold),
        against_hold=alpha_beta(returns_by_day(fund.curve), returns_by_day(hold.curve)),
        closed=tuple(closed),
        still_open=tuple(trade for trade in facts.trades if trade.position.is_open),
        efficiencies=efficiency_of,
        all_trades=group_of(closed, efficiency_of),
        groups={by: analyse_journal(closed, efficiency_of, by, facts.candles) for by in GroupBy},
        time_in_market_pct=_time_in_market_pct(facts, start, end),
        exposure_pct=exposure_pct([(point.equity, point.cash) for point in facts.equity]),
        turnover_ratio=turnover_ratio(_traded(facts), fund.curve),
    )


def closed_trades(facts: RunFacts) -> list[TradeRecord]:
    """The trades of a run that have ended, by when they did."""
    return sorted(
        (trade for trade in facts.trades if not trade.position.is_open),
        key=lambda trade: trade.position.closed_at or trade.position.updated_at,
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


def _traded(facts: RunFacts) -> Decimal:
    """All that was bought and sold, in quote currency."""
    with exact():
        positions = [trade.position for trade in facts.trades]
        return sum((p.entry_price * p.size_opened + p.exit_value for p in positions), ZERO)


def _time_in_market_pct(facts: RunFacts, start: datetime | None, end: datetime | None) -> Decimal:
    if start is None or end is None:
        return ZERO
    held = [(t.position.opened_at, t.position.closed_at or end) for t in facts.trades]
    return time_in_market_pct(held, start, end)


def _text(number: Decimal) -> str:
    """Eight places, half to even; adding zero takes the sign off a negative zero."""
    with exact():
        return f"{to_quote(number) + ZERO:f}"
