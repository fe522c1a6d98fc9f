"""How the days of a sweep are divided into those to choose by and those to judge by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from hedgerow.domain.day_ranges import DayRange, Fold, Margins, walk_forward
from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.sweep.ports import Window

_CHOSEN_BY_DAYS_MIN: Final = 3
_JUDGED_BY_DAYS_MIN: Final = 1
_DAY: Final = timedelta(days=1)
_MARGINS: Final = Margins(purge_days=1, embargo_days=1)


@dataclass(frozen=True, slots=True)
class WalkForward:
    """A walk forward as it is asked for.

    The first `in_sample_pct` per cent of the days are chosen by, the rest is judged in `folds`
    parts. `anchored` chooses by all days before a part, not by the same number of days.
    """

    folds: int = 4
    in_sample_pct: int = 50
    anchored: bool = False
    margins: Margins = _MARGINS


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """The days of a sweep and its folds, counted from the first of them."""

    window: Window
    folds: tuple[Fold, ...]
    margins: Margins

    @property
    def in_sample(self) -> DayRange:
        """What trials are ranked by, and a search is guided by: the days before any judgement."""
        return self.folds[0].in_sample

    @property
    def out_of_sample(self) -> DayRange:
        """All days that some fold is judged by."""
        return DayRange(self.folds[0].out_of_sample.first, self.folds[-1].out_of_sample.end)


def whole_days(first: datetime, end: datetime) -> Window:
    """The whole days in UTC from `first` to before `end`; raises InputRefused without any."""
    starts_at, ends_at = _midnight(first), _midnight(end)
    if starts_at < first:
        starts_at += _DAY
    if starts_at >= ends_at:
        raise InputRefused(
            "they hold no whole day from midnight to midnight in UTC", "the candles", "give more"
        )
    return Window(starts_at, ends_at)


def plan_sweep(window: Window, walk: WalkForward) -> SweepPlan:
    """Divide a window; raises InputRefused where it has too few days for the walk."""
    in_sample_days = window.days * walk.in_sample_pct // 100
    chosen_by = in_sample_days - walk.margins.purge_days
    judged_by = (window.days - in_sample_days) // walk.folds
    if chosen_by < _CHOSEN_BY_DAYS_MIN or judged_by < _JUDGED_BY_DAYS_MIN:
        raise InputRefused(
            f"{window.days} days leave {max(chosen_by, 0)} to choose parameters by, and "
            f"{judged_by} in each of {walk.folds} folds to judge them by",
            "--folds",
            f"give more candles or fewer folds: at least {_CHOSEN_BY_DAYS_MIN} days and "
            f"{_JUDGED_BY_DAYS_MIN} are needed",
        )
    folds = walk_forward(
        window.days, walk.folds, in_sample_days, walk.margins, anchored=walk.anchored
    )
    return SweepPlan(window, tuple(folds), walk.margins)


def pick(returns: Sequence[float], days: DayRange) -> Sequence[float]:
    """The daily returns of some days."""
    return returns[days.first : days.end]


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC), time(tzinfo=UTC))
