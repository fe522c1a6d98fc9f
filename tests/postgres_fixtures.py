"""A database of its own for each test, copied from a template on a server that all tests share.

Tests of what every PostgreSQL must do ask for `on_every_postgres`; the others run on the embedded
server alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork
from postgres_servers import EMPTY, MIGRATED, PostgresServer, embedded_server, tcp_server

on_every_postgres = pytest.mark.parametrize("postgres", ["embedded", "over TCP"], indirect=True)


@pytest.fixture(scope="session")
def embedded_postgres() -> Iterator[PostgresServer]:
    """The embedded server of all tests of one process."""
    with embedded_server() as server:
        yield server


@pytest.fixture(scope="session")
def tcp_postgres() -> Iterator[PostgresServer]:
    """The server over TCP of all tests of one process."""
    with tcp_server() as server:
        yield server


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> PostgresServer:
    """The server that a test runs on."""
    is_tcp = getattr(request, "param", "embedded") == "over TCP"
    server: PostgresServer = request.getfixturevalue(
        "tcp_postgres" if is_tcp else "embedded_postgres"
    )
    return server


@pytest.fixture
async def empty_url(postgres: PostgresServer) -> AsyncIterator[str]:
    """A database without tables."""
    name = await postgres.copy(EMPTY)
    yield postgres.url(name)
    await postgres.drop(name)


@pytest.fixture
async def database_name(postgres: PostgresServer) -> AsyncIterator[str]:
    """A database with the newest schema and no rows."""
    name = await postgres.copy(MIGRATED)
    yield name
    await postgres.drop(name)


@pytest.fixture
def database_url(postgres: PostgresServer, database_name: str) -> str:
    """The same, as its owner reaches it."""
    return postgres.url(database_name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The same, opened as its owner."""
    async with open_engine(database_url) as engine:
        yield engine


@pytest.fixture
async def admin_database(
    postgres: PostgresServer, database_name: str
) -> AsyncIterator[AsyncEngine]:
    """The same, opened as a superuser: to see all rows, and to tamper with them."""
    async with open_engine(postgres.admin_url(database_name)) as engine:
        yield engine


@pytest.fixture
def open_postgres(database: AsyncEngine) -> OpenUnitOfWork:
    """Units of work on the same."""
    return units_on(database)


def units_on(engine: AsyncEngine) -> OpenUnitOfWork:
    """Units of work on a database."""
    return lambda actor: PostgresUnitOfWork(engine, actor)


def as_superuser(engine: AsyncEngine) -> str:
    """The URL of an embedded database as its superuser, who sees all rows."""
    return engine.url.set(username="postgres").render_as_string(hide_password=False)


async def empty(admin_database: AsyncEngine) -> None:
    """Delete every row, also of what keeps its rows from being deleted."""
    async with tampering_with(admin_database) as connection:
        for table in tables.metadata.sorted_tables:
            await connection.execute(table.delete())


@asynccontextmanager
async def tampering_with(admin_database: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A superuser's transaction past the triggers and foreign keys that defend the rows."""
    async with admin_database.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        yield connection
