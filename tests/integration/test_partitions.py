"""Months have partitions before they are needed, and rows without one are not lost."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON
from hedgerow.infrastructure.postgres.partitions import PARTITIONED, ensure_partitions
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.verify_books import verify_all
from postgres_fixtures import on_every_postgres
from stored import store

ADA = UUID(int=0xADA)


async def whereabouts(engine: AsyncEngine) -> dict[str, set[str]]:
    """The partitions that each table's rows are in."""
    async with engine.connect() as connection:
        found = {}
        for table in PARTITIONED:
            where = text(f"SELECT DISTINCT tableoid::regclass::text FROM {table}")
            found[table] = set(await connection.scalars(where))
        return found


@on_every_postgres
async def test_rows_go_into_the_month_they_are_of(
    database: AsyncEngine, admin_database: AsyncEngine
) -> None:
    made = await ensure_partitions(database, NOON, datetime(2024, 5, 1, tzinfo=UTC))
    assert made == [f"{t}_2024_{month}" for month in ("03", "04", "05") for t in PARTITIONED]
    assert await ensure_partitions(database, NOON, NOON) == []
    await store(database, ADA)
    assert await whereabouts(admin_database) == {
        table: {f"{table}_2024_03"} for table in PARTITIONED
    }


async def test_a_month_ends_where_the_next_begins(database: AsyncEngine) -> None:
    end = datetime(2024, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert len(await ensure_partitions(database, end, end)) == len(PARTITIONED)
    made = await ensure_partitions(database, end, datetime(2025, 1, 1, tzinfo=UTC))
    assert made == [f"{table}_2025_01" for table in PARTITIONED]


@on_every_postgres
async def test_rows_without_a_month_are_kept_and_stay(
    database: AsyncEngine, admin_database: AsyncEngine
) -> None:
    await store(database, ADA)
    assert await whereabouts(admin_database) == {
        table: {f"{table}_default"} for table in PARTITIONED
    }
    # their month cannot be cut out of the default partition any more; the others can
    assert await ensure_partitions(database, NOON, NOON) == []
    later = await ensure_partitions(database, NOON, datetime(2024, 4, 1, tzinfo=UTC))
    assert later == [f"{table}_2024_04" for table in PARTITIONED]
    async with PostgresUnitOfWork(database, SYSTEM) as unit:
        assert (await verify_all(unit)).verified["events"] > 0


async def test_partitions_are_read_through_their_table_alone(database: AsyncEngine) -> None:
    await ensure_partitions(database, NOON, NOON)
    async with database.connect() as connection:
        readable = text("SELECT has_table_privilege('hedgerow_app', 'orders_2024_03', 'SELECT')")
        assert await connection.scalar(readable) is False
