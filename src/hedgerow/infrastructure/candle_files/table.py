"""The cells of one file as text, whatever its format, each row with its place."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from hedgerow.domain.errors import InputRefused

AMOUNTS = ("open", "high", "low", "close", "volume")
TIMES = ("open_time", "timestamp")
_COLUMNS = "open_time (or timestamp), open, high, low, close and volume"
_DAMAGED = "fetch the file again: it is damaged, or not what its name says"

Row = tuple[int, Sequence[str]]
"""A line of a CSV file or a row of a Parquet file, from 1, and its cells: time, then AMOUNTS."""


class Place:
    """Names a row of a file: `line 7` of CSV, `row 7` of Parquet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unit = "row" if path.name.endswith(".parquet") else "line"

    def refuse(self, number: int | None, what: str, fix: str) -> InputRefused:
        """The refusal of a row, or of the whole file where `number` is None."""
        where = str(self.path) if number is None else f"{self.path}, {self.at(number)}"
        return InputRefused(what=what, where=where, fix=fix)

    def at(self, number: int) -> str:
        """Such as `line 7`."""
        return f"{self._unit} {number}"


def rows_of(place: Place) -> Iterator[Row]:
    """The rows of the file, blank lines left out; raises InputRefused for a damaged file."""
    try:
        if place.path.name.endswith(".parquet"):
            yield from _parquet_rows(place)
        else:
            yield from _csv_rows(place)
    except (EOFError, zlib.error, pa.ArrowException) as error:
        raise place.refuse(None, f"the file cannot be read: {error}", _DAMAGED) from error
    except OSError as error:  # gzip and Arrow report damage by it as well
        what = f"the file cannot be read: {error.strerror or error}"
        raise place.refuse(None, what, _DAMAGED) from error


def _csv_rows(place: Place) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(_text(place), newline=""), strict=True)
    try:
        header = next((cells for cells in reader if cells), None)
        if header is None:
            raise place.refuse(None, "the file is empty", f"fill it with the columns {_COLUMNS}")
        wanted = positions(place, reader.line_num, header)
        for cells in reader:
            if len(cells) == len(header):
                yield reader.line_num, [cells[position] for position in wanted]
            elif cells:
                what = f"{len(cells)} cells under {len(header)} columns"
                fix = "write one cell for each column, separated by commas"
                raise place.refuse(reader.line_num, what, fix)
    except csv.Error as error:
        raise place.refuse(reader.line_num, f"not CSV: {error}", _DAMAGED) from error


def _text(place: Place) -> str:
    content = place.path.read_bytes()
    if place.path.name.endswith(".gz"):
        content = gzip.decompress(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte {content[error.start]:#04x} is not UTF-8 text"
        raise place.refuse(line, what, "save the file as plain UTF-8 text") from error


def positions(place: Place, line: int | None, header: Sequence[str]) -> list[int]:
    """Where time and AMOUNTS stand in a header; raises InputRefused without one of them."""
    names = [name.strip().lower() for name in header]
    missing = [name for name in AMOUNTS if name not in names]
    times = [name for name in TIMES if name in names]
    if not times:
        missing.insert(0, "open_time")
    if missing:
        what = f"no column {', '.join(missing)}; there are {', '.join(names)}"
        raise place.refuse(line, what, f"give the columns {_COLUMNS} in the first line")
    wanted = (times[0], *AMOUNTS)
    for name in wanted:
        if names.count(name) > 1:
            raise place.refuse(line, f"two columns {name}", "keep one of them")
    return [names.index(name) for name in wanted]


def _parquet_rows(place: Place) -> Iterator[Row]:
    with parquet.ParquetFile(place.path) as file:
        names = file.schema_arrow.names
        wanted = [names[position] for position in positions(place, None, names)]
        table = file.read(columns=wanted)
    columns = [_as_text(table.column(name)) for name in wanted]
    yield from enumerate(map(list, zip(*columns, strict=True)), start=1)


def _as_text(column: pa.ChunkedArray) -> list[str]:
    """Every cell as CSV would have it; a missing one is empty.

    A float is written with the fewest digits that give the same float again, so what a tool has
    stored for 41947.16 is 41947.16, and not its binary expansion.
    """
    kind = column.type
    if pa.types.is_timestamp(kind):
        moments = column.cast(pa.timestamp("us", kind.tz)).to_pylist()
        return ["" if moment is None else moment.isoformat() for moment in moments]
    values = column.to_pylist()
    if pa.types.is_floating(kind):
        width = np.dtype(kind.to_pandas_dtype()).type
        return ["" if value is None else str(width(value)) for value in values]
    return ["" if value is None else str(value) for value in values]
