"""The report of a run: on the terminal, as a page, as files, and beside another run's."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json, write_json
from hedgerow.entrypoints.report_against import Rival, print_comparison
from hedgerow.entrypoints.report_html import write_report_page
from hedgerow.entrypoints.report_terminal import print_report
from hedgerow.usecases.choose_run import find_run, latest_run
from hedgerow.usecases.export_report import export_tables
from hedgerow.usecases.paper_run import PaperDesk, report_facts
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.report import Report, build_report, report_json
from hedgerow.usecases.report_document import report_document
from hedgerow.usecases.verify_books import AuditReport, verify_fund


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What was asked for on the command line: a run to compare with, a folder for files."""

    against: str | None
    export: Path | None
    as_json: bool


async def show_report(backstage: Backstage, request: ReportRequest) -> None:
    """Report on the latest run again; raises InputRefused where there is none."""
    async with backstage.shared_desk() as desk:
        run, other = await _runs(desk, request)
        report, audit = await sum_up(desk, run)
        rival = None
        if other is not None:
            rival = Rival(other.id, build_report(await report_facts(desk, other)))
    page = write_page(backstage, run, report, rival)
    if request.export is not None:
        backstage.write_tables(request.export, export_tables(report))
        write_json(request.export / "report.json", report_document(report))
    if request.as_json:
        print_json(_result(report, audit, rival))
        return
    console = Console()
    print_report(report, console)
    if rival is not None:
        print_comparison(report, rival, console)
    say_where(console, page, audit, finished=run.finished_at is not None)
    if request.export is not None:
        console.print(f"The report as files: {request.export}", highlight=False, soft_wrap=True)


async def sum_up(desk: PaperDesk, run: PaperRun) -> tuple[Report, AuditReport]:
    """The report of a run, and what an audit of its books found."""
    report = build_report(await report_facts(desk, run))
    audit = AuditReport()
    async with desk.open_unit_of_work(run.user_id) as unit:
        await verify_fund(unit, run.user_id, audit)
    return report, audit


def write_page(
    backstage: Backstage, run: PaperRun, report: Report, rival: Rival | None = None
) -> Path:
    """Write the page of a report, also beside another run's; returns where it lies."""
    name = f"{run.id}-against-{rival.run_id}" if rival else f"{run.id}"
    page = backstage.report_folder() / f"{name}.html"
    write_report_page(report, page, rival)
    return page


def result_document(report: Report, audit: AuditReport) -> dict[str, Any]:
    """The result of a run for machines."""
    return report_json(report) | {
        "ledger_balanced": audit.has_clean("ledger"),
        "events_verified": audit.verified["events"] if audit.has_clean("events") else 0,
    }


def say_where(console: Console, page: Path, audit: AuditReport, *, finished: bool) -> None:
    """Say how a run can go on, whether its books agree, and where its page lies."""
    if not finished:
        console.print("\n[yellow]Stopped early.[/] Everything up to here is saved.")
        _say(console, "demo", "goes on from here (same options, but not --fresh)")
        _say(console, "report", "shows this again")
    problems = len(audit.differences)
    state = "[red]differences found[/]" if problems else "verified"
    console.print(
        f"\nBooks {state}: {audit.verified['events']:,} chained events, "
        f"{audit.verified['ledger entries']:,} ledger entries, "
        f"{audit.verified['fills']:,} fills re-derived.",
        highlight=False,
    )
    _say(console, "explain last", "tells the last trade's whole story")
    _say(console, "audit verify", "proves the books")
    console.print(f"The report as a page: {page}", highlight=False, soft_wrap=True)


def _say(console: Console, command: str, what: str) -> None:
    console.print(f"  {_program()} {command:<12}  {what}", highlight=False, soft_wrap=True)


def _program() -> str:
    """How this program is called from here: by name where the shell finds it, else by its path."""
    name = "hedgerow"
    path = Path(sys.argv[0]).absolute()
    found = shutil.which(name)
    if path.name != name or (found and Path(found).absolute() == path):
        return name
    return os.path.relpath(path)


async def _runs(desk: PaperDesk, request: ReportRequest) -> tuple[PaperRun, PaperRun | None]:
    """The latest run, and the one it is held against."""
    async with desk.open_unit_of_work(SYSTEM) as unit:
        run = await latest_run(unit, "hedgerow report")
        if request.against is None:
            return run, None
        other = await find_run(unit, request.against, "--against")
    if other.id == run.id:
        raise InputRefused(
            "is the latest run itself", "--against", "name another of `hedgerow report --list`"
        )
    return run, other


def _result(report: Report, audit: AuditReport, rival: Rival | None) -> dict[str, Any]:
    result = result_document(report, audit)
    if rival is None:
        return result
    return result | {"against": {"run": str(rival.run_id)} | report_json(rival.report)}
