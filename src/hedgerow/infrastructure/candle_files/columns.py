"""From a folder to checked candles in columns, as they are stored in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.candle_files.cells import EPOCH, MICROSECOND
from hedgerow.infrastructure.candle_files.folder import candle_files
from hedgerow.infrastructure.candle_files.plain import MONEY, TIME, PlainFile, read_plain
from hedgerow.infrastructure.candle_files.read import read_candles
from hedgerow.infrastructure.candle_files.series import microseconds
from hedgerow.infrastructure.candle_files.table import AMOUNTS, Place
from hedgerow.usecases.candle_sets import CandleColumns, CandleSet, Gap


def read_candle_columns(
    folder: Path,
    timeframe: Timeframe | None,
    symbols: Sequence[str] | None,
    *,
    allow_gaps: bool,
) -> list[CandleColumns]:
    """The candles that `read_candles` gives, by symbol; raises InputRefused for the same reasons.

    Plain files are read in columns, many times as fast as row by row.
    """
    plain = _plain_files(folder, timeframe, symbols, allow_gaps=allow_gaps)
    if plain is not None:
        return [_columns_of(file) for file in plain]
    candles = read_candles(folder, timeframe, symbols, allow_gaps=allow_gaps)
    return [_columns_in(candles, symbol) for symbol in candles.symbols]


def _plain_files(
    folder: Path,
    timeframe: Timeframe | None,
    symbols: Sequence[str] | None,
    *,
    allow_gaps: bool,
) -> list[PlainFile] | None:
    """All files, where each is plain and nothing has to be made of its candles."""
    found: list[PlainFile] = []
    for symbol, path in candle_files(folder, symbols).items():
        file = read_plain(symbol, Place(path))
        if file is None or (file.holes and not allow_gaps):
            return None
        found.append(file)
    timeframes = {file.timeframe for file in found}
    return found if timeframes == {timeframe or found[0].timeframe} else None


def _columns_of(file: PlainFile) -> CandleColumns:
    return CandleColumns(file.symbol, file.timeframe, file.rows.num_rows, _gaps(file), file.rows)


def _gaps(file: PlainFile) -> tuple[Gap, ...]:
    step_us = microseconds(file.timeframe)
    found = []
    for at in file.holes:
        after, before = int(file.open_us[at]), int(file.open_us[at + 1])
        found.append(
            Gap(
                symbol=file.symbol,
                after=EPOCH + after * MICROSECOND,
                before=EPOCH + before * MICROSECOND,
                missing=(before - after) // step_us - 1,
            )
        )
    return tuple(found)


def _columns_in(candles: CandleSet, symbol: str) -> CandleColumns:
    own = [candle for candle in candles.candles if candle.symbol == symbol]
    rows = pa.table(
        {"open_time": pa.array([candle.open_time for candle in own], TIME)}
        | {
            name: pa.array([str(getattr(c, name)) for c in own], pa.string()).cast(MONEY)
            for name in AMOUNTS
        }
    )
    gaps = tuple(gap for gap in candles.gaps if gap.symbol == symbol)
    return CandleColumns(symbol, candles.timeframe, len(own), gaps, rows)
