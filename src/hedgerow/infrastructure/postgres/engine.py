"""The connection pool, and bringing the schema to the newest migration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import simplejson
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hedgerow.infrastructure.postgres.emptying import empty

MIGRATIONS = Path(__file__).parent / "migrations"


def _dump(document: object) -> str:
    return simplejson.dumps(document, use_decimal=True)


def _load(text: str) -> object:
    return simplejson.loads(text, use_decimal=True)


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[AsyncEngine]:
    """A pool on the database at `url`; numbers inside JSON documents stay exact both ways."""
    engine = create_async_engine(url, json_serializer=_dump, json_deserializer=_load)
    try:
        yield engine
    finally:
        await engine.dispose()


async def migrate(engine: AsyncEngine) -> None:
    """Apply every migration that the database does not have yet."""
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)


async def reset(engine: AsyncEngine) -> None:
    """Drop everything and migrate anew."""
    async with engine.begin() as connection:
        await empty(connection)
        await connection.run_sync(upgrade)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Apply the migrations up to a revision, inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
