"""How a report speaks: amounts, rates, dates and the verdict, in words that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from hedgerow.domain.money import HUNDRED
from hedgerow.domain.performance import Drawdown, Performance, TradeStats
from hedgerow.domain.proposals import SetupType
from hedgerow.usecases.analyse_journal import TradeGroup
from hedgerow.usecases.report import Report, Standing
from hedgerow.usecases.report_facts import TradeRecord

NONE = "–"
_PRICE_DIGITS = 6
_YEAR_DAYS = 365


def amount(value: Decimal) -> str:
    """An amount of quote currency: thousands apart, two decimals."""
    return _without_lost_sign(f"{value:,.2f}")


def signed(value: Decimal) -> str:
    """An amount whose direction matters: +12.30, -4.00, 0.00."""
    return _without_lost_sign(f"{value:+,.2f}")


def rate(value: Decimal, *, sign: bool = False) -> str:
    """Per cent with two decimals."""
    return f"{signed(value) if sign else amount(value)} %"


def maybe(value: Decimal | None) -> str:
    """A ratio with two decimals; a dash where there is none."""
    return NONE if value is None else amount(value)


def maybe_rate(value: Decimal | None, *, sign: bool = False) -> str:
    """Per cent with two decimals; a dash where there is none."""
    return NONE if value is None else rate(value, sign=sign)


def whole_rate(value: Decimal | None) -> str:
    """Per cent without decimals; a dash where there is none."""
    return NONE if value is None else f"{value:.0f} %"


def share(ratio: Decimal) -> str:
    """A ratio as per cent, with as many of four decimals as it needs."""
    digits = f"{ratio * HUNDRED:.4f}".rstrip("0").rstrip(".")
    return f"{digits} %"


def refusals(by_check: Mapping[str, int]) -> str:
    """How many proposals failed which check: 5 (open positions 4, leverage 1)."""
    if not by_check:
        return "none"
    checks = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in by_check.items())
    return f"{sum(by_check.values()):,} ({checks})"


def price(value: Decimal | None) -> str:
    """A price with two decimals, or with more until six digits count."""
    if value is None:
        return NONE
    return f"{value:,.{max(_PRICE_DIGITS - 1 - value.adjusted(), 2)}f}"


def day(at: datetime | None) -> str:
    """The date, in UTC."""
    return f"{at:%Y-%m-%d}" if at else NONE


def minute(at: datetime | None) -> str:
    """Date and time to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}" if at else NONE


def held(span: timedelta) -> str:
    """A span in its two largest units: 3 d 4 h, 5 h 20 min, 7 min."""
    minutes = int(span.total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def plain(text: str) -> str:
    """Text of others on one line: control and formatting characters become spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shortened(text: str, characters_max: int) -> str:
    """Text cut to a length, with a mark where something is missing."""
    if len(text) <= characters_max:
        return text
    return f"{text[: characters_max - 1].rstrip()}…"


def setup_name(setup: SetupType | None) -> str:
    """A setup as a person says it."""
    return setup.replace("_", " ") if setup else "not in the journal yet"


def setup_of(trade: TradeRecord) -> SetupType | None:
    """The setup of a trade, once its journal entry tells it."""
    return trade.journal.setup_type if trade.journal else None


def profit_factor(stats: TradeStats) -> str:
    """The profit factor, or why there is none."""
    if not stats.trades:
        return NONE
    if stats.profit_factor is None:
        return "no losing trade"
    return amount(stats.profit_factor)


def win_rate(stats: TradeStats) -> str:
    """The win rate; a dash without trades."""
    return rate(stats.win_rate_pct) if stats.trades else NONE


def expectancy(stats: TradeStats) -> str:
    """The average trade's net profit; a dash without trades."""
    return signed(stats.expectancy) if stats.trades else NONE


def best_and_worst(stats: TradeStats) -> str:
    """The best and the worst trade."""
    return f"{signed(stats.best)} / {signed(stats.worst)}" if stats.trades else NONE


def streaks(stats: TradeStats) -> str:
    """The longest runs of trades won and lost."""
    return f"{stats.won_in_a_row:,} won / {stats.lost_in_a_row:,} lost"


def average_held(group: TradeGroup) -> str:
    """How long a trade was held on average."""
    return NONE if group.held_average is None else held(group.held_average)


def efficiencies(group: TradeGroup) -> str:
    """Average efficiency of entries and exits."""
    entry, exit_ = group.entry_efficiency_pct, group.exit_efficiency_pct
    return NONE if entry is None else f"{whole_rate(entry)} / {whole_rate(exit_)}"


def longest_fall(side: Performance) -> str:
    """The longest time below a peak, and whether it was over by the end."""
    longest = max(side.falls, key=lambda fall: fall.length, default=None)
    if longest is None:
        return NONE
    return held(longest.length) + ("" if longest.recovered_at else ", not over")


def fall_dates(fall: Drawdown) -> str:
    """From when to when the deepest drawdown ran."""
    return f"{day(fall.peak_at)} to {day(fall.trough_at)}" if fall.peak_at else "never below a peak"


def period(report: Report) -> str:
    """From when to when the run went, and in what candles."""
    if report.started_at is None:
        return "no candle has closed yet"
    span = f"{minute(report.started_at)} to {minute(report.ended_at)} UTC"
    return f"{span}, {report.facts.timeframe} candles"


def extrapolation(report: Report) -> str:
    """From how many days the figures of a year are reckoned."""
    days = report.fund.days
    counted = f"{days:,} daily return{'' if days == 1 else 's'}"
    if days < _YEAR_DAYS:
        return f"A year's figures are extrapolated from {counted}."
    return f"From {counted}."


def verdict(report: Report) -> str:
    """Whether the fund was worth having, in one or two plain sentences."""
    quote = report.facts.quote_currency
    fund = report.fund
    made = "a loss" if fund.profit < 0 else "a profit"
    ended = (
        f"The fund {'ended' if report.facts.is_finished else 'now stands'} at "
        f"{amount(fund.final_equity)} {quote}: {made} of {amount(abs(fund.profit))} {quote} "
        f"({rate(fund.profit_pct, sign=True)}) after fees."
    )
    return f"{_comparison(report)} {ended}"


def benchmark(report: Report) -> str:
    """What buy-and-hold means in this report."""
    shares = [
        f"{share(part)} into {symbol}"
        for symbol, part in sorted(report.facts.allocations.items())
        if part and symbol in report.facts.candles
    ]
    if not shares:
        return "No symbol has a target share, so buy-and-hold means holding cash."
    return (
        f"Buy-and-hold puts {', '.join(shares)} at the first close, pays "
        f"{share(report.facts.taker_fee_ratio)} in fees and "
        f"{share(report.facts.slippage_ratio)} in slippage, keeps the rest in cash and never "
        "trades again. Neither side is charged for selling what it still holds at the end."
    )


def _comparison(report: Report) -> str:
    verdict_ = report.verdict
    gap = f"{amount(abs(verdict_.difference_quote))} {report.facts.quote_currency}"
    points = f"{amount(abs(verdict_.difference_points))} percentage points"
    match verdict_.standing:
        case Standing.BEHIND:
            return f"The fund did worse than buy-and-hold, by {gap} ({points})."
        case Standing.AHEAD:
            return f"The fund did better than buy-and-hold, by {gap} ({points})."
        case Standing.LEVEL:
            return "The fund did exactly as well as buy-and-hold."


def _without_lost_sign(text: str) -> str:
    """Zero has no sign, even where it was rounded to."""
    return text if text.strip("+-0.,") else text.lstrip("+-")
