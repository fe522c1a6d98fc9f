"""Files without anything unusual, read in columns: no step of Python for each row.

Everything here says yes or no. What is refused, and where it stands, the reading row by row tells
(series.py), and it also takes what is unusual and right. So a file that is plain here must be one
that reading row by row takes, with the same numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.candle_files.cells import DECIMALS_MAX, EPOCH_MS_MAX, EPOCH_MS_MIN
from hedgerow.infrastructure.candle_files.series import microseconds
from hedgerow.infrastructure.candle_files.table import AMOUNTS, Place, positions

MONEY: Final = pa.decimal128(38, DECIMALS_MAX)
TIME: Final = pa.timestamp("us", "UTC")
# A number of at most 18 decimals, or one as a float is written that is very small or large. Arrow
# refuses what does not fit, but for exponents far out: it makes another number of 1e30.
_NUMBER: Final = (
    r"^[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,18})?"
    r"|[1-9](?:\.[0-9]{0,16}[1-9])?e(?:-(?:0?[1-9]|1[0-8])|\+?(?:0?[1-9]|1[0-9])))$"
)
_MILLISECONDS: Final = r"^[0-9]{12,13}$"
_WITH_ZONE: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})$"
)
_LENGTHS: Final = {microseconds(timeframe): timeframe for timeframe in Timeframe}


@dataclass(frozen=True, slots=True)
class PlainFile:
    """The candles of one file, all good, times rising on the grid of `timeframe`.

    `rows` has the columns open_time and AMOUNTS; behind each row in `holes` candles are missing.
    """

    symbol: str
    timeframe: Timeframe
    rows: pa.Table
    open_us: npt.NDArray[np.int64]
    holes: Sequence[int]


class _NotPlain(Exception):
    """Something is unusual, or wrong."""


def read_plain(symbol: str, place: Place) -> PlainFile | None:
    """The candles of a file, or None where it must be read row by row."""
    try:
        cells = _cells(place)
        rows = pa.table(
            {"open_time": _times(cells.column(0))}
            | {name: _amounts(cells.column(at)) for at, name in enumerate(AMOUNTS, start=1)}
        )
        _require_candles(rows)
        return _on_its_grid(symbol, rows)
    except (_NotPlain, InputRefused, OSError, EOFError, zlib.error, pa.ArrowException):
        # whatever it is: reading row by row meets it again, and names it
        return None


def _cells(place: Place) -> pa.Table:
    """The columns time and AMOUNTS, in this order, as the file has them."""
    if place.path.name.endswith(".parquet"):
        with parquet.ParquetFile(place.path) as file:
            wanted = _wanted(place, file.schema_arrow.names)
            return file.read(columns=wanted).select(wanted)
    with csv.open_csv(place.path) as reader:
        wanted = _wanted(place, reader.schema.names)
    options = csv.ConvertOptions(
        include_columns=wanted,
        column_types=dict.fromkeys(wanted, pa.string()),
        strings_can_be_null=False,
    )
    return csv.read_csv(place.path, convert_options=options)


def _wanted(place: Place, names: Sequence[str]) -> list[str]:
    return [names[position] for position in positions(place, None, names)]


def _times(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = cells.type
    if pa.types.is_timestamp(kind):
        _require(kind.tz is not None)
        return cells.cast(TIME)
    if pa.types.is_integer(kind):
        return _from_milliseconds(cells.cast(pa.int64()))
    _require(pa.types.is_string(kind))
    if _all_match(cells, _MILLISECONDS):
        return _from_milliseconds(cells.cast(pa.int64()))
    _require(_all_match(cells, _WITH_ZONE))
    return cells.cast(TIME)


def _from_milliseconds(since_1970: pa.ChunkedArray) -> pa.ChunkedArray:
    bounds = pc.min_max(since_1970)
    _require(bounds["min"].is_valid)
    _require(EPOCH_MS_MIN <= bounds["min"].as_py() <= bounds["max"].as_py() < EPOCH_MS_MAX)
    return since_1970.cast(pa.timestamp("ms", "UTC")).cast(TIME)


def _amounts(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = cells.type
    if pa.types.is_decimal(kind):
        _require(kind.scale <= DECIMALS_MAX)
        return cells.cast(MONEY)
    if pa.types.is_integer(kind):
        return cells.cast(MONEY)
    if pa.types.is_floating(kind):
        # the fewest digits that give the same float again
        cells = cells.cast(pa.string())
    _require(pa.types.is_string(cells.type))
    _require(_all_match(cells, _NUMBER))
    return cells.cast(MONEY)


def _require_candles(rows: pa.Table) -> None:
    _require(rows.num_rows > 1)
    _require(not any(column.null_count for column in rows.columns))
    opened, high, low, close = (rows.column(name) for name in ("open", "high", "low", "close"))
    nothing = pa.scalar(0, MONEY)
    _require_all(pc.greater(low, nothing))
    _require_all(pc.greater_equal(rows.column("volume"), nothing))
    for price in (opened, close):
        _require_all(pc.less_equal(low, price))
        _require_all(pc.less_equal(price, high))


def _on_its_grid(symbol: str, rows: pa.Table) -> PlainFile:
    open_us = rows.column("open_time").cast(pa.int64()).to_numpy()
    spaces_us = np.diff(open_us)
    spacing_us = int(spaces_us.min())
    _require(spacing_us in _LENGTHS)
    _require(not (open_us % spacing_us).any())
    holes = np.flatnonzero(spaces_us > spacing_us).tolist()
    return PlainFile(symbol, _LENGTHS[spacing_us], rows, open_us, holes)


def _all_match(cells: pa.ChunkedArray, pattern: str) -> bool:
    return _all(pc.match_substring_regex(cells, pattern))


def _all(truths: pa.ChunkedArray) -> bool:
    return pc.all(truths, skip_nulls=False).as_py() is True


def _require_all(truths: pa.ChunkedArray) -> None:
    _require(_all(truths))


def _require(truth: bool) -> None:
    if not truth:
        raise _NotPlain
