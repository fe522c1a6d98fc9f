"""A backtest: run, show how it goes, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from rich.console import Console

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Timeframe
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import stop_requests
from hedgerow.entrypoints.output import require_folder, require_writable, write_json
from hedgerow.entrypoints.progress import LiveBar
from hedgerow.entrypoints.report_files import say_files, write_files
from hedgerow.entrypoints.report_html import write_report_page
from hedgerow.entrypoints.report_terminal import print_report
from hedgerow.usecases.backtest.desk import BacktestDesk, BacktestPlan
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.backtest.recorded import Recording, latest_recording
from hedgerow.usecases.backtest.request import HOUSE, RECORDED, DeskRequest
from hedgerow.usecases.backtest.result import BacktestResult
from hedgerow.usecases.backtest.run import path_of, require_runnable, run_backtest
from hedgerow.usecases.candle_series import CandleSeries, require_no_gaps, series_by_symbol
from hedgerow.usecases.report import build_report, report_json

_EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))

Candles = Mapping[str, CandleSeries]


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What was asked for on the command line; None means the default."""

    desk: DeskRequest
    data: Path | None
    stored: bool
    symbols: list[str] | None
    timeframe: Timeframe | None
    risk_tolerance: RiskTolerance
    capital: Decimal
    memory: bool
    allow_gaps: bool
    path: BacktestPath | None
    json_file: Path | None
    page: Path | None
    export: Path | None


async def run_it(backstage: Backstage, request: BacktestRequest) -> bool:
    """Run the backtest and report on it; returns whether it came to its end."""
    started = time.monotonic()
    for file in (request.json_file, request.page):
        if file is not None:
            require_writable(file)
    if request.export is not None:
        require_folder(request.export)
    console = Console()
    if request.desk.analyst == RECORDED:
        async with backstage.shared_desk() as desk:
            recording = await latest_recording(desk)
        result = await _run(
            backstage.recorded_desk(recording),
            _recorded_plan(recording),
            recording.candles,
            console,
        )
    else:
        request.desk.require_path(request.path)
        candles = await candles_for(backstage, request)
        memory = request.memory and request.desk.analyst == HOUSE
        async with backstage.backtest_desk(request.desk, candles, memory=memory) as desk:
            result = await _run(desk, plan_for(request), candles, console)
    elapsed_s = time.monotonic() - started
    _report(backstage, result, request, console, elapsed_s)
    return result.is_finished


async def candles_for(backstage: Backstage, request: BacktestRequest) -> Candles:
    """The candles that were asked for, from files or stored ones; raises InputRefused."""
    if not request.stored:
        return backstage.read_series(
            request.data, request.timeframe, request.symbols, allow_gaps=request.allow_gaps
        )
    if request.data is not None:
        raise InputRefused("candles are taken from one place", "--data, --stored", "leave one out")
    if request.symbols is None or request.timeframe is None:
        fix = "add --symbols BTC/USDT --timeframe 1h, or whichever were imported"
        raise InputRefused("it is not said which candles", "--stored", fix)
    async with backstage.candle_store() as store:
        found = await store.read(request.desk.exchange, request.symbols, request.timeframe, *_EVER)
    missing = sorted(set(request.symbols) - {candle.symbol for candle in found})
    if missing:
        raise InputRefused(
            what=f"no {request.timeframe} candles of {', '.join(missing)} are stored",
            where=f"--stored, {request.desk.exchange}",
            fix="import them with `hedgerow candles import` first",
        )
    candles = series_by_symbol(found)
    if not request.allow_gaps:
        for series in candles.values():
            require_no_gaps(series, f"--stored, {request.desk.exchange}")
    return candles


def plan_for(request: BacktestRequest) -> BacktestPlan:
    """The plan that was asked for."""
    desk = request.desk
    return BacktestPlan(
        exchange=desk.exchange,
        capital=request.capital,
        market_type=desk.market_type,
        leverage=desk.leverage,
        risk_tolerance=request.risk_tolerance,
        position_share_max=desk.position_share_max,
        path=request.path,
    )


def _recorded_plan(recording: Recording) -> BacktestPlan:
    plan = recording.plan
    return BacktestPlan(
        exchange=plan.exchange,
        capital=plan.capital,
        risk_tolerance=plan.risk_tolerance,
        profile=recording.profile,
        owner=recording.owner,
    )


async def _run(
    desk: BacktestDesk, plan: BacktestPlan, candles: Candles, console: Console
) -> BacktestResult:
    # what cannot be run is refused before it is announced
    require_runnable(plan, candles)
    path_of(plan, desk)
    total = sum(map(len, candles.values()))
    timeframe = next(iter(candles.values())).timeframe
    console.print(
        f"{desk.name}: {', '.join(sorted(candles))} on {total:,} closed {timeframe} candles.",
        highlight=False,
    )
    with stop_requests() as stop, LiveBar(console) as bar:

        def show(lived: int) -> None:
            bar.show(lived, total, line=f"{lived / total:4.0%}  {lived:,} candles", text="candles")

        return await run_backtest(desk, plan, candles, show, stop.is_set)


def _report(
    backstage: Backstage,
    result: BacktestResult,
    request: BacktestRequest,
    console: Console,
    elapsed_s: float,
) -> None:
    report = build_report(result.facts)
    print_report(report, console)
    bars = sum(map(len, result.candles.values()))
    if not result.is_finished:
        console.print("\n[yellow]Stopped early.[/] It cannot be gone on with.")
    console.print(
        f"\n{bars:,} candles in {elapsed_s:.1f} s ({result.path}); funding {result.funding:,.2f}.",
        highlight=False,
    )
    if request.page is not None:
        write_report_page(report, request.page)
        console.print(f"The report as a page: {request.page}", highlight=False, soft_wrap=True)
    if request.export is not None:
        write_files(backstage, request.export, report)
        say_files(console, request.export)
    if request.json_file is not None:
        more = {
            "funding": f"{result.funding:.8f}",
            "is_finished": result.is_finished,
            "path": result.path,
        }
        write_json(
            request.json_file, report_json(report) | more | {"elapsed_s": round(elapsed_s, 2)}
        )
