"""Candles of several symbols in one timeframe, as a backtest or the candle store takes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.money import CONTEXT


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


def fingerprint(timeframe: Timeframe, candles: tuple[Candle, ...]) -> str:
    """The SHA-256 of the candles in their order, as 64 hexadecimal digits."""
    digest = hashlib.sha256(timeframe.value.encode())
    for candle in candles:
        amounts = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        plain = " ".join(f"{CONTEXT.normalize(amount):f}" for amount in amounts)
        digest.update(f"\n{candle.symbol} {candle.open_time.isoformat()} {plain}".encode())
    return digest.hexdigest()
