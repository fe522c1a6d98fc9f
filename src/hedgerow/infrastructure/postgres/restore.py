"""What PostgreSQL's COPY has written, read back in one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import BinaryIO, Final, Self

import asyncpg
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.postgres.dump import (
    PLAIN_TEXT,
    columns_of,
    raw_connection,
    rows_in,
)
from hedgerow.infrastructure.postgres.emptying import empty
from hedgerow.infrastructure.postgres.engine import MIGRATIONS, upgrade
from hedgerow.infrastructure.postgres.failures import reached, translated
from hedgerow.infrastructure.postgres.partitions import PARTITIONED, make_partition

# Any number will do that no other advisory lock of this database uses.
_RESTORE_LOCK: Final = 4_853_118_307_251
_LOCK_SECONDS_MAX: Final = 30
_FORCED: Final = text("""
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
      AND relkind IN ('r', 'p') AND NOT relispartition AND relforcerowsecurity
""")
# Memories come with the scores that their validations made, funds with the ends of their logs.
_CONSEQUENCES: Final = text("""
    SELECT tgrelid::regclass::text, tgname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
    WHERE tgname IN ('counts', 'follow_the_log') AND NOT c.relispartition
      AND c.relnamespace = 'public'::regnamespace
""")
_COUNTED: Final = text("""
    SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND a.attidentity <> ''
""")
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class PostgresRestore:
    """Implements the RecordsRestore port as the owner of the database, inside its block.

    Triggers and foreign keys are in force: what a dump holds is held to the same rules as what a
    fund writes. Only row-level security steps aside, which COPY does not go with; within the
    transaction nobody else gets at the tables.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._open: AsyncConnection | None = None
        self._columns: Mapping[str, Sequence[str]] = {}
        self._forced: Sequence[str] = ()

    async def __aenter__(self) -> Self:
        with reached(self._engine):
            self._open = await self._engine.connect()
        try:
            await self._claim()
        except BaseException:
            await self._open.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # closing rolls back whatever was not committed
        await self._connection.close()

    def knows(self, revision: str) -> bool:
        """Whether this Hedgerow has that migration."""
        script = ScriptDirectory(str(MIGRATIONS))
        return any(step.revision == revision for step in script.walk_revisions())

    async def require_empty(self) -> None:
        """Raise InputRefused where the database holds users."""
        if await self._revision() is None:
            return
        await self._connection.exec_driver_sql("SET LOCAL ROLE hedgerow_worker")
        users = await self._connection.scalar(text("SELECT count(*) FROM users"))
        await self._connection.exec_driver_sql("RESET ROLE")
        if users:
            raise InputRefused(
                what=f"holds users already ({users:,})",
                where=self._where,
                fix="restore into another data folder or database, or add --replace to give up "
                "everything that is there",
            )

    async def begin(self, revision: str, partitions: Mapping[str, Sequence[str]]) -> None:
        """Drop everything, and make the schema of that migration with these partitions."""
        with self._refusals():
            if await self._revision() is not None:
                await empty(self._connection)
            await self._connection.run_sync(upgrade, revision)
            for table, month in _months(partitions):
                await make_partition(self._connection, table, month)
            self._columns = await columns_of(self._connection)
            self._forced = list(await self._connection.scalars(_FORCED))
            await self._force(self._forced, "NO FORCE")
            await self._trigger("DISABLE")

    async def read(self, table: str, columns: Sequence[str], source: BinaryIO) -> int:
        """Store the rows that a dump has written; returns how many."""
        if set(columns) != set(self._columns.get(table, ())):
            raise InputRefused(
                what="has other columns than its schema",
                where=f"postgres/{table} in the backup",
                fix="compare the database it is from with `hedgerow db check`, and back up again",
            )
        raw = await raw_connection(self._connection)
        with self._refusals():
            done = await raw.copy_to_table(
                table, schema_name="public", columns=columns, source=source, format="text"
            )
        return rows_in(done)

    async def settle(self) -> None:
        """Hold all rows to the rules of the database, and migrate to the newest schema."""
        with self._refusals():
            # what is checked at commit is checked now: no table can be altered before
            await self._connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            await self._continue_counting()
            await self._force(self._forced, "FORCE")
            await self._trigger("ENABLE")
            await self._connection.run_sync(upgrade)

    async def commit(self) -> None:
        """Make everything durable."""
        with self._refusals():
            await self._connection.commit()

    @property
    def _connection(self) -> AsyncConnection:
        assert self._open is not None, "used outside of its block"
        return self._open

    @property
    def _where(self) -> str:
        url = self._engine.url
        return f"database {url.database} at {url.host or url.query.get('host')}"

    async def _claim(self) -> None:
        with self._refusals():
            for statement in (*PLAIN_TEXT, f"SET LOCAL lock_timeout = '{_LOCK_SECONDS_MAX}s'"):
                await self._connection.exec_driver_sql(statement)
            lock = text("SELECT pg_try_advisory_xact_lock(:key)").bindparams(key=_RESTORE_LOCK)
            is_alone = await self._connection.scalar(lock)
        if not is_alone:
            fix = "wait until that one has finished"
            raise InputRefused("another restore is under way", self._where, fix)

    async def _revision(self) -> str | None:
        return await self._connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )

    async def _force(self, tables: Sequence[str], how: str) -> None:
        for table in tables:
            await self._connection.exec_driver_sql(
                f'ALTER TABLE public."{table}" {how} ROW LEVEL SECURITY'
            )

    async def _trigger(self, how: str) -> None:
        """What follows from other rows is not made again: those come with the backup too."""
        for table, trigger in (await self._connection.execute(_CONSEQUENCES)).all():
            await self._connection.exec_driver_sql(f"ALTER TABLE {table} {how} TRIGGER {trigger}")

    async def _continue_counting(self) -> None:
        """Numbers that the database gives out go on after those that are there."""
        for table, column in (await self._connection.execute(_COUNTED)).all():
            await self._connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('public.\"{table}\"', '{column}'),"  # noqa: S608 - names of the catalogue
                f' max("{column}")) FROM public."{table}" HAVING count(*) > 0'
            )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            with translated(self._engine):
                yield
        except (DBAPIError, asyncpg.PostgresError) as error:
            said = error.orig if isinstance(error, DBAPIError) else error
            raise InputRefused(
                what=f"PostgreSQL does not take the backup: {_first_line(said)}",
                where=self._where,
                fix="nothing was changed; remove the cause and restore again",
            ) from error


def _months(partitions: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, datetime]]:
    for table, months in partitions.items():
        for month in months:
            found = _MONTH.fullmatch(month)
            if found is None or table not in PARTITIONED:
                raise InputRefused(
                    what=f"names {table} of {month}, which is no month of a table",
                    where="manifest.json in the backup",
                    fix="restore another backup",
                )
            yield table, datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)


def _first_line(error: BaseException | None) -> str:
    """What PostgreSQL says, without the driver's name before it."""
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return line.rpartition(">: ")[2]
