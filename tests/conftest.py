"""Fixtures that several kinds of tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Finished, cut_candles, hedgerow, result_of, stop_services
from postgres_fixtures import (
    admin_database,
    database,
    database_name,
    database_url,
    embedded_postgres,
    empty_url,
    open_postgres,
    postgres,
    tcp_postgres,
)
from postgres_servers import server_folder

__all__ = [
    "admin_database",
    "database",
    "database_name",
    "database_url",
    "embedded_postgres",
    "empty_url",
    "open_postgres",
    "postgres",
    "tcp_postgres",
]


@pytest.fixture
def service_folder() -> Iterator[Path]:
    """A folder for embedded services, not too deep for a socket, that the user pgserver reaches.

    pytest's own temporary folders are deep, and closed to everybody but the one who runs it.
    """
    with server_folder() as folder:
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
    with server_folder() as folder:
        result = folder / "result.json"
        said = hedgerow("demo", "--data", small_candles, "--json", result, data=folder / "data")
        assert said.code == 0, said
        yield Finished(folder / "data", said, result_of(result))
