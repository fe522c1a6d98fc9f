"""The figures of a report in their order: what the terminal and the page both show."""

from __future__ import annotations

from typing import NamedTuple

from hedgerow.domain.performance import Performance
from hedgerow.entrypoints import report_words as words
from hedgerow.usecases.report import Report


class Headline(NamedTuple):
    """A figure with what puts it in proportion."""

    label: str
    value: str
    note: str


class Side(NamedTuple):
    """A figure of the fund, and of buy-and-hold."""

    label: str
    fund: str
    hold: str


class Detail(NamedTuple):
    """A figure by its name."""

    label: str
    value: str


def headlines(report: Report) -> list[Headline]:
    """The dozen figures that a run is judged by; amounts in quote currency, after fees."""
    return [*_money(report), *_risk(report), *_trading(report)]


def comparison(report: Report) -> list[Side]:
    """Return and risk of the fund beside those of buy-and-hold."""
    fund, against = _figures(report.fund), report.against_hold
    rows = [Side(label, fund[label], held) for label, held in _figures(report.buy_and_hold).items()]
    alpha = words.maybe_rate(against.alpha_pct if against else None, sign=True)
    beta = words.maybe(against.beta if against else None)
    return [*rows, Side("Alpha a year", alpha, words.NONE), Side("Beta", beta, "1.00")]


def details(report: Report) -> list[Detail]:
    """How it traded: sizes of wins and losses, streaks, and how much was at work."""
    stats, group = report.totals, report.all_trades
    return [
        Detail("Average win", words.signed(stats.average_win) if stats.won else words.NONE),
        Detail("Average loss", words.signed(stats.average_loss) if stats.lost else words.NONE),
        Detail("Payoff ratio", words.maybe(stats.payoff_ratio)),
        Detail("System quality (SQN)", words.maybe(stats.sqn)),
        Detail("Best and worst trade", words.best_and_worst(stats)),
        Detail("Longest streaks", words.streaks(stats)),
        Detail("Average time held", words.average_held(group)),
        Detail("Entry and exit efficiency", words.efficiencies(group)),
        Detail("Average exposure", words.rate(report.exposure_pct)),
        Detail("Turnover of equity", f"{words.amount(report.turnover_ratio)} times"),
        Detail("Funding paid", words.amount(report.facts.funding)),
        Detail("Proposals refused", words.refusals(report.facts.refusals)),
    ]


def figures(report: Report) -> dict[str, str]:
    """Every figure of the fund by its name."""
    shown = {figure.label: figure.value for figure in headlines(report)}
    against = {side.label: side.fund for side in comparison(report)}
    return shown | against | {detail.label: detail.value for detail in details(report)}


def _figures(side: Performance) -> dict[str, str]:
    return {
        "Growth a year (CAGR)": words.maybe_rate(side.cagr_pct, sign=True),
        "Volatility a year": words.rate(side.volatility_pct),
        "Sharpe ratio": words.amount(side.sharpe_ratio),
        "Sortino ratio": words.maybe(side.sortino_ratio),
        "Calmar ratio": words.maybe(side.calmar_ratio),
        "Omega ratio": words.maybe(side.omega_ratio),
        "Tail ratio": words.maybe(side.tail_ratio),
        "Max drawdown": words.rate(side.max_drawdown.percent),
        "Longest below a peak": words.longest_fall(side),
    }


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
