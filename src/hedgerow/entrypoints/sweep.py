"""A sweep: run, show how it goes, report."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.backtest import BacktestRequest, Candles, candles_for, plan_for
from hedgerow.entrypoints.output import require_writable, write_json, write_text
from hedgerow.entrypoints.sweep_html import sweep_page
from hedgerow.entrypoints.sweep_progress import show_sweep, sweep_bar
from hedgerow.entrypoints.sweep_terminal import print_sweep
from hedgerow.usecases.candle_series import moment
from hedgerow.usecases.sweep.order import SearchKind, SweepOrder
from hedgerow.usecases.sweep.plan import WalkForward, plan_sweep, whole_days
from hedgerow.usecases.sweep.ports import Window
from hedgerow.usecases.sweep.report import SweepFacts, SweepReport, build_report
from hedgerow.usecases.sweep.report_json import sweep_json
from hedgerow.usecases.sweep.run_sweep import run_sweep
from hedgerow.usecases.sweep.spaces import parse_space


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """What was asked for on the command line; None means the default."""

    backtest: BacktestRequest
    space: list[str]
    search: SearchKind
    trials: int
    walk: WalkForward
    workers: int | None
    ray_address: str | None


def run_it(backstage: Backstage, request: SweepRequest) -> None:
    """Run the sweep and report on it; raises InputRefused where no trial could be run."""
    asked = request.backtest
    for file in (asked.json_file, asked.page):
        if file is not None:
            require_writable(file)
    order = _order(request)
    candles = asyncio.run(candles_for(backstage, asked))
    plan = plan_sweep(_window(candles), request.walk)
    console = Console()
    with backstage.sweep_desk(order, candles) as desk, sweep_bar(console) as bar:
        console.print(
            f"Up to {desk.search.trials:,} trials on {', '.join(sorted(candles))}, "
            f"{plan.window.days:,} days of {_timeframe(candles)} candles.",
            highlight=False,
        )
        result = run_sweep(desk, plan, partial(show_sweep, bar))
    report = build_report(_facts(order, candles), result)
    _require_some(report)
    print_sweep(report, console)
    if asked.json_file is not None:
        write_json(asked.json_file, sweep_json(report))
    if asked.page is not None:
        write_text(asked.page, sweep_page(report))
        _say_where(console, asked.page)


def _order(request: SweepRequest) -> SweepOrder:
    return SweepOrder(
        request=request.backtest.desk,
        plan=plan_for(request.backtest),
        space=parse_space(request.space),
        search=request.search,
        trials=request.trials,
        seed=request.backtest.desk.seed,
        workers=request.workers,
        ray_address=request.ray_address,
    )


def _window(candles: Candles) -> Window:
    """The whole days from the first candle of any symbol to the end of the last."""
    first = min(series.open_us[0] for series in candles.values())
    end = max(series.open_us[-1] + series.span_us for series in candles.values())
    return whole_days(moment(first), moment(end))


def _facts(order: SweepOrder, candles: Candles) -> SweepFacts:
    symbols = tuple(sorted(candles))
    return SweepFacts(
        strategy=str(order.request.analyst).rpartition(":")[2],
        symbols=symbols,
        timeframe=candles[symbols[0]].timeframe,
        quote_currency=symbols[0].partition("/")[2],
        capital=order.plan.capital,
        space=order.space,
        search=order.search,
        seed=order.seed,
    )


def _timeframe(candles: Candles) -> str:
    return next(iter(candles.values())).timeframe.value


def _require_some(report: SweepReport) -> None:
    if report.best is None:
        raise InputRefused(
            f"none of {report.trials:,} trials could be run: {report.failed[0].reason}",
            "hedgerow sweep",
            "correct the analyst or its parameters",
        )


def _say_where(console: Console, page: Path) -> None:
    console.print(f"The sweep as a page: {page}", highlight=False, soft_wrap=True)
