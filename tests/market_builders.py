"""Candles that move as markets do, from a seed: calm and stormy stretches, drifts up and down."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np

from hedgerow.domain.market import Candle, Timeframe

BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
_STRETCH: Final = 40


def random_market(
    count: int,
    seed: int,
    symbol: str = "BTC/USDT",
    timeframe: Timeframe = Timeframe.H1,
    begin: datetime = BEGIN,
) -> list[Candle]:
    """`count` candles on end."""
    draw = np.random.default_rng(seed)
    stretches = -(-count // _STRETCH)
    drift = np.repeat(draw.choice((-0.004, 0.0, 0.004), stretches), _STRETCH)[:count]
    size = np.repeat(draw.choice((0.003, 0.006, 0.02), stretches), _STRETCH)[:count]
    closes = 100.0 * np.exp(np.cumsum(drift + size * draw.standard_normal(count)))
    opens = np.concatenate([[100.0], closes[:-1]])
    reach = size * np.abs(draw.standard_normal((2, count)))
    highs = np.maximum(opens, closes) * (1.0 + reach[0])
    lows = np.minimum(opens, closes) * (1.0 - reach[1])
    volumes = 1000.0 * (1.0 + 50.0 * size) * np.exp(0.3 * draw.standard_normal(count))
    rows = zip(opens, highs, lows, closes, volumes, strict=True)
    return [
        Candle(
            symbol,
            timeframe,
            begin + place * timeframe.duration,
            *(Decimal(f"{amount:.6f}") for amount in row),
        )
        for place, row in enumerate(rows)
    ]
