"""Partitions by month, made before they are needed.

Ids are UUIDv7 and begin with their time, so tables whose rows are found by id are partitioned by
ranges of ids and keep `id` as their primary key. Rows of a month that has no partition go into the
default one; such a month stays there, and nothing but speed is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

AHEAD: Final = timedelta(days=92)

# Each partitioned table, with the column that its partitions go by.
PARTITIONED: Final[Mapping[str, str]] = {
    "orders": "id",
    "fills": "order_id",
    "transfers": "id",
    "ledger_entries": "transfer_id",
    "events": "at",
}
_BY_TIME: Final = "at"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Processes that make partitions at the same time take turns.
_ADVISORY_LOCK: Final = 4_853_118_307_242


async def ensure_partitions(engine: AsyncEngine, start: datetime, until: datetime) -> list[str]:
    """Make the partitions of all months from `start` to `until` (UTC); returns the new ones."""
    async with engine.begin() as connection:
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK}
        )
        known = set(await partitions(connection))
        made = []
        for month in _months(start, until):
            for table in PARTITIONED:
                name = _name(table, month)
                if name not in known and await make_partition(connection, table, month):
                    made.append(name)
        return made


async def partitions(connection: AsyncConnection) -> list[str]:
    """The names of all partitions, the default ones among them."""
    found = await connection.execute(
        text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    )
    return list(found.scalars())


async def make_partition(connection: AsyncConnection, table: str, month: datetime) -> bool:
    """Make a table's partition of a month, unless the default one has rows of that month."""
    return await _make(connection, table, PARTITIONED[table], month, _name(table, month))


async def _make(
    connection: AsyncConnection, table: str, column: str, month: datetime, name: str
) -> bool:
    """Make one partition, unless the default one has rows of that month."""
    low, high = _bound(column, month), _bound(column, _next(month))
    taken = await connection.scalar(
        text(
            f"SELECT EXISTS (SELECT FROM {table}_default"  # noqa: S608 - names of our own
            f" WHERE {column} >= '{low}' AND {column} < '{high}')"
        )
    )
    if not taken:
        await connection.execute(
            text(
                f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{low}') TO ('{high}')"
            )
        )
    return not taken


def _name(table: str, month: datetime) -> str:
    return f"{table}_{month:%Y_%m}"


def _months(start: datetime, until: datetime) -> Iterator[datetime]:
    month = _first(start)
    while month <= until:
        yield month
        month = _next(month)


def _first(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next(month: datetime) -> datetime:
    return _first(month + timedelta(days=31))


def _bound(column: str, month: datetime) -> datetime | UUID:
    if column == _BY_TIME:
        return month
    # below every UUIDv7 of that millisecond
    return UUID(int=((month - _EPOCH) // timedelta(milliseconds=1)) << 80)
