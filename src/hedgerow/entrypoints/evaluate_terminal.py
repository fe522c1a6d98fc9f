"""An evaluation in the terminal: the verdict first, then the arms, then the agents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from hedgerow.entrypoints import evaluate_words as words
from hedgerow.usecases.evaluate.evaluation import Evaluation, SpanResult


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print it."""
    console.print(Text(words.verdict(evaluation), "bold"))
    if evaluation.plan.is_house:
        console.print(Text(words.HOUSE_NOTE))
    for result in evaluation.spans:
        _print_span(result, console)
    console.print(Text(words.ARMS_NOTE, "dim"))
    if any(result.agents for result in evaluation.spans):
        console.print(Text(words.AGENTS_NOTE, "dim"))


def _print_span(result: SpanResult, console: Console) -> None:
    title = words.span_title(result)
    console.print(Text(words.standing(result)))
    console.print(_table(title, words.ARM_COLUMNS, words.arm_rows(result)))
    if not result.agents:
        return
    rows = map(words.agent_cells, result.agents)
    console.print(_table("How often agents were right", words.AGENT_COLUMNS, rows))
    bins = words.bin_rows(result.agents)
    console.print(_table("What stated confidence came to", words.BIN_COLUMNS, bins))


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 0),
    )
    for column in columns:
        justify: JustifyMethod = "left" if column in words.LEFT_COLUMNS else "right"
        table.add_column(
            column, justify=justify, overflow="fold", no_wrap=column in words.LEFT_COLUMNS
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table
