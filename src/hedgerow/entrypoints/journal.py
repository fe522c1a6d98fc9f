"""The trade journal, analysed by what trades share."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.entrypoints.report_tables import group_table
from hedgerow.entrypoints.report_terminal import journal_table
from hedgerow.usecases.analyse_journal import GroupBy, analyse_journal, efficiencies
from hedgerow.usecases.choose_run import latest_run
from hedgerow.usecases.paper_run import report_facts
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.report import closed_trades
from hedgerow.usecases.report_document import groups_document


async def show_journal(backstage: Backstage, by: GroupBy, *, as_json: bool) -> None:
    """Show what the latest run's closed trades came to; raises InputRefused without a run."""
    async with backstage.shared_desk() as desk:
        async with desk.open_unit_of_work(SYSTEM) as unit:
            run = await latest_run(unit, "hedgerow journal")
        facts = await report_facts(desk, run)
    closed = closed_trades(facts)
    groups = analyse_journal(closed, efficiencies(closed, facts.candles), by)
    if as_json:
        print_json({"by": str(by), "groups": groups_document(groups)})
        return
    console = Console()
    if not groups:
        console.print("No trade has been closed yet.")
        return
    table = group_table(by, groups, facts.memories)
    console.print(journal_table(table))
    for row in table.rows:
        if row.text:
            console.print(Text.assemble((row.name, "bold"), f" {row.text}"))
    if table.left_out:
        console.print(f"and {table.left_out:,} more; --json prints all", style="dim")
    console.print(
        "After fees. Entry, Exit: how near to the best price while a trade was open, as a share of "
        "that time's range. Right: the journal's verdicts on entries / exits.",
        style="dim",
        highlight=False,
    )
