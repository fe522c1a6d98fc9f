"""A dump of PostgreSQL and its restore: all rows or none, by the rules of the database."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from test_migrations_forward import load_rows

from builders import NOON
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.postgres.dump import PostgresDump, open_dump
from hedgerow.infrastructure.postgres.engine import open_engine, upgrade
from hedgerow.infrastructure.postgres.keeper import PostgresKeeper
from hedgerow.infrastructure.postgres.partitions import ensure_partitions, partitions
from hedgerow.infrastructure.postgres.restore import PostgresRestore
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.verify_books import verify_all
from postgres_fixtures import as_superuser
from postgres_servers import PostgresServer
from stored import store

ADA, BOB, CYD = UUID(int=0xADA), UUID(int=0xB0B), UUID(int=0xC1D)
Members = dict[str, io.BytesIO]


async def contents(engine: AsyncEngine) -> dict[str, list[str]]:
    """Every row of every table, as the superuser sees them."""
    async with (
        open_engine(as_superuser(engine)) as superuser,
        superuser.connect() as connection,
    ):
        names = await connection.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'p') AND NOT relispartition"
            )
        )
        return {
            name: sorted(await connection.scalars(text(f"SELECT to_jsonb(t)::text FROM {name} t")))
            for name in list(names)
        }


async def members_of(dump: PostgresDump) -> Members:
    members = {table: io.BytesIO() for table in dump.columns}
    for table, member in members.items():
        await dump.write(table, member)
        member.seek(0)
    return members


async def dumped(engine: AsyncEngine) -> tuple[PostgresDump, Members]:
    async with open_dump(engine) as dump:
        return dump, await members_of(dump)


async def restore(engine: AsyncEngine, dump: PostgresDump, members: Members) -> None:
    async with PostgresRestore(engine) as target:
        assert target.knows(dump.revision)
        await target.begin(dump.revision, dump.partitions)
        for table, member in members.items():
            await target.read(table, dump.columns[table], io.BytesIO(member.getvalue()))
        await target.settle()
        await target.commit()


@pytest.fixture
async def full(database: AsyncEngine) -> AsyncEngine:
    """Two users who have something in nearly every table."""
    await ensure_partitions(database, NOON, NOON + timedelta(days=40))
    for owner in (ADA, BOB):
        await store(database, owner)
    return database


@asynccontextmanager
async def plain_owner(server: PostgresServer) -> AsyncIterator[str]:
    """The URL of an empty database as its owner, who is no superuser, has it."""
    await server.administer(
        "CREATE ROLE keeper LOGIN",
        "GRANT hedgerow_app, hedgerow_worker TO keeper WITH INHERIT FALSE, SET TRUE",
        "CREATE DATABASE kept OWNER keeper",
    )
    await server.administer("CREATE EXTENSION vector", database="kept")
    yield server.url("kept").replace("//hedgerow@", "//keeper@")
    await server.administer("DROP DATABASE kept WITH (FORCE)", "DROP ROLE keeper")


async def test_all_rows_come_back_and_pass_the_audit(full: AsyncEngine, empty_url: str) -> None:
    before = await contents(full)
    assert sum(map(bool, before.values())) >= 26
    dump, members = await dumped(full)
    async with open_engine(empty_url) as engine:
        await restore(engine, dump, members)
        assert await contents(engine) == before
        assert await PostgresKeeper(engine).check() == []
        async with PostgresUnitOfWork(engine, SYSTEM) as unit:
            report = await verify_all(unit)
        assert (report.differences, report.verified["funds"]) == ([], 2)
        async with engine.connect() as ours, full.connect() as theirs:
            assert sorted(await partitions(ours)) == sorted(await partitions(theirs))
            left = await ours.scalar(text("SELECT count(*) FROM orders_default"))
        assert left == 0
        # what the database counts goes on, and history is as protected as before
        await store(engine, CYD)
        with pytest.raises(Exception, match="stays as it was written"):
            async with (
                open_engine(as_superuser(engine)) as superuser,
                superuser.begin() as connection,
            ):
                await connection.execute(text("DELETE FROM events"))


async def test_an_owner_who_is_no_superuser_sees_and_restores_all(
    full: AsyncEngine, embedded_postgres: PostgresServer
) -> None:
    before = await contents(full)
    dump, members = await dumped(full)
    async with plain_owner(embedded_postgres) as url:
        async with open_engine(url) as engine:
            for _ in range(2):  # the second time in place of the first
                await restore(engine, dump, members)
            again, its_members = await dumped(engine)
        assert again.columns == dump.columns
        assert {name: member.getvalue() for name, member in its_members.items()} == {
            name: member.getvalue() for name, member in members.items()
        }
        async with open_engine(embedded_postgres.admin_url("kept")) as superuser:
            assert await contents(superuser) == before
            assert await PostgresKeeper(superuser).check() == []
        async with open_engine(url) as engine, PostgresRestore(engine) as target:
            with pytest.raises(InputRefused, match=r"users already \(2\)"):
                await target.require_empty()


async def test_a_dump_is_of_one_moment(full: AsyncEngine, empty_url: str) -> None:
    before = await contents(full)
    async with open_dump(full) as dump:
        await store(full, CYD)
        members = await members_of(dump)
    async with open_engine(empty_url) as engine:
        await restore(engine, dump, members)
        assert await contents(engine) == before


async def test_an_older_schema_is_carried_forward(empty_url: str, database: AsyncEngine) -> None:
    async with open_engine(empty_url) as engine:
        await load_rows(engine)
        async with engine.begin() as connection:
            await connection.run_sync(upgrade, "0003_vault_and_locks")
        dump, members = await dumped(engine)
    assert dump.revision == "0003_vault_and_locks"
    await restore(database, dump, members)
    assert await PostgresKeeper(database).check() == []
    async with PostgresUnitOfWork(database, SYSTEM) as unit:
        report = await verify_all(unit)
    assert (report.differences, report.verified["funds"]) == ([], 1)


async def spoil_sum(members: Members) -> None:
    lines = members["ledger_entries"].getvalue().splitlines(keepends=True)
    members["ledger_entries"] = io.BytesIO(b"".join(lines[1:]))


async def lose_strategies(members: Members) -> None:
    members["strategies"] = io.BytesIO()


async def garble(members: Members) -> None:
    members["users"] = io.BytesIO(b"nobody\n")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(spoil_sum, "is off by"), (lose_strategies, "foreign key"), (garble, "invalid input syntax")],
)
async def test_what_breaks_a_rule_changes_nothing(full: AsyncEngine, spoil: Any, said: str) -> None:
    before = await contents(full)
    dump, members = await dumped(full)
    await spoil(members)
    with pytest.raises(InputRefused, match=said) as refused:
        await restore(full, dump, members)
    assert "database test_" in refused.value.where
    assert "asyncpg" not in refused.value.what
    assert await contents(full) == before


async def test_one_restore_at_a_time(full: AsyncEngine) -> None:
    async with PostgresRestore(full):
        with pytest.raises(InputRefused, match="another restore"):
            async with PostgresRestore(full):
                raise AssertionError("let in")
    async with PostgresRestore(full):
        pass


async def test_columns_and_months_of_no_schema_are_refused(database: AsyncEngine) -> None:
    async with PostgresRestore(database) as target:
        assert not target.knows("9999")
        with pytest.raises(InputRefused, match="2024-13"):
            await target.begin("0005_memory_search", {"orders": ["2024-13"]})
    async with PostgresRestore(database) as target:
        await target.begin("0005_memory_search", {})
        for table, columns in (("users", ["id", "mood"]), ("pg_authid", ["rolname"])):
            with pytest.raises(InputRefused, match="other columns"):
                await target.read(table, columns, io.BytesIO())
