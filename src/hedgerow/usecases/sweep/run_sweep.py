"""Run a sweep: every set of parameters once, then the choices of a walk forward on unseen days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from hedgerow.domain.day_ranges import DayRange, Fold
from hedgerow.domain.deflated_sharpe import sharpe
from hedgerow.usecases.sweep.plan import SweepPlan, pick
from hedgerow.usecases.sweep.ports import (
    Failure,
    Outcome,
    Parameters,
    Result,
    ResultFile,
    Search,
    Task,
    Workers,
)


@dataclass(frozen=True, slots=True)
class Trial:
    """A set of parameters over the whole window, numbered from 1 as the search proposed them."""

    number: int
    parameters: Parameters
    result: Result


@dataclass(frozen=True, slots=True)
class Step:
    """A fold of the walk forward: which trial it chose, and what that did on days it had not seen.

    `chosen` is None where every trial failed; `result` is a backtest of the fold's days alone.
    """

    fold: Fold
    chosen: Trial | None
    result: Result


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Everything that was run: the trials in their order, and the steps of the walk forward."""

    plan: SweepPlan
    trials: tuple[Trial, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How many backtests are done, of how many; `kept` of them were known from an earlier run."""

    done: int
    total: int
    kept: int
    failed: int
    best_sharpe: float | None


@dataclass(frozen=True, slots=True)
class SweepDesk:
    """What a sweep is run with."""

    search: Search
    workers: Workers
    results: ResultFile


ShowProgress = Callable[[SweepProgress], None]


def run_sweep(desk: SweepDesk, plan: SweepPlan, show: ShowProgress) -> SweepResult:
    """Run what is not known yet; the result is the same however often it was begun.

    Parameters that the search proposes again are not a trial of their own.
    """
    runner = _Runner(desk, plan, show)
    trials: dict[Parameters, Trial] = {}
    while proposed := desk.search.ask():
        found = runner.run([Task(each, plan.window) for each in proposed])
        for parameters in proposed:
            trial = Trial(len(trials) + 1, parameters, found[Task(parameters, plan.window)])
            trials.setdefault(parameters, trial)
        desk.search.tell([score(trials[each], plan.in_sample) for each in proposed])
    steps = _walk(runner, plan, list(trials.values()))
    return SweepResult(plan, tuple(trials.values()), tuple(steps))


def score(trial: Trial, days: DayRange) -> float | None:
    """The Sharpe ratio of one day, over some days; None where the trial failed."""
    if isinstance(trial.result, Failure):
        return None
    return sharpe(pick(trial.result.daily_returns, days))


def _walk(runner: _Runner, plan: SweepPlan, trials: Sequence[Trial]) -> Iterator[Step]:
    chosen = [_best(trials, fold.in_sample) for fold in plan.folds]
    tasks = [
        Task(trial.parameters, plan.window.part(fold.out_of_sample)) if trial else None
        for trial, fold in zip(chosen, plan.folds, strict=True)
    ]
    found = runner.run([task for task in tasks if task])
    for fold, trial, task in zip(plan.folds, chosen, tasks, strict=True):
        result = found[task] if task else Failure("every trial failed")
        yield Step(fold, trial, result)


def _best(trials: Sequence[Trial], days: DayRange) -> Trial | None:
    """The first of those with the highest score."""
    scored = [(points, trial) for trial in trials if (points := score(trial, days)) is not None]
    return max(scored, key=lambda each: each[0])[1] if scored else None


class _Runner:
    """Runs tasks that have no result yet, keeps each result as it comes, and says how far it is."""

    def __init__(self, desk: SweepDesk, plan: SweepPlan, show: ShowProgress) -> None:
        self._desk = desk
        self._plan = plan
        self._show = show
        self._done = SweepProgress(0, desk.search.trials + len(plan.folds), 0, 0, None)

    def run(self, tasks: Sequence[Task]) -> dict[Task, Result]:
        """The result of every task, in the order given."""
        distinct = dict.fromkeys(tasks)
        found = {
            task: known for task in distinct if (known := self._desk.results.get(task)) is not None
        }
        for task, result in found.items():
            self._count(task, result, kept=1)
        for task, result in self._fresh(task for task in distinct if task not in found):
            found[task] = result
            self._count(task, result, kept=0)
        return found

    def _fresh(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        for task, result in self._desk.workers.results(tasks):
            checked = _checked(task, result)
            if isinstance(checked, Outcome) or checked.is_lasting:
                self._desk.results.keep(task, checked)
            yield task, checked

    def _count(self, task: Task, result: Result, *, kept: int) -> None:
        done = self._done
        best = done.best_sharpe
        if isinstance(result, Outcome) and task.window == self._plan.window:
            reached = sharpe(pick(result.daily_returns, self._plan.in_sample))
            best = reached if best is None else max(best, reached)
        self._done = SweepProgress(
            done=done.done + 1,
            total=done.total,
            kept=done.kept + kept,
            failed=done.failed + isinstance(result, Failure),
            best_sharpe=best,
        )
        self._show(self._done)


def _checked(task: Task, result: Result) -> Result:
    """A result, or a failure where it does not tell of every day of its window in numbers."""
    if isinstance(result, Failure):
        return result
    count = len(result.daily_returns)
    if count != task.window.days:
        return Failure(f"the backtest told of {count} days, its window has {task.window.days}")
    if not all(map(isfinite, result.daily_returns)):
        return Failure("a daily return is not a finite number")
    return result
