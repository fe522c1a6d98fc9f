"""Tables as CSV and Parquet files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

import pyarrow as pa
from pyarrow import parquet

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.money import CONTEXT
from hedgerow.usecases.export_report import Cell, Kind, Table

_SCALE: Final = 18
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_DIGITS_WHOLE: Final = 38 - _SCALE
_QUANTUM: Final = Decimal(1).scaleb(-_SCALE)
_TYPES: Final = {
    Kind.TEXT: pa.string(),
    Kind.NUMBER: pa.decimal128(38, _SCALE),
    Kind.COUNT: pa.int64(),
    Kind.TIME: pa.timestamp("us", tz="UTC"),
    Kind.FLAG: pa.bool_(),
}


def write_tables(folder: Path, tables: Sequence[Table]) -> None:
    """Write each table to `folder` as NAME.csv and NAME.parquet; each file is whole or not there.

    The folder is made where it does not exist, its parents are not. Decimals are exact to 18
    places; an empty cell of a CSV file is None. Raises InputRefused where it cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
        with TemporaryDirectory(prefix=".hedgerow-export-", dir=folder) as drafts:
            for table in tables:
                _write_csv(Path(drafts) / f"{table.name}.csv", table)
                _write_parquet(Path(drafts) / f"{table.name}.parquet", table)
            for draft in sorted(Path(drafts).iterdir()):
                draft.replace(folder / draft.name)
    except OSError as error:
        raise InputRefused(
            what=f"cannot be written to: {error.strerror or error}",
            where=str(folder),
            fix="name a folder that you may write to",
        ) from error


def _write_csv(path: Path, table: Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(name for name, _ in table.columns)
        writer.writerows([_text(cell) for cell in row] for row in table.rows)


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case Decimal():
            return format(cell, "f")
        case datetime():
            return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case str() if cell.startswith(_FORMULA_STARTS):
            # A spreadsheet would run it: names and reasons are written by others.
            return f"'{cell}"
        case _:
            return str(cell)


def _write_parquet(path: Path, table: Table) -> None:
    columns = [_column(table, index) for index in range(len(table.columns))]
    names = [name for name, _ in table.columns]
    parquet.write_table(pa.Table.from_arrays(columns, names=names), path)


def _column(table: Table, index: int) -> pa.Array:
    name, kind = table.columns[index]
    try:
        return pa.array([_stored(row[index]) for row in table.rows], _TYPES[kind])
    except pa.ArrowInvalid as error:
        raise InputRefused(
            what=f"column {name} has a number beyond {_DIGITS_WHOLE} digits before the point",
            where=f"{table.name}.parquet",
            fix="take the figures from the report's JSON",
        ) from error


def _stored(cell: Cell) -> Cell:
    match cell:
        case Decimal():
            return cell.quantize(_QUANTUM, context=CONTEXT)
        case UUID():
            return str(cell)
        case _:
            return cell
