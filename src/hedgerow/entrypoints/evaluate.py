"""An evaluation: run every arm, show how it goes, say what it comes to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

from rich.console import Console

from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.evaluate_terminal import print_evaluation
from hedgerow.entrypoints.interrupts import stop_requests
from hedgerow.entrypoints.output import require_writable, write_json
from hedgerow.entrypoints.progress import LiveBar
from hedgerow.usecases.evaluate.evaluation import Arm, Evaluation
from hedgerow.usecases.evaluate.evaluation_json import evaluation_json
from hedgerow.usecases.evaluate.plan import EvaluationPlan
from hedgerow.usecases.evaluate.run_evaluation import EvaluationProgress, conclude, run_arms


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What was asked for on the command line; None means the default."""

    model: ModelChoice | None
    data: Path | None
    symbols: list[str] | None
    timeframe: Timeframe | None
    capital: Decimal
    risk_tolerance: RiskTolerance
    seeds: int
    draws: int
    training_cutoff: date | None
    allow_gaps: bool
    fresh: bool
    json_file: Path | None


async def run_it(backstage: Backstage, request: EvaluateRequest) -> bool:
    """Run the evaluation and report on it; returns whether it came to its end."""
    started = time.monotonic()
    if request.json_file is not None:
        require_writable(request.json_file)
    plan, console = _plan(backstage, request), Console()
    console.print(_opening(plan), highlight=False)
    async with backstage.evaluation_desk(fresh=request.fresh, model=request.model) as desk:
        with stop_requests() as stop, LiveBar(console) as bar:
            trial = await run_arms(desk, plan, partial(_show, bar), stop.is_set)
    if trial is None:
        console.print("Interrupted; run the same command again to go on.", highlight=False)
        return False
    # now that the log of calls is whole
    async with backstage.usage() as usage:
        evaluation = conclude(trial, await usage.cost_by_session(trial.sessions))
    print_evaluation(evaluation, console)
    _say_runs(evaluation, console)
    if request.json_file is not None:
        elapsed_s = round(time.monotonic() - started, 2)
        write_json(request.json_file, evaluation_json(evaluation) | {"elapsed_s": elapsed_s})
    return True


def _plan(backstage: Backstage, request: EvaluateRequest) -> EvaluationPlan:
    asked = backstage.desk_models() if request.model is None else (request.model,)
    return EvaluationPlan(
        candles=backstage.read_candles(
            request.data, request.timeframe, request.symbols, allow_gaps=request.allow_gaps
        ),
        exchange=Exchange.BINANCE,
        capital=request.capital,
        risk_tolerance=request.risk_tolerance,
        seeds=request.seeds,
        draws=request.draws,
        default=asked[0],
        models=asked,
        training_cutoff=request.training_cutoff,
    )


def _opening(plan: EvaluationPlan) -> str:
    candles = plan.candles
    runs = "1 run" if plan.seeds == 1 else f"{plan.seeds} runs"
    return (
        f"Evaluating a desk that asks {', '.join(map(str, plan.models))} on "
        f"{', '.join(candles.symbols)}, {len(candles.candles):,} closed {candles.timeframe} "
        f"candles: {runs} of the desk, {plan.draws} draws of random entries."
    )


def _show(bar: LiveBar, progress: EvaluationProgress) -> None:
    share = progress.done / progress.total
    when = "" if progress.replay is None else f", {progress.replay.at:%Y-%m-%d}"
    text = f"{progress.doing}{when}"
    bar.show(progress.done, progress.total, line=f"{share:4.0%}  {text}", text=text)


def _say_runs(evaluation: Evaluation, console: Console) -> None:
    for sample in evaluation.samples:
        if sample.arm is Arm.DESK:
            how = ", finished before: its settings of then hold" if sample.was_finished else ""
            line = f"Seed {sample.seed} of the desk is run {sample.run_id}{how}."
            console.print(line, highlight=False, soft_wrap=True)
