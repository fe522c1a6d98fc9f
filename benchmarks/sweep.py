"""How long a sweep of an EMA cross takes over a year of 5m candles, and what more cores bring.

Run it as `python -m benchmarks.sweep`, with `--json` for JSON, `--sets N` for fewer than 1,000 sets
of parameters, and `--workers 1,2` for other numbers of worker processes. The candles are a random
walk with a seed. Times run from the start of the first worker to the end of the walk forward.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from array import array
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.machine import machine
from hedgerow.bootstrap.sweeps import sweep_desk
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.usecases.backtest.desk import BacktestPlan
from hedgerow.usecases.backtest.request import DeskRequest
from hedgerow.usecases.candle_series import CandleSeries, microseconds
from hedgerow.usecases.sweep.order import SearchKind, SweepOrder
from hedgerow.usecases.sweep.plan import WalkForward, plan_sweep, whole_days
from hedgerow.usecases.sweep.report import SweepFacts, build_report
from hedgerow.usecases.sweep.report_json import sweep_json
from hedgerow.usecases.sweep.run_sweep import run_sweep
from hedgerow.usecases.sweep.spaces import parse_space

ANALYST: Final = Path(__file__).parents[1] / "examples" / "ema_cross.py"
START: Final = datetime(2024, 1, 1, tzinfo=UTC)
DAYS: Final = 365
SPACE: Final = parse_space(["fast=10:200:10", "slow=220:2670:50"])
SYMBOL: Final = "BTC/USDT"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--sets", type=int, default=1000, help="how many (of 1,000, by chance)")
    counts = ",".join(map(str, range(1, (os.cpu_count() or 1) + 1)))
    parser.add_argument("--workers", default=counts, help="such as 1,2")
    arguments = parser.parse_args()
    candles = year_of_candles()
    runs = [measure(candles, arguments.sets, int(each)) for each in arguments.workers.split(",")]
    reports = [run.pop("report") for run in runs]
    assert all(report == reports[0] for report in reports), "workers change nothing"
    first = runs[0]
    for run in runs:
        run["speedup"] = round(first["elapsed_s"] / run["elapsed_s"], 2)
    result = {
        "sets": arguments.sets,
        "candles": len(candles),
        "trades": sum(each["trades"] for each in reports[0]["ranking"]),
        "runs": runs,
        "machine": machine(),
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for run in runs:
        print(f"{arguments.sets} sets by {run['workers']} workers: {run}")


def measure(candles: CandleSeries, sets: int, workers: int) -> dict[str, Any]:
    """One sweep with nothing known before."""
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-"))
    order = SweepOrder(
        request=DeskRequest(analyst=f"{ANALYST}:EmaCross"),
        plan=BacktestPlan(exchange=Exchange.BINANCE, capital=Decimal(10_000)),
        space=SPACE,
        search=SearchKind.RANDOM,
        trials=sets,
        seed=7,
        workers=workers,
        ray_address=None,
    )
    plan = plan_sweep(whole_days(START, START + timedelta(days=DAYS)), WalkForward())
    used_before_s = _workers_cpu_s()
    try:
        with sweep_desk(folder, order, {SYMBOL: candles}) as desk:
            started = time.perf_counter()
            swept = run_sweep(desk, plan, lambda _: None)
            elapsed_s = time.perf_counter() - started
        started = time.perf_counter()
        report = build_report(_facts(order), swept)
        report_s = time.perf_counter() - started
    finally:
        shutil.rmtree(folder)
    return {
        "workers": workers,
        "elapsed_s": round(elapsed_s, 2),
        "workers_cpu_s": round(_workers_cpu_s() - used_before_s, 2),
        "candles_per_s": round(len(candles) * sets / elapsed_s),
        "report_s": round(report_s, 2),
        "report": sweep_json(report),
    }


def _workers_cpu_s() -> float:
    """What workers that have ended used of the processor: other load does not change it much."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def year_of_candles() -> CandleSeries:
    """A random walk in steps of 0.15 %, with prices to the cent."""
    draw, count = np.random.default_rng(7), DAYS * 24 * 12
    close = 40_000 * np.exp(np.cumsum(draw.standard_normal(count) * 0.0015))
    opened = np.concatenate([[40_000.0], close[:-1]])
    wick = np.abs(draw.standard_normal((2, count))) * 0.0007
    high = np.maximum(opened, close) * (1 + wick[0])
    low = np.minimum(opened, close) * (1 - wick[1])
    volume = draw.gamma(2.0, 20.0, count) * 100_000
    first, step = microseconds(START), 5 * 60 * 1_000_000
    times = first + np.arange(count, dtype=np.int64) * step
    prices = (np.rint(each * 100) for each in (opened, high, low, close))
    columns = (times, *prices, np.rint(volume))
    return CandleSeries(
        SYMBOL,
        Timeframe.M5,
        2,
        5,
        *(array("q", column.astype(np.int64).tobytes()) for column in columns),
    )


def _facts(order: SweepOrder) -> SweepFacts:
    return SweepFacts(
        strategy="EmaCross",
        symbols=(SYMBOL,),
        timeframe=Timeframe.M5,
        quote_currency="USDT",
        capital=order.plan.capital,
        space=order.space,
        search=order.search,
        seed=order.seed,
    )


if __name__ == "__main__":
    main()
