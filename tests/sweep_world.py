"""A small strategy of two moving averages on hourly closes, for sweeps that need no engine.

As a program, `python sweep_world.py FOLDER WORKERS`, it runs a sweep of it to its end, keeps its
results in FOLDER and says the report as JSON: something that can be killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.sweeps.evaluating import tried
from hedgerow.infrastructure.sweeps.process_workers import ProcessWorkers
from hedgerow.infrastructure.sweeps.result_file import open_results
from hedgerow.usecases.sweep.fingerprint import SweepIdentity
from hedgerow.usecases.sweep.plan import SweepPlan, WalkForward, plan_sweep, whole_days
from hedgerow.usecases.sweep.ports import (
    Evaluate,
    Outcome,
    Result,
    Search,
    Task,
    Value,
    Window,
    Workers,
)
from hedgerow.usecases.sweep.report import SweepFacts, SweepReport, build_report
from hedgerow.usecases.sweep.report_json import sweep_json
from hedgerow.usecases.sweep.run_sweep import SweepDesk, run_sweep
from hedgerow.usecases.sweep.searches import grid_search
from hedgerow.usecases.sweep.spaces import Space, parse_space

DAYS = 60
START = datetime(2024, 1, 1, tzinfo=UTC)
WINDOW = whole_days(START, START + timedelta(days=DAYS))
SPACE = parse_space(["fast=2:8:2", "slow=10:40:10"])
IDENTITY = SweepIdentity("made", SPACE, "crossing", "none", "1")


def closes(seed: int = 1) -> np.ndarray[Any, np.dtype[np.float64]]:
    steps = np.random.default_rng(seed).standard_normal(DAYS * 24) * 0.005
    prices: np.ndarray[Any, np.dtype[np.float64]] = 100 * np.exp(np.cumsum(steps))
    return prices


def write_closes(path: Path) -> Path:
    path.write_bytes(closes().tobytes())
    return path


@dataclass(frozen=True, slots=True)
class Crossing:
    """A recipe: long while the fast mean is above the slow one, for a fee of 0.1 % a side."""

    seconds: float = 0.0

    def __call__(self, candles: memoryview) -> Evaluate:
        prices = np.frombuffer(candles, np.float64)

        def evaluate(parameters: Mapping[str, Value], window: Window) -> Outcome:
            time.sleep(self.seconds)
            return crossed(prices, parameters, window)

        return evaluate


@dataclass(frozen=True, slots=True)
class Mortal:
    """Ends its process where `fast` is 4; `fast` 6 fails in words."""

    def __call__(self, candles: memoryview) -> Evaluate:
        usual = Crossing()(candles)

        def evaluate(parameters: Mapping[str, Value], window: Window) -> Outcome:
            if parameters["fast"] == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            if parameters["fast"] == 6:
                raise RuntimeError("no luck\nat all")
            return usual(parameters, window)

        return evaluate


@dataclass(frozen=True, slots=True)
class Unprepared:
    """Needs a module that is not there."""

    def __call__(self, candles: memoryview) -> Evaluate:
        raise ModuleNotFoundError("No module named 'averages'")


def crossed(
    prices: np.ndarray[Any, np.dtype[np.float64]], parameters: Mapping[str, Value], window: Window
) -> Outcome:
    fast, slow = int(parameters["fast"]), int(parameters["slow"])
    if fast == slow:
        raise ValueError("fast and slow are the same")
    sums = np.concatenate([[0.0], np.cumsum(prices)])
    is_long = np.zeros(len(prices))
    at = np.arange(slow, len(prices))
    is_long[slow:] = (sums[at] - sums[at - fast]) / fast > (sums[at] - sums[at - slow]) / slow
    turns = np.abs(np.diff(is_long, prepend=0.0))
    hourly = is_long * np.diff(np.log(prices), prepend=np.log(prices[0])) - turns * 0.001
    first = (window.starts_at - START) // timedelta(hours=1)
    hours = hourly[first : first + window.days * 24].reshape(window.days, 24)
    returns = tuple(np.expm1(hours.sum(axis=1)).tolist())
    trades = int(turns[first : first + window.days * 24].sum()) // 2
    profit = Decimal(str(round(float(np.prod(1 + np.array(returns)) - 1) * 10_000, 8)))
    return Outcome(returns, trades, profit, Decimal("1.5"), Decimal(trades))


@dataclass(slots=True)
class WorkersHere:
    """Runs tasks in this process, and remembers which."""

    evaluate: Evaluate
    ran: list[Task] = field(default_factory=list)

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        for task in tasks:
            self.ran.append(task)
            yield task, tried(self.evaluate, task)


class ResultsHere:
    """Keeps results in memory."""

    def __init__(self) -> None:
        self.known: dict[Task, Result] = {}

    def get(self, task: Task) -> Result | None:
        return self.known.get(task)

    def keep(self, task: Task, result: Result) -> None:
        self.known[task] = result


def plan(**walk: Any) -> SweepPlan:
    return plan_sweep(WINDOW, WalkForward(**walk))


def facts(space: Space = SPACE) -> SweepFacts:
    return SweepFacts(
        strategy="crossing",
        symbols=("BTC/USDT",),
        timeframe=Timeframe.H1,
        quote_currency="USDT",
        capital=Decimal(10_000),
        space=space,
        search="grid",
        seed=7,
    )


def swept(
    folder: Path, workers: Workers, search: Search | None = None, space: Space = SPACE
) -> SweepReport:
    """A sweep with its results in a folder."""
    with open_results(folder, IDENTITY) as results:
        desk = SweepDesk(search or grid_search(space), workers, results)
        return build_report(facts(space), run_sweep(desk, plan(), lambda _: None))


def main(folder: Path, count: int) -> None:
    candles = folder / "closes"
    if not candles.exists():
        draft = folder / f"closes.{os.getpid()}"
        write_closes(draft).rename(candles)
    with ProcessWorkers(count, Crossing(seconds=0.02), candles) as workers:
        print(json.dumps(sweep_json(swept(folder, workers))))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
