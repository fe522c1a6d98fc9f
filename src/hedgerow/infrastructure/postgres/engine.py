"""The connection pool, and bringing the schema to the newest migration."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.postgres.emptying import empty
from hedgerow.infrastructure.postgres.failures import reached

# Made once: a thousand documents are read with a fund, and making a decoder takes longer than one.
_ENCODER = simplejson.JSONEncoder(use_decimal=True)
_DECODER = simplejson.JSONDecoder(parse_float=Decimal)

MIGRATIONS = Path(__file__).parent / "migrations"

# A connection that cannot be closed in order is gone all the same: its traceback tells nobody
# anything, and it would stand on the terminal beside the one sentence that does.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[AsyncEngine]:
    """A pool on the database at `url`; numbers, also inside JSON, keep every digit both ways."""
    try:
        engine = create_async_engine(
            url, json_serializer=_ENCODER.encode, json_deserializer=_DECODER.decode
        )
    except (ArgumentError, ValueError):
        raise InputRefused(
            what="not the URL of a PostgreSQL database",
            where="HEDGEROW_POSTGRES_URL",
            fix="write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it",
        ) from None  # the cause would print the URL, which may hold a password
    event.listen(engine.sync_engine, "connect", _keep_digits)
    try:
        yield engine
    finally:
        await engine.dispose()


async def migrate(engine: AsyncEngine) -> None:
    """Apply every migration that the database does not have yet."""
    with reached(engine):
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)


async def reset(engine: AsyncEngine) -> None:
    """Drop every table and function, and migrate anew; extensions stay."""
    with reached(engine):
        async with engine.begin() as connection:
            await empty(connection)
            await connection.run_sync(upgrade)


def _keep_digits(connection: Any, _: object) -> None:
    connection.run_async(_exchange_numbers_as_text)


async def _exchange_numbers_as_text(connection: Any) -> None:
    # In its binary form the driver reads 10000 as 1E+4 and 0.00 as 0: equal, but what is computed
    # from them is written with other digits, and so seals another event.
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=Decimal, format="text"
    )


def known_revision(connection: Connection) -> str | None:
    """The last migration that was applied, None without any; raises InputRefused if unknown."""
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {step.revision for step in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if revision is not None and revision not in known:
        raise InputRefused(
            what=f"its schema, {revision}, is not one that this version of Hedgerow knows",
            where=f"the database {connection.engine.url.database}",
            fix="use the version that made it, or set HEDGEROW_DATA_DIR to another folder",
        )
    return revision


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Apply the migrations up to a revision, inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known_revision(connection)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
