"""The figures of a report in their order: what the terminal and the page both show."""

from __future__ import annotations

from typing import Final, NamedTuple

from hedgerow.domain.performance import TradeStats
from hedgerow.entrypoints import report_words as words
from hedgerow.usecases.report import Report

STATS_COLUMNS: Final = ("Trades", "Win rate", "Profit", "Expectancy", "Profit factor")


class Headline(NamedTuple):
    """A figure with what puts it in proportion."""

    label: str
    value: str
    note: str


def headlines(report: Report) -> list[Headline]:
    """The dozen figures that a run is judged by; amounts in quote currency, after fees."""
    return [*_money(report), *_risk(report), *_trading(report)]


def stats_cells(stats: TradeStats) -> tuple[str, ...]:
    """A row under STATS_COLUMNS."""
    return (
        f"{stats.trades:,}",
        words.win_rate(stats),
        words.signed(stats.profit),
        words.expectancy(stats),
        words.profit_factor(stats),
    )


def _money(report: Report) -> list[Headline]:
    fund, hold, verdict = report.fund, report.buy_and_hold, report.verdict
    points = f"{words.signed(verdict.difference_points)} percentage points"
    return [
        Headline(
            "Final equity",
            words.amount(fund.final_equity),
            f"from {words.amount(report.facts.capital)} {report.facts.quote_currency}",
        ),
        Headline(
            "Profit after fees", words.signed(fund.profit), words.rate(fund.profit_pct, sign=True)
        ),
        Headline(
            "Buy-and-hold",
            words.amount(hold.final_equity),
            f"{words.rate(hold.profit_pct, sign=True)} after fees",
        ),
        Headline("Against buy-and-hold", words.signed(verdict.difference_quote), points),
    ]


def _risk(report: Report) -> list[Headline]:
    fund, hold = report.fund, report.buy_and_hold
    trips = report.facts.counts.breaker_trips
    return [
        Headline(
            "Max drawdown",
            words.rate(fund.max_drawdown.percent),
            f"{words.fall_dates(fund.max_drawdown)}; "
            f"buy-and-hold {words.rate(hold.max_drawdown.percent)}",
        ),
        Headline(
            "Sharpe ratio",
            words.amount(fund.sharpe_ratio),
            f"daily, annualised; buy-and-hold {words.amount(hold.sharpe_ratio)}",
        ),
        Headline("Time in the market", words.rate(report.time_in_market_pct), "any position open"),
        Headline("Circuit breaker", f"{trips:,}", "trip" if trips == 1 else "trips"),
    ]


def _trading(report: Report) -> list[Headline]:
    totals = report.totals
    still_open = len(report.still_open)
    return [
        Headline(
            "Win rate",
            words.win_rate(totals),
            f"{totals.won:,} of {totals.trades:,} closed trades; {still_open:,} still open",
        ),
        Headline("Profit factor", words.profit_factor(totals), "won over lost"),
        Headline("Expectancy", words.expectancy(totals), "per closed trade"),
        Headline(
            "Fees paid",
            words.amount(report.facts.fees),
            f"buy-and-hold {words.amount(report.buy_and_hold_fees)}",
        ),
    ]
