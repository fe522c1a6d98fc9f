"""The probability of backtest overfitting: how often the best in one half is poor in the other.

Combinatorially symmetric cross-validation, CSCV: Bailey, Borwein, López de Prado and Zhu (2017),
"The Probability of Backtest Overfitting", Journal of Computational Finance 20(4). The days are cut
into an even number of blocks. Each half of the blocks in turn is what one would have chosen by, the
other half shows what would have come of the choice. Overfitted is a choice whose Sharpe ratio is
below the median of all trials there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, combinations
from typing import Final

from hedgerow.domain.day_ranges import DayRange, Margins, purged

BLOCKS: Final = 10
_DAYS_PER_BLOCK_MIN: Final = 3
_VARIANCE_MIN: Final = 1e-24  # what rounding leaves of none


def overfitting_probability(
    trials: Sequence[Sequence[float]], margins: Margins, blocks: int = BLOCKS
) -> float | None:
    """The share, 0 to 1, of all choices that were overfitted.

    `trials` holds the daily returns of each trial over the same days. None where there are fewer
    than two trials, or too few days for `blocks` with `margins` around each.
    """
    days = len(trials[0]) if trials else 0
    room = margins.purge_days + margins.embargo_days + _DAYS_PER_BLOCK_MIN
    if len(trials) < 2 or days < blocks * room:
        return None
    sums = [_RunningSums(returns) for returns in trials]
    logits = [
        _logit_of_choice(sums, chosen_by, judged_by)
        for chosen_by, judged_by in _halves(days, blocks, margins)
    ]
    return sum(logit <= 0 for logit in logits) / len(logits)


def _halves(
    days: int, blocks: int, margins: Margins
) -> Iterator[tuple[list[DayRange], list[DayRange]]]:
    """Every half of the blocks, purged, with the other half."""
    edges = [days * number // blocks for number in range(blocks + 1)]
    ranges = [DayRange(edges[each], edges[each + 1]) for each in range(blocks)]
    for chosen in combinations(range(blocks), blocks // 2):
        judged_by = [ranges[each] for each in range(blocks) if each not in chosen]
        yield purged([ranges[each] for each in chosen], judged_by, margins), judged_by


def _logit_of_choice(
    trials: Sequence[_RunningSums], chosen_by: Sequence[DayRange], judged_by: Sequence[DayRange]
) -> float:
    """The log-odds of where the best by one half ranks in the other; 0 is the median."""
    best = max(trials, key=lambda trial: trial.sharpe(chosen_by))
    reached = best.sharpe(judged_by)
    others = [trial.sharpe(judged_by) for trial in trials]
    below = sum(each < reached for each in others)
    level = sum(each == reached for each in others)
    rank = (below + (level + 1) / 2) / (len(trials) + 1)
    return math.log(rank / (1 - rank))


class _RunningSums:
    """Sums of returns and their squares up to each day: any range's in one subtraction."""

    def __init__(self, returns: Sequence[float]) -> None:
        self._sums = [0.0, *accumulate(returns)]
        self._squares = [0.0, *accumulate(each * each for each in returns)]

    def sharpe(self, ranges: Iterable[DayRange]) -> float:
        """Mean over deviation of the days in `ranges`."""
        count, total, squares = 0, 0.0, 0.0
        for first, end in ranges:
            count += end - first
            total += self._sums[end] - self._sums[first]
            squares += self._squares[end] - self._squares[first]
        mean = total / count
        variance = squares / count - mean * mean
        return mean / math.sqrt(variance) if variance > _VARIANCE_MIN else 0.0
