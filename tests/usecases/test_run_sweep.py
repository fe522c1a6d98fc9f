"""A sweep finds the best by what was known, judges it by what was not, and goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hedgerow.domain.day_ranges import Margins
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.sweeps.optuna_search import OptunaSearch
from hedgerow.infrastructure.sweeps.result_file import open_results
from hedgerow.usecases.sweep.plan import WalkForward, plan_sweep, whole_days
from hedgerow.usecases.sweep.ports import Evaluate, Failure, Outcome, Parameters, Value, Window
from hedgerow.usecases.sweep.report import build_report
from hedgerow.usecases.sweep.report_json import sweep_json
from hedgerow.usecases.sweep.run_sweep import SweepDesk, SweepProgress, SweepResult, run_sweep
from hedgerow.usecases.sweep.searches import ListedSearch, grid_search
from hedgerow.usecases.sweep.spaces import parse_space
from sweep_world import (
    IDENTITY,
    SPACE,
    WINDOW,
    Crossing,
    ResultsHere,
    WorkersHere,
    closes,
    crossed,
    facts,
    plan,
)

HERE: Evaluate = Crossing()(memoryview(closes().tobytes()))


def nobody(_: SweepProgress) -> None:
    pass


def run(
    evaluate: Evaluate = HERE, search: ListedSearch | OptunaSearch | None = None
) -> SweepResult:
    desk = SweepDesk(search or grid_search(SPACE), WorkersHere(evaluate), ResultsHere())
    return run_sweep(desk, plan(), nobody)


class TestDays:
    def test_are_whole(self) -> None:
        noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
        found = whole_days(noon, noon + timedelta(days=3))
        assert found == Window(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC))
        with pytest.raises(InputRefused, match="no whole day"):
            whole_days(noon, noon + timedelta(hours=20))

    def test_too_few_are_refused(self) -> None:
        with pytest.raises(InputRefused, match="60 days leave 0 to choose") as refused:
            plan_sweep(WINDOW, WalkForward(in_sample_pct=1))
        assert refused.value.where == "--folds"
        with pytest.raises(InputRefused, match="0 in each of 40 folds"):
            plan_sweep(WINDOW, WalkForward(folds=40))


class TestWalkForward:
    def test_every_set_runs_once_over_all_days_and_every_choice_on_its_own(self) -> None:
        workers = WorkersHere(HERE)
        result = run_sweep(SweepDesk(grid_search(SPACE), workers, ResultsHere()), plan(), nobody)
        whole = [task for task in workers.ran if task.window == WINDOW]
        assert len(whole) == len(result.trials) == 16
        assert len(workers.ran) == 16 + 4
        for step in result.steps:
            assert step.chosen is not None
            assert isinstance(step.result, Outcome)
            assert len(step.result.daily_returns) == step.fold.out_of_sample.days

    def test_choices_know_nothing_of_the_days_they_are_judged_by(self) -> None:
        usual = run()
        for fold in range(4):
            changed = usual.steps[fold].fold.out_of_sample.first

            def later_is_worse(values: Mapping[str, Value], window: Window) -> Outcome:
                outcome = HERE(values, window)
                if window != WINDOW:
                    return outcome
                kept = outcome.daily_returns[:changed]  # noqa: B023 - called in this round
                worse = [-each * int(values["fast"]) for each in outcome.daily_returns[changed:]]  # noqa: B023
                return replace(outcome, daily_returns=(*kept, *worse))

            other = run(later_is_worse)
            assert other.steps[: fold + 1] == tuple(
                replace(step, chosen=other.steps[at].chosen)
                for at, step in enumerate(usual.steps[: fold + 1])
            )
            chosen = [step.chosen.parameters for step in usual.steps[: fold + 1] if step.chosen]
            assert chosen == [
                step.chosen.parameters for step in other.steps[: fold + 1] if step.chosen
            ]

    def test_what_optuna_proposes_depends_on_the_days_before_any_judgement_alone(self) -> None:
        space = parse_space(["fast=2:8", "slow=10:40"])
        first = plan().out_of_sample.first

        def later_is_worse(values: Mapping[str, Value], window: Window) -> Outcome:
            outcome = HERE(values, window)
            worse = [-each for each in outcome.daily_returns[first:]]
            return replace(outcome, daily_returns=(*outcome.daily_returns[:first], *worse))

        usual, other = (
            [trial.parameters for trial in run(each, OptunaSearch(space, 40, 3)).trials]
            for each in (HERE, later_is_worse)
        )
        assert usual == other


class TestFailures:
    def test_are_told_and_stop_nobody(self) -> None:
        search = grid_search(parse_space(["fast=10,20", "slow=10,20"]))
        report = build_report(facts(), run(search=search))
        assert [trial.reason for trial in report.failed] == [
            "ValueError: fast and slow are the same"
        ] * 2
        assert (report.trials, len(report.ranking)) == (4, 2)
        assert report.best is not None
        assert report.best.deflation.trials == 2

    def test_of_all_leave_nothing_to_choose(self) -> None:
        report = build_report(facts(), run(search=grid_search(parse_space(["fast=5", "slow=5"]))))
        assert (report.best, report.combined) == (None, None)
        assert {step.step.result for step in report.steps} == {Failure("every trial failed")}
        assert sweep_json(report)["best"] is None

    @pytest.mark.parametrize(
        ("returns", "reason"),
        [((0.1,), "told of 1 days"), ((float("nan"),) * 60, "not a finite number")],
    )
    def test_are_outcomes_that_cannot_be(self, returns: tuple[float, ...], reason: str) -> None:
        def wrong(values: Mapping[str, Value], window: Window) -> Outcome:
            return replace(crossed(closes(), values, window), daily_returns=returns)

        trial = run(wrong).trials[0]
        assert isinstance(trial.result, Failure)
        assert reason in trial.result.reason

    @pytest.mark.parametrize("kind", [OSError, MemoryError, "said by an analyst"])
    def test_of_the_machine_are_tried_again(self, kind: type[Exception] | str) -> None:
        space = parse_space(["fast=2,6", "slow=20"])
        is_full = True

        def evaluate(parameters: Mapping[str, Value], window: Window) -> Outcome:
            if parameters["fast"] == 2 and is_full:
                full = OSError(28, "No space left on device")
                if isinstance(kind, str):
                    raise InputRefused("no space", "decide", "correct it") from full
                raise full if kind is OSError else kind
            return HERE(parameters, window)

        results = ResultsHere()

        def failed() -> list[bool]:
            desk = SweepDesk(grid_search(space), WorkersHere(evaluate), results)
            swept = run_sweep(desk, plan(), nobody)
            return [isinstance(trial.result, Failure) for trial in swept.trials]

        assert failed() == [True, False]
        is_full = False
        assert failed() == [False, False]


class TestReport:
    def test_ranks_by_the_days_before_any_judgement(self) -> None:
        report = build_report(facts(), run())
        sharpes = [trial.in_sample_sharpe for trial in report.ranking]
        assert sharpes == sorted(sharpes, reverse=True)
        assert report.best is not None
        assert report.best.trial == report.ranking[0]
        assert report.best.deflation.trials == report.trials == 16

    def test_joins_the_steps_day_by_day(self) -> None:
        report = build_report(facts(), run())
        assert report.combined is not None
        days = plan().out_of_sample.days
        assert len(report.combined.daily_returns) == days == len(report.combined.curve) - 1
        assert report.combined.curve[0] == 1.0
        assert report.combined.return_pct == pytest.approx((report.combined.curve[-1] - 1) * 100)

    def test_counts_trials_beside_the_best(self) -> None:
        document = sweep_json(build_report(facts(), run()))
        assert document["best"]["trials"] == 16
        assert 0 <= document["best"]["deflated_sharpe"] <= 1
        assert document["best"]["deflated_sharpe"] <= document["best"]["probabilistic_sharpe"]


class TestGoingOn:
    def test_nothing_is_run_twice(self, tmp_path: Path) -> None:
        documents, ran = [], []
        for _ in range(2):
            workers = WorkersHere(HERE)
            with open_results(tmp_path, IDENTITY) as results:
                desk = SweepDesk(grid_search(SPACE), workers, results)
                documents.append(sweep_json(build_report(facts(), run_sweep(desk, plan(), nobody))))
            ran.append(len(workers.ran))
        assert ran == [20, 0]
        assert documents[0] == documents[1]

    def test_another_division_of_the_days_runs_the_new_choices_alone(self, tmp_path: Path) -> None:
        for walk, expected in (
            (WalkForward(), 20),
            (WalkForward(folds=2, margins=Margins(2, 2)), 2),
        ):
            workers = WorkersHere(HERE)
            with open_results(tmp_path, IDENTITY) as results:
                desk = SweepDesk(grid_search(SPACE), workers, results)
                run_sweep(desk, plan_sweep(WINDOW, walk), nobody)
            assert len(workers.ran) == expected

    @pytest.mark.parametrize("cut", [1, 40, 300, 2000])
    def test_a_line_that_was_not_finished_is_run_again(self, tmp_path: Path, cut: int) -> None:
        with open_results(tmp_path, IDENTITY) as results:
            whole = run_sweep(
                SweepDesk(grid_search(SPACE), WorkersHere(HERE), results), plan(), nobody
            )
        (file,) = tmp_path.glob("*.jsonl")
        file.write_bytes(file.read_bytes()[:-cut])
        workers = WorkersHere(HERE)
        with open_results(tmp_path, IDENTITY) as results:
            again = run_sweep(SweepDesk(grid_search(SPACE), workers, results), plan(), nobody)
        assert again == whole
        assert 1 <= len(workers.ran) <= 5

    def test_a_damaged_file_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / f"{IDENTITY.fingerprint}.jsonl"
        path.write_text('{"parameters": {}}\n')
        with pytest.raises(InputRefused) as refused, open_results(tmp_path, IDENTITY):
            pass
        assert refused.value.where == f"{path}, line 1"

    def test_two_at_once_are_refused(self, tmp_path: Path) -> None:
        with (
            open_results(tmp_path, IDENTITY),
            pytest.raises(InputRefused, match="another process"),
            open_results(tmp_path, IDENTITY),
        ):
            pass


class TestOptuna:
    SPACE = parse_space(["x=0.5:3", "y=1:50", "kind=a,b"])

    def proposals(self, seed: int) -> list[Parameters]:
        search = OptunaSearch(self.SPACE, 60, seed)
        proposed: list[Parameters] = []
        while batch := search.ask():
            proposed += batch
            search.tell([self.score(each) for each in batch])
        return proposed

    @staticmethod
    def score(parameters: Sequence[tuple[str, Value]]) -> float | None:
        values = dict(parameters)
        if values["kind"] == "b":
            return None
        return -abs(float(values["x"]) - 2) - abs(float(values["y"]) - 30) / 10

    def test_is_the_seed_s_and_learns(self) -> None:
        once, again, other = (self.proposals(seed) for seed in (1, 1, 2))
        assert once == again != other
        assert len(once) == 60
        scores = [-9.0 if (found := self.score(each)) is None else found for each in once]
        assert max(scores[30:]) > max(scores[:16])
