"""Telling a database that is out of reach from a statement that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from hedgerow.domain.errors import StoreUnavailable

# Connection exceptions, and what a server says that starts up, shuts down or cuts somebody off.
_OUTAGES = ("08", "57P")


@contextmanager
def outages_told() -> Iterator[None]:
    """Inside the block, which talks to the database only, an outage becomes StoreUnavailable."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(problem_of(error)) from error
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if is_outage(error):
            raise StoreUnavailable(problem_of(error)) from error
        raise


def is_outage(error: Exception) -> bool:
    """Whether a driver's error says that the server cannot be reached, or has gone away."""
    match error:
        case InterfaceError() | OperationalError() | asyncpg.InterfaceError():
            return True
        case DBAPIError():
            return error.connection_invalidated
        case asyncpg.PostgresError():
            return str(error.sqlstate).startswith(_OUTAGES)
        case _:
            return False


def problem_of(error: Exception) -> str:
    """The first line of what the driver says."""
    return f"PostgreSQL: {next(iter(str(error).splitlines()), type(error).__name__)}"
