"""The demo: run, show how it goes, report."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import stop_requests
from hedgerow.entrypoints.output import print_json, require_writable, write_json
from hedgerow.entrypoints.progress import LiveProgress
from hedgerow.entrypoints.report_html import write_report_page
from hedgerow.entrypoints.report_terminal import print_report
from hedgerow.usecases.paper_run import PaperDesk, plan_run, report_facts, run_paper
from hedgerow.usecases.ports import SYSTEM, PaperRun
from hedgerow.usecases.report import Report, build_report, report_json
from hedgerow.usecases.verify_books import AuditReport, verify_fund


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """What was asked for on the command line; None means the default."""

    data: Path | None
    symbols: list[str] | None
    timeframe: Timeframe | None
    capital: Decimal
    seed: int
    allow_gaps: bool
    fresh: bool
    json_file: Path | None


@dataclass(frozen=True, slots=True)
class DemoEnd:
    """Whether a demo came to its end, and whether the audit found its books in order."""

    is_finished: bool
    books_agree: bool


async def run_demo(backstage: Backstage, request: DemoRequest) -> DemoEnd:
    """Run the demo, show how it goes, and report on it."""
    started = time.monotonic()
    if request.json_file is not None:
        require_writable(request.json_file)
    candles = backstage.read_candles(
        request.data, request.timeframe, request.symbols, allow_gaps=request.allow_gaps
    )
    plan = plan_run(
        candles, Exchange.BINANCE, request.capital, request.seed, RiskTolerance.MODERATE
    )
    console = Console()
    console.print(
        f"Trading {', '.join(plan.symbols)} on {len(candles.candles):,} closed {plan.timeframe} "
        f"candles, {plan.starts_at:%Y-%m-%d} to {plan.ends_at:%Y-%m-%d}.",
        highlight=False,
    )
    async with backstage.paper_desk(fresh=request.fresh) as desk:
        with stop_requests() as stop, LiveProgress(console) as progress:
            run = await run_paper(desk, plan, candles, progress.show, stop.is_set)
        report, audit = await _sum_up(desk, run)
        page = _write_page(backstage, run, report)
    print_report(report, console)
    _say_where(console, page, audit, finished=run.finished_at is not None)
    if request.json_file is not None:
        elapsed_s = round(time.monotonic() - started, 2)
        write_json(request.json_file, _result(report, audit) | {"elapsed_s": elapsed_s})
    return DemoEnd(run.finished_at is not None, audit.is_clean)


async def show_latest_report(backstage: Backstage, *, as_json: bool) -> None:
    """Report on the latest run again; raises InputRefused where there is none."""
    async with backstage.shared_desk() as desk:
        async with desk.open_unit_of_work(SYSTEM) as unit:
            run = await unit.runs.latest()
        if run is None:
            raise InputRefused(
                what="there is no run to report on yet",
                where="hedgerow report",
                fix="run `hedgerow demo` first",
            )
        report, audit = await _sum_up(desk, run)
        page = _write_page(backstage, run, report)
    if as_json:
        print_json(_result(report, audit))
        return
    console = Console()
    print_report(report, console)
    _say_where(console, page, audit, finished=run.finished_at is not None)


async def _sum_up(desk: PaperDesk, run: PaperRun) -> tuple[Report, AuditReport]:
    report = build_report(await report_facts(desk, run))
    audit = AuditReport()
    async with desk.open_unit_of_work(run.user_id) as unit:
        await verify_fund(unit, run.user_id, audit)
    return report, audit


def _write_page(backstage: Backstage, run: PaperRun, report: Report) -> Path:
    page = backstage.report_folder() / f"{run.id}.html"
    write_report_page(report, page)
    return page


def _result(report: Report, audit: AuditReport) -> dict[str, Any]:
    return report_json(report) | {
        "ledger_balanced": audit.has_clean("ledger"),
        "events_verified": audit.verified["events"] if audit.has_clean("events") else 0,
    }


def _say_where(console: Console, page: Path, audit: AuditReport, *, finished: bool) -> None:
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
