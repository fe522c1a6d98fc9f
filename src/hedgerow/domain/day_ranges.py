"""Ranges of days, to choose by and to judge by, kept apart so that neither sees the other.

A day is counted from the first of a period, from 0; a range holds its `first` day and ends before
`end`. What was begun on one day may be decided on a later one, so:

- purging takes the last days off what is chosen by, where it is followed by what is judged by;
- an embargo takes the first days off what is chosen by, where it follows what is judged by.

The terms are those of López de Prado (2018), "Advances in Financial Machine Learning", chapter 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class DayRange(NamedTuple):
    """Days from `first` to before `end`."""

    first: int
    end: int

    @property
    def days(self) -> int:
        """How many days it holds."""
        return max(self.end - self.first, 0)


@dataclass(frozen=True, slots=True)
class Margins:
    """How many days are left out of what is chosen by: before, and after, what is judged by."""

    purge_days: int = 0
    embargo_days: int = 0


@dataclass(frozen=True, slots=True)
class Fold:
    """A step of a walk forward: parameters are chosen `in_sample`, judged `out_of_sample`."""

    in_sample: DayRange
    out_of_sample: DayRange


def purged(
    in_sample: Sequence[DayRange], out_of_sample: Sequence[DayRange], margins: Margins
) -> list[DayRange]:
    """`in_sample` without the days that lie in the margins of `out_of_sample`, or within it."""
    kept = list(in_sample)
    for judged in out_of_sample:
        start, end = judged.first - margins.purge_days, judged.end + margins.embargo_days
        kept = [
            part
            for each in kept
            for part in (
                DayRange(each.first, min(each.end, start)),
                DayRange(max(each.first, end), each.end),
            )
            if part.days
        ]
    return kept


def walk_forward(
    days: int, folds: int, in_sample_days: int, margins: Margins, *, anchored: bool
) -> list[Fold]:
    """`folds` steps over a period of `days`, the first judged right after `in_sample_days`.

    The rest of the period is judged in `folds` parts that follow each other without a gap and
    differ by a day at most. In-sample days are the `in_sample_days` before each part, purged, or
    all before it if `anchored`. The period must have room for at least one day of each.
    """
    rest = days - in_sample_days
    assert folds >= 1, "a walk has a step"
    assert rest >= folds, "every step is judged by a day"
    assert in_sample_days > margins.purge_days, "something is left to choose by"
    edges = [in_sample_days + rest * number // folds for number in range(folds + 1)]
    steps = []
    for start, end in pairwise(edges):
        judged = DayRange(start, end)
        before = DayRange(0 if anchored else start - in_sample_days, start)
        (chosen_by,) = purged([before], [judged], margins)
        steps.append(Fold(chosen_by, judged))
    return steps
