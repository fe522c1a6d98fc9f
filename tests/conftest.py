"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from command_line import Finished, cut_candles, hedgerow, result_of, stop_services
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports import OpenUnitOfWork


@pytest.fixture
def service_folder() -> Iterator[Path]:
    """A folder for embedded services, not too deep for a socket, that the user pgserver reaches.

    pytest's own temporary folders are deep, and closed to everybody but the one who runs it.
    """
    with _service_folder() as folder:
        yield folder


@pytest.fixture
def data_folder(service_folder: Path) -> Iterator[Path]:
    """Where a data folder can be made; no server is left running in it."""
    data = service_folder / "data"
    yield data
    stop_services(data)


@pytest.fixture(scope="session")
def small_candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of candles that a demo trades in a few seconds, with a few trades."""
    return cut_candles(tmp_path_factory.mktemp("candles") / "small")


@pytest.fixture(scope="session")
def finished(small_candles: Path) -> Iterator[Finished]:
    """A demo of the small candles, run once for all tests of one process that only look."""
    with _service_folder() as folder:
        result = folder / "result.json"
        said = hedgerow("demo", "--data", small_candles, "--json", result, data=folder / "data")
        assert said.code == 0, said
        yield Finished(folder / "data", said, result_of(result))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A migrated database on a server that all tests of one process share."""
    with _service_folder() as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        asyncio.run(_prepare(postgres.url))
        yield postgres.url


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool on the shared database, with every table empty."""
    async with open_engine(postgres_url) as opened:
        await empty(opened)
        yield opened


@pytest.fixture
def open_postgres(engine: AsyncEngine) -> OpenUnitOfWork:
    """Units of work on the shared database."""
    return lambda: PostgresUnitOfWork(engine)


async def empty(engine: AsyncEngine) -> None:
    """Delete every row: with so few of them, much faster than truncating."""
    async with engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            await connection.execute(table.delete())


async def _prepare(url: str) -> None:
    async with open_engine(url) as opened:
        async with opened.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            # The files are thrown away in the end: nothing need survive a power cut.
            await alone.exec_driver_sql("ALTER SYSTEM SET fsync = off")
            await alone.exec_driver_sql("ALTER SYSTEM SET synchronous_commit = off")
            await alone.exec_driver_sql("SELECT pg_reload_conf()")
        await migrate(opened)


@contextmanager
def _service_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
