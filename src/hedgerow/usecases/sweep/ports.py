"""What a sweep works with: trials, their outcomes, and who runs, proposes and keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from hedgerow.domain.day_ranges import DayRange

Value = int | float | str
"""What a parameter of a strategy may be."""

Parameters = tuple[tuple[str, Value], ...]
"""A value for each parameter, in the order of the space."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Whole days of candles in UTC: from midnight to before midnight."""

    starts_at: datetime
    ends_at: datetime

    @property
    def days(self) -> int:
        """How many days it holds."""
        return (self.ends_at - self.starts_at) // _DAY

    def part(self, days: DayRange) -> Window:
        """Some of its days, counted from its start."""
        return Window(self.starts_at + days.first * _DAY, self.starts_at + days.end * _DAY)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a backtest of a window came to; amounts in quote currency.

    `daily_returns` has a ratio for each day of the window. `net_profit` is after `fees`,
    `max_drawdown_pct` the deepest fall from a peak in per cent of it (>= 0), `trades` were closed.
    """

    daily_returns: tuple[float, ...]
    trades: int
    net_profit: Decimal
    max_drawdown_pct: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a backtest has no outcome.

    It is not lasting where its worker died, or memory or disk ran out: another try may have one.
    """

    reason: str
    is_lasting: bool = True


Result = Outcome | Failure


@dataclass(frozen=True, slots=True)
class Task:
    """One backtest that is to be run."""

    parameters: Parameters
    window: Window


Evaluate = Callable[[Mapping[str, Value], Window], Outcome]
"""Runs one backtest; whatever it raises is the reason of a failure."""

Recipe = Callable[[memoryview], Evaluate]
"""Makes an Evaluate from the bytes of a file of candles, once in each worker.

A recipe can be pickled. The bytes are shared by all workers of a machine, and not to be changed.
"""


class Workers(Protocol):
    """Those who run backtests, several at a time."""

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task with its result, as they are finished."""
        ...


class ResultFile(Protocol):
    """Keeps every result from the moment it is known, for this run and for one after a crash."""

    def get(self, task: Task) -> Result | None:
        """What is known of a task."""
        ...

    def keep(self, task: Task, result: Result) -> None:
        """Store a result; it survives the process from here on."""
        ...


class Search(Protocol):
    """Proposes parameters, in rounds; what it proposes depends on what it was told alone."""

    @property
    def trials(self) -> int:
        """How many sets of parameters it proposes in all."""
        ...

    def ask(self) -> Sequence[Parameters]:
        """The next round, or none when it is done."""
        ...

    def tell(self, scores: Sequence[float | None]) -> None:
        """The scores of the last round in its order, the higher the better; None failed."""
        ...
