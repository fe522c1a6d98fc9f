"""What a strategy was worth at each close, in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import overload

from hedgerow.usecases.backtest.series import moment
from hedgerow.usecases.report_facts import EquityPoint


class EquityColumns(Sequence[EquityPoint]):
    """Points of an equity curve, made when they are asked for; times in microseconds."""

    def __init__(self) -> None:
        self.at_us: list[int] = []
        self.equity: list[Decimal] = []
        self.cash: list[Decimal] = []

    def add(self, at_us: int, equity: Decimal, cash: Decimal) -> None:
        """One more point, after all others."""
        self.at_us.append(at_us)
        self.equity.append(equity)
        self.cash.append(cash)

    def __len__(self) -> int:
        return len(self.at_us)

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
        return EquityPoint(moment(self.at_us[i]), self.equity[i], self.cash[i])
