"""One run beside another: every figure of both, in the terminal and for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console

from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_headline import figures
from hedgerow.entrypoints.report_terminal import text_of, titled
from hedgerow.usecases.report import Report


@dataclass(frozen=True, slots=True)
class Rival:
    """The run that a report is held against, and what it is called."""

    name: str
    report: Report


class BothRuns(NamedTuple):
    """A figure of this run, and of the other."""

    label: str
    this: str
    other: str


def both_runs(report: Report, rival: Rival) -> list[BothRuns]:
    """When each ran and on what, and then every figure of both."""
    this, other = figures(report), figures(rival.report)
    told = [
        BothRuns("From", *(words.minute(r.started_at) for r in (report, rival.report))),
        BothRuns("To", *(words.minute(r.ended_at) for r in (report, rival.report))),
        BothRuns("Candles", *(str(r.facts.timeframe) for r in (report, rival.report))),
        BothRuns("Symbols", *(f"{len(r.facts.candles):,}" for r in (report, rival.report))),
        BothRuns("Capital", *(_capital(r) for r in (report, rival.report))),
    ]
    return [*told, *(BothRuns(label, this[label], other[label]) for label in this)]


def print_comparison(report: Report, rival: Rival, console: Console) -> None:
    """Print both runs side by side."""
    table = titled("Side by side", ("", "left"), ("This run", "right"), (rival.name, "right"))
    for row in both_runs(report, rival):
        table.add_row(text_of(row.label), text_of(row.this, "bold"), text_of(row.other))
    console.print()
    console.print(table)


def _capital(report: Report) -> str:
    return f"{words.amount(report.facts.capital)} {report.facts.quote_currency}"
