"""Candles from files into the store, and from the store into a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.usecases.candle_sets import CandleSet
from hedgerow.usecases.ports import CandleStore

_AT_ONCE: Final = 50_000


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


@dataclass(frozen=True, slots=True)
class CandleShelf:
    """Where candles are kept, and how they leave."""

    store: CandleStore
    export: CandleExport


async def store_candles(
    store: CandleStore, exchange: Exchange, candles: CandleSet, show: Callable[[int], None]
) -> None:
    """Store a checked set of candles; `show` is told how many of them are stored."""
    for begin in range(0, len(candles.candles), _AT_ONCE):
        part = candles.candles[begin : begin + _AT_ONCE]
        await store.save(exchange, part)
        show(begin + len(part))
