"""Series for drawing: thinned to what a screen can show, and packed for plotly.

Drawing is the one place where amounts become float64; no figure is read back from it.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from hedgerow.domain.market import Candle
from hedgerow.domain.money import ZERO
from hedgerow.domain.performance import CurvePoint, DrawdownPoint
from hedgerow.entrypoints.report_page.figures import milliseconds

BARS_MAX: Final = 1_500
POINTS_MAX: Final = 4_000

Packed = dict[str, str]
_Point = TypeVar("_Point", CurvePoint, DrawdownPoint)


def packed(numbers: Iterable[float | Decimal]) -> Packed:
    """Numbers as plotly's typed array: little-endian float64 in base64."""
    values = [float(number) for number in numbers]
    return {"dtype": "f8", "bdata": b64encode(struct.pack(f"<{len(values)}d", *values)).decode()}


def packed_times(times: Iterable[datetime]) -> Packed:
    """Moments for an axis of type date."""
    return packed(map(milliseconds, times))


def thinned(
    curve: Sequence[_Point],
    value_of: Callable[[_Point], Decimal],
    points_max: int = POINTS_MAX,
) -> list[_Point]:
    """At most about `points_max` points: of each stretch its lowest and highest, and both ends."""
    if len(curve) <= points_max:
        return list(curve)
    length = -(-len(curve) // (points_max // 2))
    kept = {curve[0].at: curve[0], curve[-1].at: curve[-1]}
    for start in range(0, len(curve), length):
        stretch = curve[start : start + length]
        lowest, highest = min(stretch, key=value_of), max(stretch, key=value_of)
        kept |= {lowest.at: lowest, highest.at: highest}
    return [kept[at] for at in sorted(kept)]


def candles_per_bar(candles: Sequence[Candle], bars_max: int = BARS_MAX) -> int:
    """How many candles share a bar, so that a chart has no more than `bars_max`."""
    return max(-(-len(candles) // bars_max), 1)


def bars(candles: Sequence[Candle], per_bar: int) -> list[Candle]:
    """Candles joined by `per_bar`: open of the first, close of the last, extremes of all."""
    groups = [candles[start : start + per_bar] for start in range(0, len(candles), per_bar)]
    return [
        replace(
            group[0],
            high=max(candle.high for candle in group),
            low=min(candle.low for candle in group),
            close=group[-1].close,
            volume=sum((candle.volume for candle in group), ZERO),
        )
        for group in groups
    ]
