"""The audit on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.usecases.codec import encode
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.verify_books import AuditReport, verify_all


async def show_audit(backstage: Backstage, *, as_json: bool) -> bool:
    """Verify every fund and show what was verified; returns whether all was well."""
    async with backstage.records() as open_unit_of_work, open_unit_of_work(SYSTEM) as unit:
        report = await verify_all(unit)
    if as_json:
        print_json({"clean": report.is_clean, **encode(report)})
    else:
        _print(report, Console())
    return report.is_clean


def _print(report: AuditReport, console: Console) -> None:
    table = Table("verified", "count", title="Audit", title_justify="left")
    table.columns[1].justify = "right"
    for name, count in sorted(report.verified.items()):
        table.add_row(name, f"{count:,}")
    console.print(table)
    for difference in report.differences:
        line = f"✗ {difference.check}: {difference.subject} {difference.problem}"
        console.print(Text(line, style="red"), soft_wrap=True)
    if report.is_clean:
        console.print("Everything agrees: ledger, books, orders, protection, journal, events.")
    else:
        console.print(f"{len(report.differences)} differences.", style="red")
