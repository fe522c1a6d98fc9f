"""A sweep in the terminal: the best trials, the walk forward, and what to believe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from hedgerow.entrypoints import sweep_words as words
from hedgerow.entrypoints.report_words import plain
from hedgerow.usecases.sweep.report import SweepReport

TRIALS_SHOWN: Final = 10
FAILURES_SHOWN: Final = 3


def print_sweep(report: SweepReport, console: Console) -> None:
    """Print it, the verdict last, where the eye is when the sweep has ended."""
    best = map(words.trial_cells, report.ranking[:TRIALS_SHOWN])
    console.print(
        _table(f"Best of {len(report.ranking):,} trials, in sample", words.TRIAL_COLUMNS, best)
    )
    steps = (words.step_cells(report, step) for step in report.steps)
    console.print(_table("Walk forward", words.STEP_COLUMNS, steps))
    console.print(Text(words.COLUMNS_NOTE, "dim"))
    console.print(_figures(report))
    for failed in report.failed[:FAILURES_SHOWN]:
        text = f"Trial {failed.number}, {words.parameters(failed.parameters)}, failed: "
        console.print(Text(text + plain(failed.reason), "yellow"), soft_wrap=True)
    tone = "green" if words.is_believed(report) else "yellow"
    console.print(Text(words.verdict(report), f"bold {tone}"))
    console.print(Text(words.judgement(report), "dim"))


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    for column in columns:
        justify: JustifyMethod = "left" if column in words.LEFT_COLUMNS else "right"
        table.add_column(column, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _figures(report: SweepReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    for _ in range(3):
        table.add_column()
    for figure in words.figures(report):
        value = Text(figure.value, "bold", justify="right")
        table.add_row(Text(figure.label), value, Text(figure.note, "dim"))
    return table
