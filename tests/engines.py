"""Real PostgreSQL for tests: one server to a test module, an empty schema to each test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

import builders
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres.engine import open_engine, reset
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports import SYSTEM, OpenUnitOfWork


@contextmanager
def postgres_server() -> Iterator[str]:
    """A server of its own, and its URL."""
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-test-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres") as server:
            yield server.url
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def empty_database(url: str) -> AsyncIterator[AsyncEngine]:
    """The database with its schema and without a row."""
    async with open_engine(url) as engine:
        await reset(engine)
        yield engine


def units_on(engine: AsyncEngine) -> OpenUnitOfWork:
    """Units of work on that database."""
    return lambda actor: PostgresUnitOfWork(engine, actor)


async def add_fund(open_unit_of_work: OpenUnitOfWork) -> None:
    """The fund of `builders.USER`, so that there is a user to have accounts."""
    fund = builders.fund()
    async with open_unit_of_work(SYSTEM) as unit:
        await unit.funds.add(fund)
        await unit.funds.save(fund, [])
        await unit.commit()
