"""From a folder to a checked set of candles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.infrastructure.candle_files.cells import EPOCH, MICROSECOND
from hedgerow.infrastructure.candle_files.fingerprint import fingerprint
from hedgerow.infrastructure.candle_files.folder import candle_files
from hedgerow.infrastructure.candle_files.grid import (
    common_timeframe,
    gaps_in,
    require_no_gaps,
    require_not_coarser,
    require_on_grid,
    timeframe_of,
)
from hedgerow.infrastructure.candle_files.series import Series, aggregated, read_series
from hedgerow.infrastructure.candle_files.table import Place
from hedgerow.usecases.candle_sets import CandleSet


def read_candles(
    folder: Path,
    timeframe: Timeframe | None,
    symbols: Sequence[str] | None,
    *,
    allow_gaps: bool,
) -> CandleSet:
    """The candles of `symbols` (None: of every file), in `timeframe` (None: as the files have it).

    A timeframe longer than that of a file is made of its candles, exactly; candles that would be
    incomplete are left out. Raises InputRefused at the first thing in a file that is wrong, and
    for missing candles too unless `allow_gaps`.
    """
    paths = candle_files(folder, symbols)
    series = [read_series(symbol, Place(path)) for symbol, path in paths.items()]
    found = [timeframe_of(each) for each in series]
    target = timeframe or common_timeframe(series, found)
    result = []
    for each, own in zip(series, found, strict=True):
        source = own or target
        require_on_grid(each, source)
        require_not_coarser(each, source, target)
        if not allow_gaps:
            require_no_gaps(each, source)
        result.append(_complete(aggregated(each, source, target), target))
    return _candle_set(result, target)


def bundled_sample() -> Path:
    """The folder of 4h candles that comes with Hedgerow; see its README for where they are from."""
    folder = files("hedgerow") / "data" / "sample_4h"
    assert isinstance(folder, Path), "Hedgerow is installed as files"
    return folder


def _complete(series: Series, target: Timeframe) -> Series:
    if not series.bars:
        what = f"too few candles for one complete {target} candle"
        raise series.place.refuse(None, what, "give more candles, or ask for a shorter timeframe")
    return series


def _candle_set(series: Iterable[Series], timeframe: Timeframe) -> CandleSet:
    parts = list(series)
    candles = sorted(
        (candle for part in parts for candle in _candles(part, timeframe)),
        key=lambda candle: (candle.open_time, candle.symbol),
    )
    ordered = tuple(candles)
    return CandleSet(
        timeframe=timeframe,
        symbols=tuple(part.symbol for part in parts),
        candles=ordered,
        gaps=tuple(gap for part in parts for gap in gaps_in(part, timeframe)),
        fingerprint=fingerprint(timeframe, ordered),
    )


def _candles(series: Series, timeframe: Timeframe) -> Iterator[Candle]:
    for bar in series.bars:
        open_time = EPOCH + bar.open_us * MICROSECOND
        amounts = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        yield Candle(series.symbol, timeframe, open_time, *amounts)
