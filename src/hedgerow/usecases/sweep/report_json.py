"""A sweep as JSON: Sharpe ratios of a year, probabilities from 0 to 1, amounts as texts."""

from __future__ import annotations

from typing import Any

from hedgerow.domain.day_ranges import DayRange
from hedgerow.domain.deflated_sharpe import annual_sharpe
from hedgerow.usecases.sweep.ports import Outcome, Parameters, Result
from hedgerow.usecases.sweep.report import (
    BestTrial,
    CombinedSteps,
    RankedTrial,
    StepFigures,
    SweepReport,
)


def sweep_json(report: SweepReport) -> dict[str, Any]:
    """The whole sweep; the same for two runs of it, however many workers they had."""
    facts, plan = report.facts, report.result.plan
    return {
        "strategy": facts.strategy,
        "symbols": list(facts.symbols),
        "timeframe": facts.timeframe.value,
        "quote_currency": facts.quote_currency,
        "capital": str(facts.capital),
        "search": facts.search,
        "seed": facts.seed,
        "starts_at": plan.window.starts_at.isoformat(),
        "ends_at": plan.window.ends_at.isoformat(),
        "purge_days": plan.margins.purge_days,
        "embargo_days": plan.margins.embargo_days,
        "trials": report.trials,
        "failed": len(report.failed),
        "best": _best(report.best) if report.best else None,
        "overfitting_probability": report.overfitting_probability,
        "walk_forward": {
            "steps": [_step(report, step) for step in report.steps],
            "combined": _combined(report.combined) if report.combined else None,
        },
        "ranking": [_ranked(trial) for trial in report.ranking],
        "failures": [
            {"trial": each.number, "parameters": dict(each.parameters), "reason": each.reason}
            for each in report.failed
        ],
    }


def _best(best: BestTrial) -> dict[str, Any]:
    return {
        **_ranked(best.trial),
        "trials": best.deflation.trials,
        "probabilistic_sharpe": best.probabilistic_sharpe,
        "deflated_sharpe": best.deflation.probability,
        "sharpe_of_luck": annual_sharpe(best.deflation.luck_sharpe),
    }


def _ranked(trial: RankedTrial) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "parameters": dict(trial.parameters),
        "in_sample_sharpe": trial.in_sample_sharpe,
        "out_of_sample_sharpe": trial.out_of_sample_sharpe,
        **_amounts(trial.outcome),
    }


def _step(report: SweepReport, figures: StepFigures) -> dict[str, Any]:
    step = figures.step
    chosen: Parameters | None = step.chosen.parameters if step.chosen else None
    return {
        "in_sample": _days(report, step.fold.in_sample),
        "out_of_sample": _days(report, step.fold.out_of_sample),
        "trial": step.chosen.number if step.chosen else None,
        "parameters": dict(chosen) if chosen else None,
        "in_sample_sharpe": figures.in_sample_sharpe,
        "out_of_sample_sharpe": figures.out_of_sample_sharpe,
        **_result(step.result),
    }


def _days(report: SweepReport, days: DayRange) -> list[str]:
    part = report.result.plan.window.part(days)
    return [part.starts_at.isoformat(), part.ends_at.isoformat()]


def _result(result: Result) -> dict[str, Any]:
    return _amounts(result) if isinstance(result, Outcome) else {"failure": result.reason}


def _amounts(outcome: Outcome) -> dict[str, Any]:
    return {
        "trades": outcome.trades,
        "net_profit": str(outcome.net_profit),
        "max_drawdown_pct": str(outcome.max_drawdown_pct),
        "fees": str(outcome.fees),
    }


def _combined(combined: CombinedSteps) -> dict[str, Any]:
    return {
        "days": len(combined.daily_returns),
        "return_pct": combined.return_pct,
        "sharpe": combined.sharpe,
        "probabilistic_sharpe": combined.probabilistic_sharpe,
        "max_drawdown_pct": combined.max_drawdown_pct,
        "curve": list(combined.curve),
    }
