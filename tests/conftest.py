"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_fixtures import database, database_url, empty_url, postgres_server

__all__ = ["database", "database_url", "empty_url", "postgres_server", "service_folder"]


@pytest.fixture
def service_folder() -> Iterator[Path]:
    """A folder for embedded services, not too deep for a socket, that the user pgserver reaches.

    pytest's own temporary folders are deep, and closed to everybody but the one who runs it.
    """
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
