"""Failures of the server, its disk or the way to it, told apart from bugs in what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.domain.errors import InputRefused

_AGAIN: Final = "run the command again: what was committed is kept"
_DISK: Final = f"free some disk space, then {_AGAIN}"
_SERVER: Final = f"see in the server's log why, then {_AGAIN}"
_URL: Final = "start that server, or correct HEDGEROW_POSTGRES_URL"
# By the beginning of PostgreSQL's own error code, the longer ones first. What is not here, such as
# a violated constraint, is a bug and stays one.
_BY_CODE: Final = {
    "53100": ("the disk is full", _DISK),
    "53": ("PostgreSQL has run out of something", _SERVER),
    "08": ("the connection to PostgreSQL is lost", _SERVER),
    "25006": ("PostgreSQL takes no changes", _SERVER),
    "28": ("PostgreSQL refuses the connection", _URL),
    "3D": ("PostgreSQL refuses the connection", _URL),
    "42501": ("PostgreSQL refuses what Hedgerow must do", _URL),
    "57P": ("PostgreSQL is shutting down", _SERVER),
    "58": ("PostgreSQL cannot use its files", _SERVER),
    "XX": ("PostgreSQL cannot use its files", _SERVER),
}


class StorageFailed(InputRefused):
    """PostgreSQL could not be reached, or could not do what any healthy server can."""


@contextmanager
def translated(engine: AsyncEngine) -> Iterator[None]:
    """Inside the block a failure of the server is raised as StorageFailed; bugs pass unchanged."""
    try:
        yield
    except DBAPIError as error:
        failure = _failure(engine.url, error)
        if failure is None:
            raise
        raise failure from error


@contextmanager
def reached(engine: AsyncEngine) -> Iterator[None]:
    """Like `translated`, for the block that opens a connection, in which any OSError is its own."""
    try:
        with translated(engine):
            yield
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        what = f"PostgreSQL cannot be reached: {reason}"
        raise StorageFailed(what=what, where=_place(engine.url), fix=_URL) from error


def _failure(url: URL, error: DBAPIError) -> StorageFailed | None:
    code = str(getattr(error.orig, "sqlstate", None) or "")
    if not code and (error.connection_invalidated or isinstance(error, InterfaceError)):
        code = "08"
    for beginning, (what, fix) in _BY_CODE.items():
        if code.startswith(beginning):
            said = _said(error)
            return StorageFailed(what=f"{what} ({said})", where=_place(url), fix=fix)
    return None


def _said(error: DBAPIError) -> str:
    """The first line of what the server or the driver said."""
    cause = error.orig.__cause__ if error.orig is not None else None
    lines = str(cause or error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


def _place(url: URL) -> str:
    """Where the server is, without the password."""
    host = url.host or url.query.get("host", "localhost")
    return f"PostgreSQL at {host}" + (f":{url.port}" if url.port else "")
