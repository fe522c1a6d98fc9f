"""Candles of several symbols in one timeframe, as a run takes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hedgerow.domain.market import Candle, Timeframe


@dataclass(frozen=True, slots=True)
class Gap:
    """Candles of `symbol` that are missing between two that are there, by their open times."""

    symbol: str
    after: datetime
    before: datetime
    missing: int


@dataclass(frozen=True, slots=True)
class CandleSet:
    """Candles by open_time and then symbol, the symbols sorted, and the gaps in them.

    `fingerprint` is the SHA-256 of what the candles say: the same for CSV, gzip and Parquet, and
    for 1.50 and 1.5.
    """

    timeframe: Timeframe
    symbols: tuple[str, ...]
    candles: tuple[Candle, ...]
    gaps: tuple[Gap, ...]
    fingerprint: str


class ArrowRows(Protocol):
    """Rows in the memory layout of Arrow, whichever library holds them."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The capsule of a C stream, as Arrow's PyCapsule interface has it."""
        ...


@dataclass(frozen=True, slots=True)
class CandleColumns:
    """Checked candles of one symbol by time, and the gaps in them.

    `rows` holds `count` rows of open_time (UTC) and, exact to 18 decimals, open, high, low, close
    and volume.
    """

    symbol: str
    timeframe: Timeframe
    count: int
    gaps: tuple[Gap, ...]
    rows: ArrowRows
