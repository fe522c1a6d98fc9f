"""The report in the terminal: verdict, figures, and tables per symbol, setup and trade."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hedgerow.domain.money import ZERO
from hedgerow.domain.performance import TradeStats
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_headline import STATS_COLUMNS, headlines, stats_cells
from hedgerow.usecases.report import Report, Standing
from hedgerow.usecases.report_facts import TradeRecord

TRADES_SHOWN: Final = 8
_TONES: Final = {Standing.AHEAD: "green", Standing.LEVEL: "yellow", Standing.BEHIND: "red"}


def print_report(report: Report, console: Console) -> None:
    """Print it, the verdict last, where the eye is when the run has ended."""

    name = words.plain(report.facts.strategy_name)
    console.print(Text.assemble((name, "bold"), f"  {words.period(report)}"))
    console.print()
    console.print(_headline_table(report))
    by_setup = {words.setup_name(setup): stats for setup, stats in report.by_setup.items()}
    for title, rows in (("Per symbol", report.by_symbol), ("Per setup", by_setup)):
        if rows:
            console.print()
            console.print(_stats_table(title, rows))
    if report.closed:
        console.print()
        console.print(_trades_table(report.closed[-TRADES_SHOWN:]))
        console.print(Text("hedgerow explain <position> tells why a trade was made.", "dim"))
    tone = _TONES[report.verdict.standing]
    console.print()
    console.print(Text(words.verdict(report), f"bold {tone}"))
    console.print(Text(words.benchmark(report), "dim"))


def _headline_table(report: Report) -> Table:
    table = _table(None, ("", "left"), ("", "right"), ("", "left"))
    table.show_header = False
    for figure in headlines(report):
        table.add_row(_text(figure.label), _text(figure.value, "bold"), _text(figure.note, "dim"))
    return table


def _stats_table(title: str, rows: Mapping[str, TradeStats]) -> Table:
    table = _table(title, ("", "left"), *((column, "right") for column in STATS_COLUMNS))
    for name, stats in rows.items():
        count, won, profit, expectancy, factor = stats_cells(stats)
        tone = _tone(stats.profit)
        toned = _text(profit, tone), _text(expectancy, tone)
        table.add_row(_text(name), _text(count), _text(won), *toned, _text(factor))
    return table


def _trades_table(trades: tuple[TradeRecord, ...]) -> Table:
    columns = ("Closed", "Symbol", "Setup", "Profit", "Held", "Position")
    sides = ("left", "left", "left", "right", "right", "left")
    table = _table("Last trades", *zip(columns, sides, strict=True))
    for trade in trades:
        position = trade.position
        span = (position.closed_at or position.updated_at) - position.opened_at
        table.add_row(
            _text(words.minute(position.closed_at)),
            _text(f"{position.symbol} {position.side}"),
            _text(words.setup_name(words.setup_of(trade))),
            _text(words.signed(position.net_pnl), _tone(position.net_pnl)),
            _text(words.held(span)),
            # The end of an id tells two apart; its beginning is the time, which several share.
            _text(f"…{str(position.id)[-12:]}", "dim"),
        )
    return table


def _table(title: str | None, *columns: tuple[str, str]) -> Table:

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name, side in columns:
        table.add_column(name, justify="right" if side == "right" else "left")
    return table


def _text(text: str, style: str = "") -> Text:
    """Text as it stands: what others wrote is never read as rich's markup."""

    return Text(words.plain(text), style)


def _tone(amount: Decimal) -> str:
    return "green" if amount > ZERO else "red" if amount < ZERO else ""
