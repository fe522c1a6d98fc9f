"""The report of a run: on the terminal, as a page, as files, and beside another run's."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.console import Console

from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.entrypoints.report_against import Rival, print_comparison
from hedgerow.entrypoints.report_files import say_files, write_files
from hedgerow.entrypoints.report_html import write_report_page
from hedgerow.entrypoints.report_terminal import print_report
from hedgerow.entrypoints.run_shelf import ShownRun, run_shelf
from hedgerow.usecases.report import Report, build_report, report_json
from hedgerow.usecases.verify_books import AuditReport


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What was asked for on the command line: a run, one to compare it with, a folder for files."""

    run: str | None
    against: str | None
    export: Path | None
    as_json: bool


async def show_report(backstage: Backstage, request: ReportRequest) -> None:
    """Report on a run again, by default the latest; raises InputRefused where there is none."""
    async with run_shelf(backstage) as shelf:
        if request.run is None:
            run = await shelf.latest("hedgerow report")
        else:
            run = await shelf.find(request.run, "--run")
        other = None
        if request.against is not None:
            other = await shelf.find(request.against, "--against")
            _require_another(run, other)
    report = build_report(run.facts)
    rival = Rival(other.name, build_report(other.facts)) if other else None
    page = _page(run, other)
    write_report_page(report, page, rival)
    if request.export is not None:
        write_files(backstage, request.export, report)
    if request.as_json:
        against = {} if rival is None or other is None else _against(other.key, rival)
        print_json(result_document(report, run.audit) | against)
        return
    console = Console()
    print_report(report, console)
    if rival is not None:
        print_comparison(report, rival, console)
    say_where(console, page, run.audit, finished=run.facts.is_finished)
    if request.export is not None:
        say_files(console, request.export)


def result_document(report: Report, audit: AuditReport | None) -> dict[str, Any]:
    """The result of a run for machines, with what an audit of its books found."""
    if audit is None:
        return report_json(report)
    return report_json(report) | {
        "ledger_balanced": audit.has_clean("ledger"),
        "events_verified": audit.verified["events"] if audit.has_clean("events") else 0,
    }


def say_where(console: Console, page: Path, audit: AuditReport | None, *, finished: bool) -> None:
    """Say how a run can go on, whether its books agree, and where its page lies."""
    if audit is None:
        if not finished:
            console.print("\n[yellow]It was stopped early.[/]")
    else:
        _say_books(console, audit, finished=finished)
    console.print(f"The report as a page: {page}", highlight=False, soft_wrap=True)


def _say_books(console: Console, audit: AuditReport, *, finished: bool) -> None:
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


def _require_another(run: ShownRun, other: ShownRun) -> None:
    if other.key == run.key:
        fix = "name another of `hedgerow report --list`, or an exported one's folder"
        raise InputRefused("is the run itself that is shown", "--against", fix)


def _page(run: ShownRun, other: ShownRun | None) -> Path:
    """Where the page of a run lies, also beside another's."""
    if other is None:
        return run.page
    name = Path(other.key).name
    if name != other.key:
        # many a folder has this name: each gets a page of its own
        name = f"{name}-{sha256(other.key.encode()).hexdigest()[:8]}"
    return run.page.with_name(f"{run.page.stem}-against-{name}.html")


def _against(key: str, rival: Rival) -> dict[str, Any]:
    return {"against": {"run": key} | report_json(rival.report)}
