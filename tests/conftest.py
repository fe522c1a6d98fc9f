"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres.engine import open_engine, reset
from postgres_fixtures import database, database_url, empty_url, postgres_server

__all__ = ["database", "database_url", "empty_url", "postgres_server", "service_folder"]


@pytest.fixture
def service_folder() -> Iterator[Path]:
    """A folder for embedded services, not too deep for a socket, that the user pgserver reaches.

    pytest's own temporary folders are deep, and closed to everybody but the one who runs it.
    """
    folder = _service_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """The same, for a service that all tests of a module share."""
    folder = _service_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def event_server() -> Iterator[str]:
    """The URL of a PostgreSQL that the tests of one file share."""
    folder = _service_folder()
    with EmbeddedPostgres(folder / "postgres") as postgres:
        yield postgres.url
    shutil.rmtree(folder)


@pytest.fixture
async def event_store(event_server: str) -> AsyncIterator[AsyncEngine]:
    """An empty database of the newest schema."""
    async with open_engine(event_server) as engine:
        await reset(engine)
        yield engine


def _service_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-test-", dir="/tmp"))
    folder.chmod(0o711)
    return folder
