"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from command_line import Finished, cut_candles, hedgerow, result_of, stop_services
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres.engine import open_engine, reset
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports import OpenUnitOfWork
from postgres_fixtures import database, database_url, empty_url, postgres_server

__all__ = ["database", "database_url", "empty_url", "postgres_server", "service_folder"]


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


@pytest.fixture
def open_postgres(database: AsyncEngine) -> OpenUnitOfWork:
    """Units of work on a database of the test's own."""
    return lambda actor: PostgresUnitOfWork(database, actor)


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """The same as `service_folder`, for a service that all tests of a module share."""
    with _service_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def event_server() -> Iterator[str]:
    """The URL of a PostgreSQL that the tests of one file share."""
    with _service_folder() as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        yield postgres.url


@pytest.fixture
async def event_store(event_server: str) -> AsyncIterator[AsyncEngine]:
    """An empty database of the newest schema."""
    async with open_engine(event_server) as engine:
        await reset(engine)
        yield engine


@contextmanager
def _service_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
