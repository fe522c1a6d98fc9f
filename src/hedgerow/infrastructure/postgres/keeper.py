"""Migrates, inspects and empties a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.infrastructure.postgres import engine as database
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.catalogue import (
    isolation_gaps,
    missing_fields,
)
from hedgerow.infrastructure.postgres.rules import broken_rules
from hedgerow.infrastructure.postgres.specification import SPECIFIED
from hedgerow.usecases.schema import SchemaDifference, SchemaStatus

_ROWS: Final = text("""
    -- counted as they are written; after a crash what the planner knows is left
    SELECT coalesce(parent.relname, c.relname) AS name, sum(coalesce(
        nullif(pg_stat_get_live_tuples(c.oid), 0), greatest(c.reltuples, 0)))::bigint AS rows
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    GROUP BY 1 ORDER BY 1
""")


class PostgresKeeper:
    """Implements the SchemaKeeper port as the owner of the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def migrate(self) -> Sequence[str]:
        """Apply every migration that the database does not have yet; returns their revisions."""
        pending = (await self.status()).pending
        await database.migrate(self._engine)
        return pending

    async def status(self) -> SchemaStatus:
        """How far the database has been migrated."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(_status)

    async def check(self) -> Sequence[SchemaDifference]:
        """Every difference between the live schema, the models and the specification."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(lambda sync: list(_differences(sync)))

    async def reset(self) -> None:
        """Drop everything and migrate anew."""
        await database.reset(self._engine)


def _status(connection: Connection) -> SchemaStatus:
    revision = database.known_revision(connection)
    script = ScriptDirectory(str(database.MIGRATIONS))
    newest = script.get_current_head()
    assert newest is not None, "the package ships its migrations"
    pending = list(script.iterate_revisions(newest, revision or "base"))
    counted = connection.execute(_ROWS)
    return SchemaStatus(
        server_version=str(connection.scalar(text("SHOW server_version"))),
        revision=revision,
        newest=newest,
        pending=[step.revision for step in reversed(pending)],
        size_bytes=int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0),
        rows={name: int(count) for name, count in counted if name != "alembic_version"},
    )


def _differences(connection: Connection) -> Iterator[SchemaDifference]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_name": _is_modelled(connection)}
    )
    for difference in compare_metadata(context, tables.metadata):
        for subject, problem in _in_words(difference):
            yield SchemaDifference("models", subject, problem)
    for subject, problem in missing_fields(connection, SPECIFIED):
        yield SchemaDifference("specification", subject, problem)
    for subject, problem in isolation_gaps(connection):
        yield SchemaDifference("isolation", subject, problem)
    for subject, problem in broken_rules(connection):
        yield SchemaDifference("migrations", subject, problem)


def _is_modelled(connection: Connection) -> Any:
    """Tells alembic to leave out partitions and the keys to them: they follow their table."""
    found = connection.execute(
        text(
            "SELECT relname FROM pg_class WHERE relispartition"
            " UNION SELECT k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
            " WHERE k.contype = 'f' AND k.conparentid <> 0 AND NOT c.relispartition"
        )
    )
    followers = set(found.scalars())

    def is_modelled(name: str | None, kind: str, _parents: object) -> bool:
        return kind not in {"table", "foreign_key_constraint"} or name not in followers

    return is_modelled


def _in_words(difference: Any) -> Iterator[tuple[str, str]]:
    """An alembic difference as a subject and a problem; changes of one column come in a list."""
    if isinstance(difference, list):
        for each in difference:
            yield from _in_words(each)
        return
    kind, *rest = difference
    match kind:
        case "add_table":
            yield rest[0].name, "is a table of the models and does not exist"
        case "remove_table":
            yield rest[0].name, "exists and is no table of the models"
        case "add_column":
            yield f"{rest[1]}.{rest[2].name}", "is a column of the models and does not exist"
        case "remove_column":
            yield f"{rest[1]}.{rest[2].name}", "exists and is no column of the models"
        case _ if kind.startswith("modify_"):
            subject, before, after = f"{rest[1]}.{rest[2]}", rest[4], rest[5]
            yield subject, f"has the {kind.removeprefix('modify_')} {before}, in the models {after}"
        case _ if kind.startswith("add_"):
            yield rest[0].table.name, f"lacks the {_named(kind, rest[0])}"
        case _:
            yield rest[0].table.name, f"has the {_named(kind, rest[0])}, which no model knows"


def _named(kind: str, subject: Any) -> str:
    return f"{kind.partition('_')[2]} {subject.name}"
