"""What `hedgerow doctor` finds in a PostgreSQL: sound, half prepared, or tampered with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.infrastructure.postgres.checks import look_at_postgres
from hedgerow.infrastructure.postgres.engine import migrate, open_engine, upgrade
from hedgerow.usecases.checks import Finding, Standing
from kafka_brokers import free_port
from postgres_servers import PostgresServer

OK, WARNING, FAILED = Standing.OK, Standing.WARNING, Standing.FAILED
POOR = "hedgerow_test_poor"


async def look(url: str) -> dict[str, Finding]:
    findings: Sequence[Finding] = await look_at_postgres(url)
    return {finding.subject: finding for finding in findings}


async def alter(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def test_a_sound_database(database_url: str) -> None:
    found = await look(database_url)
    assert list(found) == ["postgresql", "pgvector", "schema", "roles", "clock"]
    assert {finding.standing for finding in found.values()} == {OK}
    assert "newest" in found["schema"].found


async def test_an_empty_database_is_left_empty(empty_url: str) -> None:
    found = await look(empty_url)
    assert {finding.standing for finding in found.values()} == {OK}
    assert found["pgvector"].found.startswith("version")
    assert "empty" in found["schema"].found
    assert await look(empty_url) == found


async def test_pending_migrations_are_named(empty_url: str) -> None:
    async with open_engine(empty_url) as engine, engine.begin() as connection:
        await connection.run_sync(upgrade, "0003_vault_and_locks")
    schema = (await look(empty_url))["schema"]
    assert schema.standing is WARNING
    assert "pending: 0004_events_that_travel, 0005_memory_search" in schema.found
    assert "hedgerow db migrate" in schema.fix


async def test_a_newer_schema_fails(database: AsyncEngine, database_url: str) -> None:
    await alter(database, "UPDATE alembic_version SET version_num = '9999'")
    schema = (await look(database_url))["schema"]
    assert schema.standing is FAILED
    assert "9999, which this version does not know" in schema.found


async def test_a_table_without_its_rule_fails(database: AsyncEngine, database_url: str) -> None:
    await alter(database, "ALTER TABLE wishes NO FORCE ROW LEVEL SECURITY")
    roles = (await look(database_url))["roles"]
    assert roles.standing is FAILED
    assert "wishes" in roles.found


async def test_a_role_that_owns_a_table_fails(
    admin_database: AsyncEngine, database_url: str
) -> None:
    await alter(admin_database, "ALTER TABLE wishes OWNER TO hedgerow_app")
    roles = (await look(database_url))["roles"]
    assert roles.standing is FAILED
    assert "REASSIGN OWNED BY hedgerow_app" in roles.fix


async def test_a_role_that_bypasses_the_rules_fails(
    embedded_postgres: PostgresServer, database_url: str
) -> None:
    # roles belong to the server: put back whatever comes of it
    await embedded_postgres.administer("ALTER ROLE hedgerow_app BYPASSRLS")
    try:
        roles = (await look(database_url))["roles"]
    finally:
        await embedded_postgres.administer("ALTER ROLE hedgerow_app NOBYPASSRLS")
    assert roles.standing is FAILED
    assert "hedgerow_app bypasses" in roles.found
    await embedded_postgres.administer(roles.fix)
    assert (await look(database_url))["roles"].standing is OK


@asynccontextmanager
async def poor_role(server: PostgresServer, rights: str = "") -> AsyncIterator[None]:
    await server.administer(f"CREATE ROLE {POOR} LOGIN {rights}")
    try:
        yield
    finally:
        await server.administer(f"DROP OWNED BY {POOR}")
        await server.administer(f"DROP ROLE {POOR}")


def as_poor(url: str) -> str:
    return url.replace("hedgerow@", f"{POOR}@")


async def test_the_fixes_lead_an_unprepared_database_to_a_migrated_one(
    embedded_postgres: PostgresServer,
) -> None:
    database = await embedded_postgres.copy("template1")
    url = embedded_postgres.url(database)
    async with poor_role(embedded_postgres, "CREATEROLE"):
        found = await look(as_poor(url))
        assert found["pgvector"].standing is FAILED
        assert "only a superuser" in found["pgvector"].found
        assert found["schema"].standing is FAILED

        fix, where = found["pgvector"].fix.split(": ")[::-1]
        assert database in where
        await embedded_postgres.administer(fix, database=database)
        await embedded_postgres.administer(found["schema"].fix)
        # the roles of the other databases of this server were made by another user
        grant = f"GRANT hedgerow_app, hedgerow_worker TO {POOR} WITH INHERIT FALSE, SET TRUE"
        await embedded_postgres.administer(grant)
        found = await look(as_poor(url))
        assert {finding.standing for finding in found.values()} == {OK}

        async with open_engine(as_poor(url)) as engine:
            await migrate(engine)
        found = await look(as_poor(url))
        assert {finding.standing for finding in found.values()} == {OK}
        await embedded_postgres.administer(f"ALTER DATABASE {database} OWNER TO postgres")
        await embedded_postgres.administer(
            f"REASSIGN OWNED BY {POOR} TO postgres", database=database
        )
    await embedded_postgres.drop(database)


async def test_somebody_who_is_not_the_owner_is_told(
    embedded_postgres: PostgresServer, database_url: str
) -> None:
    async with poor_role(embedded_postgres):
        found = await look_at_postgres(as_poor(database_url))
    (only,) = found
    assert only.standing is FAILED
    assert "permission denied" in only.found
    assert "owner" in only.fix


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        (("5432", str(free_port())), "start the server"),
        (("/hedgerow?", "/nowhere?"), "create that database"),
        (("hedgerow@", "nobody@"), "correct user and password"),
        (("?host", "?sslmode=require&host"), "?ssl=require"),
        (("@/", ":canary@host:port/"), "write postgresql://"),
    ],
)
async def test_a_database_out_of_reach_is_told_with_its_fix(
    embedded_postgres: PostgresServer, change: tuple[str, str], fix: str
) -> None:
    url = embedded_postgres.url("hedgerow")
    assert change[0] in url
    (found,) = await look_at_postgres(url.replace(*change))
    assert found.standing is FAILED
    assert fix in found.fix
    assert "canary" not in found.found
