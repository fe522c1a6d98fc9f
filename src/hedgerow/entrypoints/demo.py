"""The demo: run, show how it goes, report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from rich.console import Console

from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import stop_requests
from hedgerow.entrypoints.output import require_writable, write_json
from hedgerow.entrypoints.progress import LiveBar
from hedgerow.entrypoints.replay_progress import show_replay
from hedgerow.entrypoints.report import result_document, say_where
from hedgerow.entrypoints.report_html import write_report_page
from hedgerow.entrypoints.report_terminal import print_report
from hedgerow.entrypoints.run_shelf import audit_of, page_of
from hedgerow.usecases.paper_run import plan_run, report_facts, run_paper
from hedgerow.usecases.report import build_report


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
        candles,
        Exchange.BINANCE,
        request.capital,
        request.seed,
        RiskTolerance.MODERATE,
        backstage.default_model(),
    )
    console = Console()
    console.print(
        f"Trading {', '.join(plan.symbols)} on {len(candles.candles):,} closed {plan.timeframe} "
        f"candles, {plan.starts_at:%Y-%m-%d} to {plan.ends_at:%Y-%m-%d}.",
        highlight=False,
    )
    async with backstage.paper_desk(fresh=request.fresh) as desk:
        with stop_requests() as stop, LiveBar(console) as bar:
            run = await run_paper(desk, plan, candles, partial(show_replay, bar), stop.is_set)
        report, audit = build_report(await report_facts(desk, run)), await audit_of(desk, run)
        page = page_of(backstage, run)
        write_report_page(report, page)
    print_report(report, console)
    say_where(console, page, audit, finished=run.finished_at is not None)
    if request.json_file is not None:
        elapsed_s = round(time.monotonic() - started, 2)
        write_json(request.json_file, result_document(report, audit) | {"elapsed_s": elapsed_s})
    return DemoEnd(run.finished_at is not None, audit.is_clean)
