"""What a strategy was worth at each close, in columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import repeat
from typing import overload

from hedgerow.domain.money import ZERO, exact
from hedgerow.usecases.candle_series import moment
from hedgerow.usecases.report_facts import EquityPoint


@dataclass(frozen=True, slots=True)
class Stretch:
    """Spans in a row in which nothing but prices changed; equity and cash in quote currency.

    At a close of so many units equity is `equity_base + equity_slope x units`; without `closes` it
    is `equity_base`.
    """

    open_us: Sequence[int]
    cash: Decimal
    equity_base: Decimal
    equity_slope: Decimal = ZERO
    closes: Sequence[int] | None = None


class EquityColumns(Sequence[EquityPoint]):
    """Points of an equity curve, made when they are asked for; times in microseconds.

    Each span lasts `span_us`. What follows from prices alone is worked out when it is first read.
    """

    def __init__(self, span_us: int) -> None:
        self.cash: list[Decimal] = []
        self._span_us = span_us
        self._open_us = array("q")
        self._equity: list[Decimal] = []
        self._open_ends: list[tuple[int, Stretch]] = []

    @property
    def at_us(self) -> Sequence[int]:
        """When each span closed."""
        return array("q", map(self._span_us.__add__, self._open_us))

    @property
    def equity(self) -> Sequence[Decimal]:
        """What the strategy was worth at each close, in quote currency."""
        if self._open_ends:
            self._work_out()
        return self._equity

    def add(self, open_us: int, equity: Decimal, cash: Decimal) -> None:
        """One more span, after all others."""
        self._open_us.append(open_us)
        self._equity.append(equity)
        self.cash.append(cash)

    def add_stretch(self, stretch: Stretch) -> None:
        """Several more spans, after all others."""
        count = len(stretch.open_us)
        if stretch.closes is not None:
            self._open_ends.append((len(self), stretch))
        self._open_us.extend(stretch.open_us)
        self._equity.extend(repeat(stretch.equity_base, count))
        self.cash.extend(repeat(stretch.cash, count))

    def __len__(self) -> int:
        return len(self._open_us)

    @overload
    def __getitem__(self, index: int) -> EquityPoint: ...

    @overload
    def __getitem__(self, index: slice) -> list[EquityPoint]: ...

    def __getitem__(self, index: int | slice) -> EquityPoint | list[EquityPoint]:
        if isinstance(index, slice):
            return [self._point(number) for number in range(*index.indices(len(self)))]
        return self._point(index)

    def __iter__(self) -> Iterator[EquityPoint]:
        return map(self._point, range(len(self)))

    def _point(self, i: int) -> EquityPoint:
        at_us = self._open_us[i] + self._span_us
        return EquityPoint(moment(at_us), self.equity[i], self.cash[i])

    def _work_out(self) -> None:
        with exact():
            for first, stretch in self._open_ends:
                base, slope = stretch.equity_base, stretch.equity_slope
                worth = [base + slope * units for units in stretch.closes or ()]
                self._equity[first : first + len(worth)] = worth
        self._open_ends.clear()
