"""Failures of the server, its disk or the way to it, told apart from bugs in what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.domain.errors import StoreUnavailable

_AGAIN: Final = "run the command again: what was committed is kept"
_DISK: Final = f"free some disk space, then {_AGAIN}"
_SERVER: Final = f"see in the server's log why, then {_AGAIN}"
_URL: Final = "start that server, or correct HEDGEROW_POSTGRES_URL"
_RIGHTS: Final = (
    "let an administrator of the server prepare the database as docs/deployment.md says under "
    '"Separate servers"'
)
# By the beginning of PostgreSQL's own error code, the longer ones first. What is not here, such as
# a violated constraint, is a bug and stays one.
_BY_CODE: Final = {
    "53100": ("the disk is full", _DISK),
    "53": ("PostgreSQL has run out of something", _SERVER),
    "08": ("the connection to PostgreSQL is lost", _SERVER),
    "25006": ("PostgreSQL takes no changes", _SERVER),
    "28": ("PostgreSQL refuses the connection", _URL),
    "3D": ("PostgreSQL refuses the connection", _URL),
    "42501": ("PostgreSQL refuses what Hedgerow must do", _RIGHTS),
    "57P": ("PostgreSQL is shutting down", _SERVER),
    "58": ("PostgreSQL cannot use its files", _SERVER),
    "XX": ("PostgreSQL cannot use its files", _SERVER),
}


@contextmanager
def translated(engine: AsyncEngine) -> Iterator[None]:
    """Inside the block a failure of the server is raised as StoreUnavailable; bugs pass."""
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
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
        what, fix = f"PostgreSQL cannot be reached: {reason}", _URL
        if _was_reached(engine):
            lost, fix = _BY_CODE["08"]
            what = f"{lost} ({reason})"
        raise StoreUnavailable(what=what, where=_place(engine.url), fix=fix) from error


def _was_reached(engine: AsyncEngine) -> bool:
    # what the dialect learns as the first connection is made
    return getattr(engine.dialect, "server_version_info", None) is not None


def _failure(url: URL, error: Exception) -> StoreUnavailable | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = str(getattr(cause, "sqlstate", None) or "")
    if not code and _is_cut_off(error):
        code = "08"
    for beginning, (what, fix) in _BY_CODE.items():
        if code.startswith(beginning):
            told = f"{what} ({said(error)})"
            return StoreUnavailable(what=told, where=_place(url), fix=fix)
    return None


def _is_cut_off(error: Exception) -> bool:
    """Whether the driver says, without a code of the server's, that the connection is gone."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, InterfaceError)
    return isinstance(error, asyncpg.InterfaceError)


def said(error: BaseException) -> str:
    """The first line of what the server or the driver said."""
    origin = getattr(error, "orig", None) or error
    lines = str(origin.__cause__ or origin).strip().splitlines()
    return lines[0] if lines else type(origin).__name__


def _place(url: URL) -> str:
    """Where the server is, without the password."""
    host = url.host or url.query.get("host", "localhost")
    return f"PostgreSQL at {host}" + (f":{url.port}" if url.port else "")
