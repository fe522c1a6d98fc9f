"""What the engine may know of candles to come, so that it can skip to where something happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class BacktestPath(StrEnum):
    """How a backtest goes through time; the result is the same.

    The fast path skips to the next candle in which anything can happen, and needs an analyst that
    gives its signals in columns.
    """

    EVENT_DRIVEN = "event-driven"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Records:
    """What a fund is worth along a stretch, and what would be a record; all to within rounding.

    At a price of so many units of the series it is worth `equity_base + equity_slope x units`
    (quote). Between `quiet_floor` and `quiet_ceiling` (quote) that is no record of any kind;
    `peak_equity` and `max_drawdown_ratio` are the records of equity so far.
    """

    equity_base: float
    equity_slope: float
    quiet_floor: float
    quiet_ceiling: float
    peak_equity: float
    max_drawdown_ratio: float


class Lookout(Protocol):
    """All candles of one symbol in columns: for the engine, never for an analyst.

    Candles are named by their place in the series, prices are in its units.
    """

    def signal(self, candle: int) -> float:
        """What the analyst's signal says at the close of a candle; 0 for nothing."""
        ...

    def next_signal(self, start: int) -> int:
        """The first candle from `start` on whose signal is not 0; the number of candles if none."""
        ...

    def first_outside(self, start: int, stop: int, low: int, high: int) -> int:
        """The first candle of `start` to before `stop` with a price outside `low` to `high`.

        The ends are inside; `stop` where there is none.
        """
        ...

    def records(self, start: int, stop: int, records: Records) -> Sequence[tuple[int, int]]:
        """The prices that leave the records where all prices of the stretch would leave them.

        Each is a candle and the number (0 to 3) of a point of its path, in the order of time.
        There may be more than are needed.
        """
        ...
