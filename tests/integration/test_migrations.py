"""Migrations make exactly the tables that the code sees, once, whoever comes first."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import USER, account, opened_fund
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.engine import migrate, open_engine, reset, upgrade
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from postgres_fixtures import on_every_postgres

MIGRATE = """
import asyncio, sys
from hedgerow.infrastructure.postgres.engine import migrate, open_engine

async def run():
    async with open_engine(sys.argv[1]) as engine:
        print("ready", flush=True)
        sys.stdin.readline()
        await migrate(engine)

asyncio.run(run())
"""
# Partitions follow their table, and are made as time goes on.
TABLES = """
table_schema = 'public' AND table_name <> 'alembic_version' AND NOT EXISTS (
    SELECT FROM pg_class WHERE relname = table_name AND relispartition)
"""
COLUMNS = f"""
SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, is_identity,
    character_maximum_length, numeric_precision, numeric_scale, datetime_precision
FROM information_schema.columns WHERE {TABLES} ORDER BY 1, 2
"""
CONSTRAINTS = f"""
SELECT table_name, conname, pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN information_schema.tables ON conrelid = table_name::regclass
WHERE {TABLES} AND conparentid = 0 AND contype NOT IN ('n', 't') ORDER BY 1, 2
"""
INDEXES = f"""
SELECT tablename, indexname, indexdef
FROM pg_indexes JOIN information_schema.tables ON tablename = table_name
WHERE {TABLES} ORDER BY 1, 2
"""


async def ask(engine: AsyncEngine, *queries: str) -> list[Sequence[Any]]:
    async with engine.connect() as connection:
        return [(await connection.execute(text(query))).all() for query in queries]


async def test_migrations_make_what_the_tables_say_checks_and_all(
    database: AsyncEngine, empty_url: str
) -> None:
    async with open_engine(empty_url) as other:
        async with other.begin() as connection:
            await connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS vector")
            await connection.run_sync(tables.metadata.create_all)
        said = await ask(other, COLUMNS, CONSTRAINTS, INDEXES)
    migrated = await ask(database, COLUMNS, CONSTRAINTS, INDEXES)
    for found, wanted in zip(migrated, said, strict=True):
        assert set(found) == set(wanted)
    assert all(len(found) > 30 for found in said)


@on_every_postgres
async def test_migrating_again_changes_nothing(empty_url: str) -> None:
    queries = (COLUMNS, CONSTRAINTS, INDEXES, "SELECT version_num FROM alembic_version")
    async with open_engine(empty_url) as engine:
        await migrate(engine)
        before = await ask(engine, *queries)
        await insert_a_profile(engine)
        await migrate(engine)
        assert await ask(engine, *queries) == before
        assert await profiles(engine) == 1


@on_every_postgres
async def test_resetting_leaves_every_table_empty(empty_url: str) -> None:
    async with open_engine(empty_url) as engine:
        await migrate(engine)
        await insert_a_profile(engine)
        before = await ask(engine, COLUMNS, CONSTRAINTS, INDEXES)
        await reset(engine)
        assert await ask(engine, COLUMNS, CONSTRAINTS, INDEXES) == before
        assert await profiles(engine) == 0


async def test_two_processes_may_migrate_at_once(empty_url: str) -> None:
    command_line = [sys.executable, "-W", "error", "-c", MIGRATE, empty_url]
    processes = [
        subprocess.Popen(  # noqa: ASYNC220 - nothing else is waiting
            command_line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, problems = process.communicate(timeout=60)
        assert (process.returncode, problems) == (0, "")
    async with open_engine(empty_url) as engine:
        assert await profiles(engine) == 0


@on_every_postgres
async def test_funds_from_before_keep_their_instruments(empty_url: str) -> None:
    fund, _ = opened_fund()
    watched = list(fund.pairs.values())
    async with open_engine(empty_url) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade, "0005_memory_search")
            await act_as(connection, SYSTEM)
            profile = fund.limit_profile
            for table, row in (
                (tables.limit_profiles, rows.to_row(tables.limit_profiles, profile, limits={})),
                (tables.users, rows.user_row(fund.user)),
                (
                    tables.exchange_accounts,
                    rows.to_row(tables.exchange_accounts, account(), permissions=["spot"]),
                ),
                *((tables.strategies, rows.strategy_row(s)) for s in fund.strategies.values()),
                *((tables.trading_pairs, rows.pair_row(pair)) for pair in watched[:2]),
            ):
                await connection.execute(insert(table), row)
            for pair in watched:
                rules = fund.instruments[pair.id]
                row = rows.to_row(tables.instruments, rules, user_id=USER, exchange="binance")
                del row["user_id"]
                columns = ", ".join(row)
                places = ", ".join(f":{name}" for name in row)
                await connection.execute(
                    text(f"INSERT INTO instruments ({columns}) VALUES ({places})"), row
                )
        await migrate(engine)
        async with engine.connect() as connection:
            await act_as(connection, SYSTEM)
            found = await connection.execute(
                text("SELECT user_id, exchange, symbol, price_tick FROM instruments ORDER BY 3")
            )
    # nobody's instruments are nobody's loss: they come back with the next fund that trades them
    assert found.all() == [
        (USER, "binance", symbol, Decimal("0.01")) for symbol in ("BTC/USDT", "ETH/USDT")
    ]


async def insert_a_profile(engine: AsyncEngine) -> None:
    profile = opened_fund()[0].limit_profile
    async with engine.begin() as connection:
        row = rows.to_row(tables.limit_profiles, profile, limits={})
        await connection.execute(insert(tables.limit_profiles), row)


async def profiles(engine: AsyncEngine) -> int:
    (((count,),),) = await ask(engine, "SELECT count(*) FROM limit_profiles")
    return int(count)
