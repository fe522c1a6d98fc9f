"""The page of a sweep: heat maps of any space, and nothing of others that could run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from hedgerow.entrypoints import sweep_words
from hedgerow.entrypoints.sweep_html import sweep_page
from hedgerow.entrypoints.sweep_page.heat_cells import BANDS, VALUES_SHOWN_MAX, HeatMap, heat_map
from hedgerow.usecases.sweep.ports import Outcome
from hedgerow.usecases.sweep.report import RankedTrial, SweepReport, build_report
from hedgerow.usecases.sweep.run_sweep import SweepDesk, run_sweep
from hedgerow.usecases.sweep.searches import grid_search, random_search
from hedgerow.usecases.sweep.spaces import Space, parse_space
from sweep_world import SPACE, Crossing, ResultsHere, WorkersHere, closes, facts, plan

NOTHING = Outcome((), 0, Decimal(0), Decimal(0), Decimal(0))


def trials(space: Space, count: int = 500) -> list[RankedTrial]:
    """Trials whose score is the sum of their numbers."""
    return [
        RankedTrial(number, each, sum(v for _, v in each if not isinstance(v, str)), 0.0, NOTHING)
        for number, each in enumerate(random_search(space, count, 7).ask(), start=1)
    ]


def mapped(texts: Sequence[str]) -> HeatMap | None:
    space = parse_space(texts)
    return heat_map(space, trials(space), lambda trial: trial.in_sample_sharpe)


class TestHeatMap:
    def test_has_a_cell_for_each_pair(self) -> None:
        heat = mapped(["fast=1:3", "slow=10,20"])
        assert heat is not None
        assert (heat.columns, heat.rows) == (("1", "2", "3"), ("10", "20"))
        scores = {(cell.column, cell.row): cell.score for cell in heat.cells}
        assert scores == {(x, y): x + 1 + (y + 1) * 10 for x in range(3) for y in range(2)}

    def test_leaves_out_what_does_not_vary_and_takes_the_median_of_what_is_third(self) -> None:
        heat = mapped(["fixed=5", "fast=1,2", "slow=10,20", "third=0,100,500"])
        assert heat is not None
        assert (heat.across, heat.down) == ("fast", "slow")
        first = heat.cells[0]
        assert (first.trials, first.score) == (3, 5 + 1 + 10 + 100)

    def test_puts_numbers_between_into_bands(self) -> None:
        heat = mapped(["stop=0.5:2.5", "kind=a,b"])
        assert heat is not None
        assert (len(heat.columns), heat.rows) == (BANDS, ("a", "b"))
        assert {cell.column for cell in heat.cells} == set(range(BANDS))

    def test_joins_values_where_there_are_too_many_to_draw(self) -> None:
        heat = mapped(["fast=1:100", "slow=1,2"])
        assert heat is not None
        assert len(heat.columns) <= VALUES_SHOWN_MAX
        assert max(cell.column for cell in heat.cells) == len(heat.columns) - 1

    @pytest.mark.parametrize("texts", [["fast=1:3"], ["fast=1:3", "slow=5"]])
    def test_needs_two_parameters(self, texts: list[str]) -> None:
        assert mapped(texts) is None


@pytest.fixture(scope="module")
def report() -> SweepReport:
    workers = WorkersHere(Crossing()(memoryview(closes().tobytes())))
    desk = SweepDesk(grid_search(SPACE), workers, ResultsHere())
    return build_report(facts(), run_sweep(desk, plan(), lambda _: None))


class TestPage:
    def test_shows_trials_and_deflation(self, report: SweepReport) -> None:
        page = sweep_page(report)
        assert "The best of 16 trials" in page
        assert "luck of 16 trials" in page
        assert page.count("<title>") == 1 + 2 * 16

    def test_escapes_what_others_wrote(self, report: SweepReport) -> None:
        hostile = replace(report, facts=replace(report.facts, strategy="<script>x</script>"))
        assert "<script" not in sweep_page(hostile)

    def test_draws_inside_its_frame(self, report: SweepReport) -> None:
        page = sweep_page(report)
        for width, height, body in re.findall(
            r'<svg class="\w+" viewBox="0 0 (\d+) (\d+)".*?>(.*?)</svg>', page, re.DOTALL
        ):
            for name, bound in (("x", width), ("y", height)):
                places = re.findall(rf' {name}\d?="(-?[\d.]+)"', body)
                assert all(0 <= float(place) <= float(bound) for place in places)


class TestVerdict:
    def test_names_what_speaks_against_the_best(self, report: SweepReport) -> None:
        assert report.best is not None
        sure = replace(report.best.deflation, probability=0.99)
        loser = replace(report.best.trial, out_of_sample_sharpe=-1.0)
        winner = replace(report.best.trial, out_of_sample_sharpe=1.25)

        def said(trial: RankedTrial, deflated: float, overfitting: float | None) -> str:
            assert report.best is not None
            deflation = replace(sure, probability=deflated)
            best = replace(report.best, trial=trial, deflation=deflation)
            told = replace(report, best=best, overfitting_probability=overfitting)
            believed = sweep_words.is_believed(told)
            return f"{believed}: {sweep_words.verdict(told)}"

        assert said(winner, 0.5, 0.1).startswith("False")
        assert said(winner, 0.5, 0.1).endswith("it may well be luck.")
        assert said(loser, 0.99, 0.1).endswith("but on the days after it came to -1.00.")
        assert said(winner, 0.99, 0.7).endswith("overfits in 70.0 % of all cases.")
        assert said(winner, 0.99, 0.1).startswith("True")
        assert said(winner, 0.99, None).endswith(
            "more than luck explains, and 1.25 on the days after."
        )
