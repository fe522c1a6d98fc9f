"""What tells one set of candles from another."""

from __future__ import annotations

import hashlib

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.money import CONTEXT


def fingerprint(timeframe: Timeframe, candles: tuple[Candle, ...]) -> str:
    """The SHA-256 of the candles in their order, as 64 hexadecimal digits."""
    digest = hashlib.sha256(timeframe.value.encode())
    for candle in candles:
        amounts = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        plain = " ".join(f"{CONTEXT.normalize(amount):f}" for amount in amounts)
        digest.update(f"\n{candle.symbol} {candle.open_time.isoformat()} {plain}".encode())
    return digest.hexdigest()
