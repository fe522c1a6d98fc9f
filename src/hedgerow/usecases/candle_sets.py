"""Candles of several symbols in one timeframe, as a run takes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
