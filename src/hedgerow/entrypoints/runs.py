"""The runs there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.entrypoints.report_terminal import text_of, titled
from hedgerow.usecases.codec import decode, encode
from hedgerow.usecases.paper_run import RunPlan
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM


async def show_runs(backstage: Backstage, *, as_json: bool) -> None:
    """List all runs, the latest first."""
    async with backstage.records() as open_unit_of_work, open_unit_of_work(SYSTEM) as unit:
        runs = await unit.runs.all()
    if as_json:
        print_json([_document(run) for run in runs])
    else:
        _print(runs, Console())


def _print(runs: Sequence[PaperRun], console: Console) -> None:
    """List runs, one to a line, with the end of each id."""
    if not runs:
        console.print("There is no run yet: `hedgerow demo` makes one.")
        return
    columns = ("Run", "From", "To", "Bars", "Symbols", "Capital", "State")
    aligned = ("left", "left", "left", "left", "left", "right", "left")
    table = titled("Runs, the latest first", *zip(columns, aligned, strict=True))
    for column in table.columns:
        column.no_wrap = column.header != "Symbols"
    for run in runs:
        plan = decode(RunPlan, run.plan)
        table.add_row(
            text_of(f"…{str(run.id)[-8:]}", "bold"),
            words.day(plan.starts_at),
            words.day(plan.ends_at),
            plan.timeframe,
            text_of(" ".join(symbol.partition("/")[0] for symbol in plan.symbols)),
            words.amount(plan.capital),
            "finished" if run.finished_at else "stopped",
        )
    console.print(table)


def _document(run: PaperRun) -> dict[str, Any]:
    """A run for machines: its id, its plan, and how far it has come."""
    return {
        "id": str(run.id),
        "plan": dict(run.plan),
        "closed_through": encode(run.closed_through),
        "finished_at": encode(run.finished_at),
    }
