"""Keeping the schema of the database: what there is to ask of it, and the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """How far a database has been migrated; `revision` is None for an empty one.

    `rows` are estimates by table, as PostgreSQL's own statistics have them.
    """

    server_version: str
    revision: str | None
    newest: str
    pending: Sequence[str]
    size_bytes: int
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SchemaDifference:
    """Something of a live schema that is not as it must be; `against` is what it was held to."""

    against: str
    subject: str
    problem: str


class SchemaKeeper(Protocol):
    """Migrates, inspects and empties one database."""

    async def migrate(self) -> Sequence[str]:
        """Apply every migration that the database does not have yet; returns their revisions."""
        ...

    async def status(self) -> SchemaStatus:
        """How far the database has been migrated."""
        ...

    async def check(self) -> Sequence[SchemaDifference]:
        """Every difference between the live schema, the models and the specification."""
        ...

    async def reset(self) -> None:
        """Drop everything and migrate anew."""
        ...
