"""Rows of several tables, written by one statement.

Each table's rows travel as one JSON document, which PostgreSQL itself takes apart by the table's
row type. Against a statement per row this saves most of the work on both sides, and COPY, which
would save still more, is refused by PostgreSQL on tables with row-level security.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

import simplejson
from sqlalchemy import Table, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.infrastructure.postgres.rows import Values


class BulkWrite:
    """Collects rows by table; nothing is written before `execute`.

    Foreign keys are checked when the statement is done, so the order of the tables is free.
    """

    def __init__(self) -> None:
        self._rows: dict[Table, Sequence[Values]] = {}
        self._upserted: set[Table] = set()

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows that are new; all have the same keys."""
        assert table not in self._rows, "one statement writes a table once"
        if rows:
            self._rows[table] = rows

    def upsert(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows that are new, or that bring those of the same primary key to new values."""
        self.insert(table, rows)
        self._upserted.add(table)

    async def execute(self, connection: AsyncConnection) -> None:
        """Write everything."""
        if not self._rows:
            return
        parts = tuple(
            (table, tuple(rows[0]), table in self._upserted) for table, rows in self._rows.items()
        )
        documents = {table.name: _json(rows) for table, rows in self._rows.items()}
        await connection.execute(_statement(parts), documents)


def _json(rows: Sequence[Values]) -> str:
    # `encoding=None`, or bytes would be taken for text
    return simplejson.dumps(rows, use_decimal=True, encoding=None, default=_plain)


def _plain(value: object) -> str:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return value.isoformat()
        case bytes():
            return f"\\x{value.hex()}"
        case _:
            raise TypeError(f"{type(value).__name__} has no column to go into")


_Part = tuple[Table, tuple[str, ...], bool]


@cache
def _statement(parts: tuple[_Part, ...]) -> TextClause:
    *others, last = (_write(*part) for part in parts)
    named = [f"w{number} AS ({write})" for number, write in enumerate(others)]
    return text(f"WITH {', '.join(named)} {last}" if named else last)


def _write(table: Table, names: tuple[str, ...], is_upsert: bool) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    rows = f"json_populate_recordset(NULL::{table.name}, CAST(:{table.name} AS json))"
    # names come from the schema above, values travel as parameters
    statement = f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {rows}"  # noqa: S608
    if not is_upsert:
        return statement
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    return f"{statement} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
