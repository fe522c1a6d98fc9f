"""Candles of several symbols as the bytes of one Arrow file, and back without copying them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pyarrow as pa
from filelock import FileLock, Timeout

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Timeframe
from hedgerow.usecases.candle_series import CandleSeries

_COLUMNS: Final = ("open_us", "open", "high", "low", "close", "volume")
_ABOUT: Final = ("symbol", "timeframe", "price_places", "volume_places")
_SCHEMA: Final = pa.schema([(name, pa.int64()) for name in _COLUMNS])
_KEY: Final = b"series"
_SUFFIX: Final = ".candles"


@contextmanager
def shared_candles(results: Path, candles: Mapping[str, CandleSeries]) -> Iterator[Path]:
    """A file of `candles` beside the file of results that this process holds, until the block ends.

    Raises InputRefused as `write_candles`.
    """
    path = results.with_suffix(_SUFFIX)
    try:
        write_candles(path, candles)
        yield path
    finally:
        path.unlink(missing_ok=True)


def remove_left_behind(folder: Path) -> None:
    """Remove the candles of sweeps that were killed: nobody holds their results."""
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(Timeout), FileLock(path.with_suffix(".lock"), timeout=0):
            path.unlink(missing_ok=True)


def write_candles(path: Path, candles: Mapping[str, CandleSeries]) -> None:
    """A file of `candles`; raises InputRefused for numbers that do not fit into eight bytes."""
    ordered = [candles[symbol] for symbol in sorted(candles)]
    about = [{name: getattr(series, name) for name in _ABOUT} for series in ordered]
    schema = _SCHEMA.with_metadata({_KEY: json.dumps(about).encode()})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for series in ordered:
            columns = [_column(series, name) for name in _COLUMNS]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def candles_in(content: memoryview) -> dict[str, CandleSeries]:
    """The candles of a file, by symbol; their columns are views of `content`."""
    reader = pa.ipc.open_file(pa.py_buffer(content))
    about = json.loads(reader.schema.metadata[_KEY])
    found = {}
    for number, told in enumerate(about):
        batch = reader.get_batch(number)
        columns = (memoryview(batch.column(name).buffers()[1]).cast("q") for name in _COLUMNS)
        found[told["symbol"]] = CandleSeries(
            told["symbol"],
            Timeframe(told["timeframe"]),
            told["price_places"],
            told["volume_places"],
            *columns,
        )
    return found


def _column(series: CandleSeries, name: str) -> pa.Array:
    try:
        return pa.array(getattr(series, name), pa.int64())
    except (OverflowError, pa.ArrowInvalid) as error:
        raise InputRefused(
            f"its {name} has numbers of more digits than a sweep can share between workers",
            f"the candles of {series.symbol}",
            "round them to fewer decimals",
        ) from error
