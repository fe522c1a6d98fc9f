"""Candles from files into the store, and from the store into a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.usecases.candle_sets import CandleColumns


class CandleExport(Protocol):
    """Writes stored candles into one Parquet file."""

    async def write(
        self,
        path: Path,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        show: Callable[[str, int], None],
    ) -> int:
        """Write the candles of `symbols`, one symbol after the other; returns how many.

        The file is there whole or not at all. `show` is told the symbol and how many candles are
        written. Raises InputRefused for a symbol without candles and a file that cannot be written.
        """
        ...


class CandleIntake(Protocol):
    """Stores candles in bulk."""

    async def add(
        self, exchange: Exchange, candles: CandleColumns, show: Callable[[int], None]
    ) -> None:
        """Store checked candles; a candle stored twice is one candle, the later one wins.

        `show` is told how many of them are stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class CandleShelf:
    """How candles come in bulk, and how they leave."""

    intake: CandleIntake
    export: CandleExport


async def store_candles(
    intake: CandleIntake,
    exchange: Exchange,
    candles: Sequence[CandleColumns],
    show: Callable[[int], None],
) -> None:
    """Store the candles of several symbols; `show` is told how many are stored altogether."""
    before = 0
    for each in candles:
        await intake.add(exchange, each, _further(show, before))
        before += each.count


def _further(show: Callable[[int], None], before: int) -> Callable[[int], None]:
    return lambda done: show(before + done)
