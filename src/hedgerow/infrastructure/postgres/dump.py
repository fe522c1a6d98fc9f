"""PostgreSQL's tables as COPY writes them, all as of one moment.

COPY rather than pg_dump: it needs no program of the server's version at hand, writes as text what
every version reads, and is the same for an embedded server and one far away.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from graphlib import TopologicalSorter
from typing import Any, BinaryIO, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hedgerow.infrastructure.postgres.failures import reached, translated
from hedgerow.infrastructure.postgres.partitions import PARTITIONED, partitions
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.ports.unit_of_work import SYSTEM

# Text is read back by any server and session only where it is written by these rules.
PLAIN_TEXT: Final = (
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL extra_float_digits = 1",
)
# What is generated is made anew.
_COLUMNS: Final = text("""
    SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND c.relname <> 'alembic_version'
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ORDER BY c.relname, a.attnum
""")
_REFERENCES: Final = text("""
    SELECT c.relname, f.relname FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
    WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace AND k.conrelid <> k.confrelid
      AND NOT c.relispartition AND NOT f.relispartition
    ORDER BY 1, 2
""")
_PARTITION: Final = re.compile(rf"({'|'.join(PARTITIONED)})_(\d{{4}})_(\d\d)")


class PostgresDump:
    """Implements the RecordsDump port inside one transaction, which sees one moment."""

    def __init__(
        self,
        connection: AsyncConnection,
        revision: str,
        columns: Mapping[str, Sequence[str]],
        months: Mapping[str, Sequence[str]],
        vault_key_ids: Sequence[str],
    ) -> None:
        self._connection = connection
        self.revision = revision
        self.columns = columns
        self.partitions = months
        self.vault_key_ids = vault_key_ids

    async def write(self, table: str, sink: BinaryIO) -> int:
        """Write the rows of a table; returns how many."""

        async def output(data: bytes) -> None:
            sink.write(data)

        names = quoted(self.columns[table])
        raw = await raw_connection(self._connection)
        with translated(self._connection.engine):
            # of a query, because COPY does not take a table's partitions along
            done = await raw.copy_from_query(
                f'SELECT {names} FROM public."{table}"',  # noqa: S608 - names of the catalogue
                output=output,
                format="text",
            )
        return rows_in(done)


@asynccontextmanager
async def open_dump(engine: AsyncEngine) -> AsyncIterator[PostgresDump]:
    """All tables of a migrated database as of now, kept from being dropped inside the block."""
    isolated = engine.execution_options(isolation_level="REPEATABLE READ")
    with reached(engine):
        connection = await isolated.connect()
    try:
        with translated(engine):
            dump = await _dump_on(connection)
        yield dump
    finally:
        await connection.close()


async def raw_connection(connection: AsyncConnection) -> Any:
    """The driver's own connection, in the same transaction: SQLAlchemy knows no COPY."""
    return (await connection.get_raw_connection()).driver_connection


def rows_in(status: str) -> int:
    """The count in what COPY says when it is done, such as `COPY 17`."""
    return int(status.rpartition(" ")[2])


def quoted(names: Sequence[str]) -> str:
    """Columns as a statement takes them."""
    return ", ".join(f'"{name}"' for name in names)


async def columns_of(connection: AsyncConnection) -> dict[str, list[str]]:
    """Stored columns by table; each table comes after those it refers to."""
    columns: defaultdict[str, list[str]] = defaultdict(list)
    for table, column in await connection.execute(_COLUMNS):
        columns[table].append(column)
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(columns, ()))
    for table, referred in await connection.execute(_REFERENCES):
        order.add(table, referred)
    return {table: columns[table] for table in order.static_order()}


async def _dump_on(connection: AsyncConnection) -> PostgresDump:
    for statement in PLAIN_TEXT:
        await connection.exec_driver_sql(statement)
    revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    columns = await columns_of(connection)
    # the worker sees the rows of all users, where the owner of forced policies sees none
    await act_as(connection, SYSTEM)
    tables = ", ".join(f'public."{table}"' for table in columns)
    await connection.exec_driver_sql(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
    keys = await connection.scalars(text("SELECT kek_id FROM vault_keys ORDER BY number"))
    return PostgresDump(connection, str(revision), columns, await _months(connection), tuple(keys))


async def _months(connection: AsyncConnection) -> dict[str, list[str]]:
    months: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(await partitions(connection)):
        if found := _PARTITION.fullmatch(name):
            months[found[1]].append(f"{found[2]}-{found[3]}")
    return dict(months)
