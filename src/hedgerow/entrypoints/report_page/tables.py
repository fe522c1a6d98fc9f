"""The tables of the report page, as HTML. Everything that others wrote is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape
from typing import Final

from hedgerow.domain.money import ZERO
from hedgerow.domain.performance import Efficiency
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_against import Rival, both_runs
from hedgerow.entrypoints.report_headline import Headline, comparison, details, headlines
from hedgerow.entrypoints.report_tables import (
    FALL_COLUMNS,
    JOURNAL_COLUMNS,
    GroupRow,
    GroupTable,
    MonthRow,
    deepest_falls,
    fall_cells,
    journal_cells,
    month_rows,
)
from hedgerow.usecases.report import Report
from hedgerow.usecases.report_facts import TradeRecord

TRADES_SHOWN_MAX: Final = 1_000
REASONING_CHARACTERS_MAX: Final = 1_200
_TRADE_COLUMNS: Final = (
    ("Closed", ""),
    ("Symbol", ""),
    ("Setup", ""),
    ("Entry", "number"),
    ("Exit", "number"),
    ("Profit", "number"),
    ("Return", "number"),
    ("Held", "number"),
    ("In / out", "number"),
    ("Position", ""),
)
_DENSE: Final = "stats dense"
_GROUPS: Final = "stats dense groups"
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)


def headline_list(report: Report) -> str:
    """The key figures as a list of descriptions."""
    return f'<dl class="figures">{"".join(map(_headline, headlines(report)))}</dl>'


def comparison_table(report: Report) -> str:
    """Return and risk of the fund beside buy-and-hold's."""
    head = _head(("", ""), ("Fund", "number"), ("Buy-and-hold", "number"))
    table = _figures_table("Return and risk", head, comparison(report))
    return f'{table}<p class="note">{escape(words.extrapolation(report))}</p>'


def details_table(report: Report) -> str:
    """How it traded."""
    return _figures_table("How it traded", "", details(report))


def both_runs_table(report: Report, rival: Rival) -> str:
    """Every figure of this run and of the other."""
    head = _head(("", ""), ("This run", "number"), (escape(rival.name), "number"))
    return _figures_table("Side by side", head, both_runs(report, rival))


def months_table(report: Report) -> str:
    """What each month earned, and under it what buy-and-hold did."""
    if not report.fund.months:
        return ""
    held = {row.year: row for row in month_rows(report.buy_and_hold)}
    head = _head(("", ""), *((month, "number") for month in _MONTHS), ("Year", "number"))
    body = "".join(_year_rows(row, held.get(row.year)) for row in month_rows(report.fund))
    note = (
        "In per cent of the equity a month began with, at 00:00 UTC; the first and the last month "
        "may be parts. In grey, buy-and-hold."
    )
    table = _table("Months", head, body, kind="stats months")
    return f'<h2>Months</h2><p class="note">{note}</p>{table}'


def falls_table(report: Report) -> str:
    """The deepest drawdowns of the fund."""
    if not report.fund.falls:
        return "<h2>Deepest drawdowns</h2><p>The fund never stood below a peak.</p>"
    head = _head(*((column, "number") for column in FALL_COLUMNS))
    body = "".join(_row(fall_cells(fall)) for fall in deepest_falls(report.fund))
    return f"<h2>Deepest drawdowns</h2>{_table('Deepest drawdowns', head, body, _DENSE)}"


def group_table(group: GroupTable) -> str:
    """Groups of trades with what the journal makes of them."""
    head = _head(("", ""), *((column, "number") for column in JOURNAL_COLUMNS))
    body = "".join(map(_group_row, group.rows))
    more = f'<p class="note">and {group.left_out:,} more</p>' if group.left_out else ""
    return f"<h3>{escape(group.title)}</h3>{_table(group.title, head, body, _GROUPS)}{more}"


def trades_table(report: Report) -> str:
    """Every trade with its reasons: the open ones, then the closed ones from the last back."""
    trades = [*report.still_open, *reversed(report.closed)]
    if not trades:
        return "<h2>Trades</h2><p>The fund has not traded.</p>"
    kept = trades[:TRADES_SHOWN_MAX]
    left_out = f" These are the last {len(kept):,} of {len(trades):,}." if kept != trades else ""
    note = (
        "Amounts after fees. An open position shows what it would bring at the last price. "
        "In / out is how near entry and exit were to the best price while the trade was open, as "
        "a share of that time's range. "
        f"<code>hedgerow explain &lt;position&gt;</code> tells the whole story of one.{left_out}"
    )
    body = "".join(_trade_rows(trade, report.efficiencies.get(trade.position.id)) for trade in kept)
    table = _table("Trades", _head(*_TRADE_COLUMNS), body, kind="trades")
    return f'<h2>Trades</h2><p class="note">{note}</p>{table}'


def _headline(figure: Headline) -> str:
    return (
        f"<div><dt>{escape(figure.label)}</dt><dd>{escape(figure.value)}"
        f"<small>{escape(figure.note)}</small></dd></div>"
    )


def _figures_table(title: str, head: str, rows: Iterable[Sequence[str]]) -> str:
    body = "".join(_row(values, label) for label, *values in rows)
    return f"<h2>{title}</h2>{_table(title, head, body, _DENSE)}"


def _year_rows(fund: MonthRow, held: MonthRow | None) -> str:
    """A year of the fund, and under it the same year of buy-and-hold."""
    cells = "".join(_month_cell(value) for value in _twelve(fund))
    name = f'<th scope="row" rowspan="{2 if held else 1}">{fund.year}</th>'
    rows = f"<tr>{name}{cells}</tr>"
    if held:
        texts = ("" if value is None else words.signed(value) for value in _twelve(held))
        rows += f'<tr class="held">{_cells(texts)}</tr>'
    return rows


def _twelve(row: MonthRow) -> list[Decimal | None]:
    """January to December, and the year."""
    return [*(row.months.get(month) for month in range(1, 13)), row.whole]


def _month_cell(value: Decimal | None) -> str:
    if value is None:
        return '<td class="number"></td>'
    return f'<td class="number {_tone(value)}">{escape(words.signed(value))}</td>'


def _group_row(row: GroupRow) -> str:
    count, won, profit, average, *rest = journal_cells(row.group)
    tone = _tone(row.group.stats.profit)
    toned = "".join(f'<td class="number {tone}">{escape(text)}</td>' for text in (profit, average))
    text = f"<small>{escape(row.text)}</small>" if row.text else ""
    head = f'<th scope="row">{escape(row.name)}{text}</th>'
    return f"<tr>{head}{_cells((count, won))}{toned}{_cells(rest)}</tr>"


def _row(texts: Iterable[str], name: str | None = None) -> str:
    head = "" if name is None else f'<th scope="row">{escape(name)}</th>'
    return f"<tr>{head}{_cells(texts)}</tr>"


def _cells(texts: Iterable[str]) -> str:
    return "".join(f'<td class="number">{escape(text)}</td>' for text in texts)


def _in_and_out(efficiency: Efficiency | None) -> str:
    if efficiency is None:
        return words.NONE
    return f"{words.whole_rate(efficiency.entry_pct)} / {words.whole_rate(efficiency.exit_pct)}"


def _trade_rows(trade: TradeRecord, efficiency: Efficiency | None) -> str:
    """A trade in figures, and under it why it was made."""
    position = trade.position
    ended = words.minute(position.closed_at) if position.closed_at else "open"
    profit = position.net_pnl + position.unrealized_pnl
    share = words.rate(trade.journal.pnl_percent, sign=True) if trade.journal else words.NONE
    span = (position.closed_at or position.updated_at) - position.opened_at
    texts = (
        ("", ended),
        ("", f"{position.symbol} {position.side}"),
        ("", words.setup_name(words.setup_of(trade)) if position.closed_at else words.NONE),
        ("number", words.price(position.entry_price)),
        ("number", words.price(position.exit_price)),
        (f"number {_tone(profit)}", words.signed(profit)),
        (f"number {_tone(profit)}", share),
        ("number", words.held(span)),
        ("number", _in_and_out(efficiency)),
    )
    cells = "".join(f'<td class="{kind}">{escape(text)}</td>' for kind, text in texts)
    return (
        f'<tbody><tr>{cells}<td><code class="id">{position.id}</code></td></tr>'
        f'<tr class="why"><td colspan="{len(_TRADE_COLUMNS)}">{_reasons(trade)}</td></tr></tbody>'
    )


def _reasons(trade: TradeRecord) -> str:
    position = trade.position
    told = [
        ("Entry", position.open_reasoning),
        ("Exit", position.close_reasoning),
        ("Lesson", trade.journal.lessons_learned if trade.journal else ""),
        ("Next time", trade.journal.improvement_tips if trade.journal else ""),
    ]
    pairs = "".join(f"<dt>{name}</dt><dd>{_prose(text)}</dd>" for name, text in told if text)
    first = _prose(position.open_reasoning) or "No reasons were given."
    return f"<details><summary><span>{first}</span></summary><dl>{pairs}</dl></details>"


def _prose(text: str) -> str:
    return escape(words.shortened(words.plain(text), REASONING_CHARACTERS_MAX))


def _tone(amount: Decimal) -> str:
    """The class that colours an amount; its sign says the same."""
    return "gain" if amount > ZERO else "loss" if amount < ZERO else ""


def _head(*columns: tuple[str, str]) -> str:
    cells = "".join(f'<th scope="col" class="{kind}">{name}</th>' for name, kind in columns)
    return f"<thead><tr>{cells}</tr></thead>"


def _table(caption: str, head: str, body: str, kind: str = "stats") -> str:
    """A table that scrolls by itself where the screen is narrower, by keyboard too."""
    name = escape(caption)
    return (
        f'<div class="scroll" role="region" aria-label="{name}" tabindex="0">'
        f'<table class="{kind}">{head}{body}</table></div>'
    )
