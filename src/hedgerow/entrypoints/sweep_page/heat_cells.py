"""What a heat map of two parameters shows: for each pair of values, the trials that had it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from hedgerow.entrypoints.sweep_words import value
from hedgerow.usecases.sweep.ports import Value
from hedgerow.usecases.sweep.report import RankedTrial
from hedgerow.usecases.sweep.spaces import Choices, Dimension, Space, Span

BANDS: Final = 12
VALUES_SHOWN_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Trials with values of one place on either axis: how many, and the median of their scores."""

    column: int
    row: int
    trials: int
    score: float


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Cells by the places of two parameters; places without a trial have no cell."""

    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[HeatCell, ...]


def heat_map(
    space: Space, trials: Sequence[RankedTrial], score: Callable[[RankedTrial], float]
) -> HeatMap | None:
    """The first two parameters that vary, against each other; None where fewer than two do."""
    varied = [each for each in space if isinstance(each, Span) or len(each.values) > 1]
    if len(varied) < 2 or not trials:
        return None
    across, down = (_Axis(each) for each in varied[:2])
    found: dict[tuple[int, int], list[float]] = {}
    for trial in trials:
        values = dict(trial.parameters)
        place = across.place(values[across.name]), down.place(values[down.name])
        found.setdefault(place, []).append(score(trial))
    cells = (
        HeatCell(column, row, len(scores), median(scores))
        for (column, row), scores in sorted(found.items())
    )
    return HeatMap(across.name, down.name, across.labels, down.labels, tuple(cells))


class _Axis:
    """Where each value of a parameter is drawn: by itself, or in one of BANDS where many are."""

    def __init__(self, dimension: Dimension) -> None:
        self.name = dimension.name
        self._values = dimension.values if isinstance(dimension, Choices) else ()
        if isinstance(dimension, Span):
            self._low, self._width = dimension.low, (dimension.high - dimension.low) / BANDS
            edges = (self._low + self._width * band for band in range(BANDS))
            self.labels = tuple(f"{edge:.4g}" for edge in edges)
        else:
            self._per_place = -(-len(self._values) // VALUES_SHOWN_MAX)
            self.labels = tuple(map(value, self._values[:: self._per_place]))

    def place(self, of: Value) -> int:
        """Counted from the lowest."""
        if self._values:
            return self._values.index(of) // self._per_place
        assert not isinstance(of, str), "only numbers lie between two others"
        return min(int((of - self._low) / self._width), BANDS - 1)
