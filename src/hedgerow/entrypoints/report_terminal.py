"""The report in the terminal: figures, tables by what trades share, last trades and verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hedgerow.domain.money import ZERO
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_headline import comparison, details, headlines
from hedgerow.entrypoints.report_tables import (
    FALL_COLUMNS,
    JOURNAL_COLUMNS,
    STATS_COLUMNS,
    GroupTable,
    deepest_falls,
    fall_cells,
    journal_cells,
    shown_groups,
    stats_cells,
)
from hedgerow.usecases.analyse_journal import GroupBy
from hedgerow.usecases.report import Report, Standing

TRADES_SHOWN: Final = 8
MONTHS_SHOWN: Final = 12
_GROUPS_SHOWN: Final = (GroupBy.SYMBOL, GroupBy.SETUP, GroupBy.REGIME, GroupBy.HOUR)
_TONES: Final = {Standing.AHEAD: "green", Standing.LEVEL: "yellow", Standing.BEHIND: "red"}


def print_report(report: Report, console: Console) -> None:
    """Print it, the verdict last, where the eye is when the run has ended."""
    name = words.plain(report.facts.strategy_name)
    console.print(Text.assemble((name, "bold"), f"  {words.period(report)}"))
    for table in _tables(report):
        console.print()
        console.print(table)
    tone = _TONES[report.verdict.standing]
    console.print()
    console.print(Text(words.verdict(report), f"bold {tone}"))
    console.print(Text(words.benchmark(report), "dim"))


def journal_table(table: GroupTable) -> Table:
    """Groups of trades with what the journal makes of them."""
    made = titled(table.title, ("", "left"), *((column, "right") for column in JOURNAL_COLUMNS))
    made.padding = 0  # nine columns on eighty characters
    for name, group, _ in table.rows:
        tone = _tone(group.stats.profit)
        count, won, profit, average, *rest = journal_cells(group)
        toned = text_of(profit, tone), text_of(average, tone)
        made.add_row(text_of(name), text_of(count), text_of(won), *toned, *map(text_of, rest))
    return made


def titled(title: str | None, *columns: tuple[str, str]) -> Table:
    """An empty table with these columns, each to the left or to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name, side in columns:
        table.add_column(name, justify="right" if side == "right" else "left")
    return table


def text_of(text: str, style: str = "") -> Text:
    """Text as it stands: what others wrote is never read as rich's markup."""
    return Text(words.plain(text), style)


def _tables(report: Report) -> Iterable[RenderableType]:
    yield _headline_table(report)
    yield _comparison_table(report)
    yield _pairs("How it traded", details(report))
    if report.fund.months:
        yield _months_table(report)
    if report.fund.falls:
        yield _falls_table(report)
    for group in shown_groups(report, *_GROUPS_SHOWN):
        yield _stats_table(group)
    if report.closed:
        yield _trades_table(report)


def _headline_table(report: Report) -> Table:
    table = titled(None, ("", "left"), ("", "right"), ("", "left"))
    table.show_header = False
    for figure in headlines(report):
        table.add_row(
            text_of(figure.label), text_of(figure.value, "bold"), text_of(figure.note, "dim")
        )
    return table


def _comparison_table(report: Report) -> Group:
    table = titled("Return and risk", ("", "left"), ("Fund", "right"), ("Buy-and-hold", "right"))
    for side in comparison(report):
        table.add_row(text_of(side.label), text_of(side.fund, "bold"), text_of(side.hold))
    return Group(table, Text(words.extrapolation(report), "dim"))


def _pairs(title: str, pairs: Iterable[Sequence[str]]) -> Table:
    table = titled(title, ("", "left"), ("", "right"))
    table.show_header = False
    for label, value in pairs:
        table.add_row(text_of(label), text_of(value, "bold"))
    return table


def _months_table(report: Report) -> Table:
    held = {(each.year, each.month): each.percent for each in report.buy_and_hold.months}
    title = "Months" if len(report.fund.months) <= MONTHS_SHOWN else "Last months"
    table = titled(title, ("", "left"), ("Fund", "right"), ("Buy-and-hold", "right"))
    for each in report.fund.months[-MONTHS_SHOWN:]:
        table.add_row(
            f"{each.year}-{each.month:02}",
            text_of(words.rate(each.percent, sign=True), _tone(each.percent)),
            text_of(words.maybe_rate(held.get((each.year, each.month)), sign=True)),
        )
    return table


def _falls_table(report: Report) -> Table:
    table = titled("Deepest drawdowns", *((column, "right") for column in FALL_COLUMNS))
    for fall in deepest_falls(report.fund):
        table.add_row(*map(text_of, fall_cells(fall)))
    return table


def _stats_table(group: GroupTable) -> Table:
    table = titled(group.title, ("", "left"), *((column, "right") for column in STATS_COLUMNS))
    for name, each, _ in group.rows:
        count, won, profit, expectancy, factor = stats_cells(each.stats)
        tone = _tone(each.stats.profit)
        toned = text_of(profit, tone), text_of(expectancy, tone)
        table.add_row(text_of(name), text_of(count), text_of(won), *toned, text_of(factor))
    return table


def _trades_table(report: Report) -> Table:
    columns = ("Closed", "Symbol", "Setup", "Profit", "Held", "Position")
    sides = ("left", "left", "left", "right", "right", "left")
    table = titled("Last trades", *zip(columns, sides, strict=True))
    for trade in report.closed[-TRADES_SHOWN:]:
        position = trade.position
        span = (position.closed_at or position.updated_at) - position.opened_at
        table.add_row(
            text_of(words.day(position.closed_at)),
            text_of(f"{position.symbol} {position.side}"),
            text_of(words.setup_name(words.setup_of(trade))),
            text_of(words.signed(position.net_pnl), _tone(position.net_pnl)),
            text_of(words.held(span)),
            # The end of an id tells two apart; its beginning is the time, which several share.
            text_of(f"…{str(position.id)[-8:]}", "dim"),
        )
    return table


def _tone(amount: Decimal) -> str:
    return "green" if amount > ZERO else "red" if amount < ZERO else ""
