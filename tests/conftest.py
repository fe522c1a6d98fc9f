"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def service_folder() -> Iterator[Path]:
    """A folder for embedded services, not too deep for a socket, that the user pgserver reaches.

    pytest's own temporary folders are deep, and closed to everybody but the one who runs it.
    """
    yield from _service_folder()


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """The same, for a service that all tests of a module share."""
    yield from _service_folder()


def _service_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
