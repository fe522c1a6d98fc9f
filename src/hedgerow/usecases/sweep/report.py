"""What a sweep comes to: trials ranked, the best held against luck, and the walk forward in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from hedgerow.domain.deflated_sharpe import (
    Deflation,
    annual_sharpe,
    deflated_sharpe,
    probabilistic_sharpe,
    shape_of,
    sharpe,
)
from hedgerow.domain.market import Timeframe
from hedgerow.domain.overfitting import overfitting_probability
from hedgerow.usecases.sweep.plan import pick
from hedgerow.usecases.sweep.ports import Outcome, Parameters
from hedgerow.usecases.sweep.run_sweep import Step, SweepResult, Trial, score
from hedgerow.usecases.sweep.spaces import Space


@dataclass(frozen=True, slots=True)
class SweepFacts:
    """What was swept, with `capital` in quote currency, and how trials were found."""

    strategy: str
    symbols: tuple[str, ...]
    timeframe: Timeframe
    quote_currency: str
    capital: Decimal
    space: Space
    search: str
    seed: int


@dataclass(frozen=True, slots=True)
class StepFigures:
    """A step of the walk forward with annual Sharpe ratios; None where there is nothing to tell."""

    step: Step
    in_sample_sharpe: float | None
    out_of_sample_sharpe: float | None


@dataclass(frozen=True, slots=True)
class RankedTrial:
    """A trial that did not fail; Sharpe ratios are annual, the outcome is that of all days."""

    number: int
    parameters: Parameters
    in_sample_sharpe: float
    out_of_sample_sharpe: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class FailedTrial:
    """A trial without an outcome, and why."""

    number: int
    parameters: Parameters
    reason: str


@dataclass(frozen=True, slots=True)
class BestTrial:
    """The first of the ranking, and how far it can be believed.

    Everything is measured on the days it was chosen by. `probabilistic_sharpe` is the probability
    that its Sharpe ratio is above zero, had it been the only trial; `deflation` counts all trials.
    """

    trial: RankedTrial
    probabilistic_sharpe: float | None
    deflation: Deflation


@dataclass(frozen=True, slots=True)
class CombinedSteps:
    """The days of all steps in a row, none of which was known when its parameters were chosen.

    `curve` is what 1 became, day by day and from the day before the first; `sharpe` is annual.
    """

    daily_returns: tuple[float, ...]
    curve: tuple[float, ...]
    return_pct: float
    sharpe: float
    probabilistic_sharpe: float | None
    max_drawdown_pct: float


@dataclass(frozen=True, slots=True)
class SweepReport:
    """A sweep summed up; `best` and `combined` are None where nothing could be run.

    `overfitting_probability` is that of choosing the best of these trials (CSCV), None where there
    are too few trials or days to tell.
    """

    facts: SweepFacts
    result: SweepResult
    ranking: tuple[RankedTrial, ...]
    failed: tuple[FailedTrial, ...]
    steps: tuple[StepFigures, ...]
    best: BestTrial | None
    combined: CombinedSteps | None
    overfitting_probability: float | None

    @property
    def trials(self) -> int:
        """How many sets of parameters were tried, the failed ones too."""
        return len(self.result.trials)


def build_report(facts: SweepFacts, result: SweepResult) -> SweepReport:
    """Rank the trials by the days before any judgement, and sum the walk forward up."""
    ranking = sorted(
        (_ranked(result, trial) for trial in result.trials if isinstance(trial.result, Outcome)),
        key=lambda trial: (-trial.in_sample_sharpe, trial.number),
    )
    failed = tuple(
        FailedTrial(trial.number, trial.parameters, trial.result.reason)
        for trial in result.trials
        if not isinstance(trial.result, Outcome)
    )
    return SweepReport(
        facts=facts,
        result=result,
        ranking=tuple(ranking),
        failed=failed,
        steps=tuple(map(_figures, result.steps)),
        best=_best(result, ranking) if ranking else None,
        combined=_combined(result.steps),
        overfitting_probability=overfitting_probability(
            [trial.outcome.daily_returns for trial in ranking], result.plan.margins
        ),
    )


def _ranked(result: SweepResult, trial: Trial) -> RankedTrial:
    assert isinstance(trial.result, Outcome), "only those are ranked"
    returns = trial.result.daily_returns
    return RankedTrial(
        number=trial.number,
        parameters=trial.parameters,
        in_sample_sharpe=annual_sharpe(sharpe(pick(returns, result.plan.in_sample))),
        out_of_sample_sharpe=annual_sharpe(sharpe(pick(returns, result.plan.out_of_sample))),
        outcome=trial.result,
    )


def _figures(step: Step) -> StepFigures:
    chosen_by = score(step.chosen, step.fold.in_sample) if step.chosen else None
    judged = sharpe(step.result.daily_returns) if isinstance(step.result, Outcome) else None
    return StepFigures(step, _annual(chosen_by), _annual(judged))


def _annual(daily_sharpe: float | None) -> float | None:
    return None if daily_sharpe is None else annual_sharpe(daily_sharpe)


def _best(result: SweepResult, ranking: Sequence[RankedTrial]) -> BestTrial:
    days = result.plan.in_sample
    shape = shape_of(pick(ranking[0].outcome.daily_returns, days))
    sharpes = [sharpe(pick(trial.outcome.daily_returns, days)) for trial in ranking]
    return BestTrial(ranking[0], probabilistic_sharpe(shape), deflated_sharpe(shape, sharpes))


def _combined(steps: Sequence[Step]) -> CombinedSteps | None:
    outcomes = [step.result for step in steps if isinstance(step.result, Outcome)]
    if not outcomes or len(outcomes) < len(steps):
        return None
    returns = tuple(each for outcome in outcomes for each in outcome.daily_returns)
    curve = tuple(accumulate(returns, lambda worth, each: worth * (1 + each), initial=1.0))
    shape = shape_of(returns)
    return CombinedSteps(
        daily_returns=returns,
        curve=curve,
        return_pct=(curve[-1] - 1) * 100,
        sharpe=annual_sharpe(shape.sharpe),
        probabilistic_sharpe=probabilistic_sharpe(shape),
        max_drawdown_pct=_max_drawdown_pct(curve),
    )


def _max_drawdown_pct(curve: Sequence[float]) -> float:
    peaks = accumulate(curve, max)
    return max((1 - worth / peak) * 100 for worth, peak in zip(curve, peaks, strict=True))
