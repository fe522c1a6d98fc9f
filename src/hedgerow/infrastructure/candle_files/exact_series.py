"""From checked candles in Arrow's columns to columns of whole numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from hedgerow.infrastructure.candle_files.cells import DECIMALS_MAX
from hedgerow.infrastructure.candle_files.plain import MONEY
from hedgerow.infrastructure.candle_files.table import AMOUNTS
from hedgerow.usecases.candle_series import CandleSeries
from hedgerow.usecases.candle_sets import CandleColumns

_DIGITS = 38


def exact_series(columns: CandleColumns) -> CandleSeries:
    """The candles of one symbol, exact, in the coarsest units that can say them."""
    rows = pa.table(columns.rows)
    times = rows.column("open_time").cast(pa.int64())
    amounts = {name: rows.column(name).cast(MONEY) for name in AMOUNTS}
    volume = amounts.pop("volume")
    price_places = max(_places(column) for column in amounts.values())
    volume_places = _places(volume)
    return CandleSeries(
        columns.symbol,
        columns.timeframe,
        price_places,
        volume_places,
        array("q", times.to_numpy().tobytes()),
        _units(amounts["open"], price_places),
        _units(amounts["high"], price_places),
        _units(amounts["low"], price_places),
        _units(amounts["close"], price_places),
        _units(volume, volume_places),
    )


def _places(column: pa.ChunkedArray) -> int:
    """How many decimals the finest number of a column has."""
    for places in range(DECIMALS_MAX):
        try:
            column.cast(pa.decimal128(_DIGITS, places))
        except pa.ArrowInvalid:
            continue
        return places
    return DECIMALS_MAX


def _units(column: pa.ChunkedArray, places: int) -> Sequence[int]:
    scaled = column.cast(pa.decimal128(_DIGITS, places)).combine_chunks()
    # 128 bits a number, the low half first; eight bytes are enough unless the high half says more.
    words = np.frombuffer(scaled.buffers()[1], dtype="<i8").reshape(-1, 2)
    words = words[scaled.offset : scaled.offset + len(scaled)]
    low, high = words[:, 0], words[:, 1]
    if np.array_equal(high, low >> 63):
        return array("q", low.tobytes())
    return [int(value.scaleb(places)) for value in scaled.to_pylist()]
