"""A PostgreSQL server for the tests, and a database of its own for each of them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.engine import migrate, open_engine

_numbers = count(1)


def url_of(server: str, database: str) -> str:
    return server.replace("/hedgerow?", f"/{database}?")


async def administer(server: str, statement: str) -> None:
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server; its database `hedgerow_migrated` is the template of the others."""
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-test-", dir="/tmp"))
    folder.chmod(0o711)
    with EmbeddedPostgres(folder / "postgres") as postgres:
        asyncio.run(_make_template(postgres.url))
        yield postgres.url
    shutil.rmtree(folder)


async def _make_template(server: str) -> None:
    # nothing here has to outlive a power cut
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        await administer(server, f"ALTER SYSTEM SET {setting} = off")
    await administer(server, "SELECT pg_reload_conf()")
    await administer(server, "CREATE DATABASE hedgerow_migrated")
    async with open_engine(url_of(server, "hedgerow_migrated")) as engine:
        await migrate(engine)


@pytest.fixture
async def empty_url(postgres_server: str) -> AsyncIterator[str]:
    """A database without tables."""
    name = f"test_{next(_numbers)}"
    await administer(postgres_server, f"CREATE DATABASE {name}")
    yield url_of(postgres_server, name)
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database_url(postgres_server: str) -> AsyncIterator[str]:
    """A database with the newest schema and no rows."""
    name = f"test_{next(_numbers)}"
    await administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE hedgerow_migrated")
    yield url_of(postgres_server, name)
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The same, opened as its owner."""
    async with open_engine(database_url) as engine:
        yield engine


async def empty(database: AsyncEngine) -> None:
    """Delete every row, also of what keeps its rows from being deleted."""
    async with tampering_with(database) as connection:
        for table in tables.metadata.sorted_tables:
            await connection.execute(table.delete())


@asynccontextmanager
async def tampering_with(database: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction past the triggers and foreign keys that defend the rows."""
    async with database.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        yield connection
