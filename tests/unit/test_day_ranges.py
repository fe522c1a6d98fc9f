"""What is chosen by never touches what is judged by."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hedgerow.domain.day_ranges import DayRange, Margins, purged, walk_forward

margins_of = st.builds(Margins, st.integers(0, 9), st.integers(0, 9))


@st.composite
def ranges(draw: st.DrawFn) -> list[DayRange]:
    edges = sorted(draw(st.lists(st.integers(0, 200), min_size=2, max_size=12, unique=True)))
    return [DayRange(first, end) for first, end in pairwise(edges)][:: draw(st.integers(1, 2))]


def days_in(some: list[DayRange]) -> set[int]:
    return {day for each in some for day in range(each.first, each.end)}


class TestPurging:
    @given(ranges(), ranges(), margins_of)
    def test_leaves_out_what_is_judged_by_and_its_margins_and_nothing_else(
        self, chosen_by: list[DayRange], judged_by: list[DayRange], margins: Margins
    ) -> None:
        forbidden = {
            day
            for each in judged_by
            for day in range(each.first - margins.purge_days, each.end + margins.embargo_days)
        }
        kept = purged(chosen_by, judged_by, margins)
        assert days_in(kept) == days_in(chosen_by) - forbidden
        assert all(each.days > 0 for each in kept)

    def test_by_hand(self) -> None:
        kept = purged([DayRange(0, 30)], [DayRange(10, 15)], Margins(2, 4))
        assert kept == [DayRange(0, 8), DayRange(19, 30)]


class TestWalkForward:
    @given(st.data(), st.integers(1, 12), st.booleans())
    def test_judges_each_day_after_the_first_in_sample_once_and_chooses_by_earlier_ones(
        self, data: st.DataObject, folds: int, anchored: bool
    ) -> None:
        margins = data.draw(margins_of)
        in_sample_days = data.draw(st.integers(margins.purge_days + 1, 100))
        days = in_sample_days + data.draw(st.integers(folds, 200))
        steps = walk_forward(days, folds, in_sample_days, margins, anchored=anchored)
        judged = [day for step in steps for day in range(*step.out_of_sample)]
        assert judged == list(range(in_sample_days, days))
        lengths = {step.out_of_sample.days for step in steps}
        assert max(lengths) - min(lengths) <= 1
        for step in steps:
            assert step.in_sample.end == step.out_of_sample.first - margins.purge_days
            assert step.in_sample.days > 0
            if anchored:
                assert step.in_sample.first == 0
            else:
                assert step.in_sample.days == in_sample_days - margins.purge_days

    def test_by_hand(self) -> None:
        steps = walk_forward(100, 2, 60, Margins(5, 5), anchored=False)
        assert [(step.in_sample, step.out_of_sample) for step in steps] == [
            ((0, 55), (60, 80)),
            ((20, 75), (80, 100)),
        ]
