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
    console.print(Text(f"\n{words.span_title(result)}", "bold"))
    console.print(Text(words.standing(result)))
    console.print(_table(words.ARM_COLUMNS, words.arm_rows(result)))
    if not result.agents:
        return
    console.print(Text("How often agents were right", "bold"))
    console.print(_table(words.AGENT_COLUMNS, map(words.agent_cells, result.agents)))
    bins = list(words.bin_rows(result.agents))
    if bins:
        console.print(Text("What stated confidence came to", "bold"))
        console.print(_table(words.BIN_COLUMNS, bins))


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 0))
    for column in columns:
        justify: JustifyMethod = "left" if column in words.LEFT_COLUMNS else "right"
        table.add_column(
            column, justify=justify, overflow="fold", no_wrap=column in words.LEFT_COLUMNS
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table
