"""Memories in PostgreSQL, with their vectors in pgvector."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.memory import EMBEDDING_DIMENSIONS, Memory, MemoryScope, RecalledMemory
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.usecases.ports import Embedder, RecallQuery

_TABLE = tables.memories
# Everything but the vector, which is large and of no use outside the database.
_COLUMNS = [column for column in _TABLE.columns if column.name != "embedding"]


class PostgresMemories:
    """Implements the Memories port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, memories: Sequence[Memory], vectors: Sequence[Sequence[float]], embedder: Embedder
    ) -> None:
        """Store memories with one vector each, padded to the stored dimensions."""
        values = [
            rows.to_row(
                _TABLE,
                memory,
                tags=list(memory.tags),
                metadata=dict(memory.metadata),
                embedding=_padded(vector),
                embedding_model=embedder.model,
                embedding_dimensions=embedder.dimensions,
            )
            for memory, vector in zip(memories, vectors, strict=True)
        ]
        if values:
            await self._connection.execute(insert(_TABLE), values)

    async def recall(
        self, user_id: UUID, query: RecallQuery, vector: Sequence[float], model: str
    ) -> list[RecalledMemory]:
        """What the user may remember, known at `as_of` and not expired, most similar first."""
        distance = _TABLE.c.embedding.cosine_distance(_padded(vector))
        similarity = (1 - distance).label("similarity")
        statement = (
            select(*_COLUMNS, similarity)
            .where(*_recallable(user_id, query, model))
            .order_by(distance, _TABLE.c.id)
            .limit(query.limit)
        )
        found = await self._connection.execute(statement)
        return [
            RecalledMemory(rows.memory_of(row), float(row["similarity"]))
            for row in found.mappings()
        ]

    async def by_ids(self, ids: Sequence[UUID]) -> list[Memory]:
        """The memories with these ids, in the order asked for."""
        found = await self._connection.execute(select(*_COLUMNS).where(_TABLE.c.id.in_(ids)))
        known = {row["id"]: rows.memory_of(row) for row in found.mappings()}
        return [known[memory_id] for memory_id in ids]

    async def of_trade(self, trade_id: UUID) -> list[Memory]:
        """The memories a trade left."""
        found = await self._connection.execute(
            select(*_COLUMNS).where(_TABLE.c.source_trade_id == trade_id).order_by(_TABLE.c.id)
        )
        return [rows.memory_of(row) for row in found.mappings()]

    async def save_validation(
        self, memory: Memory, trade_id: UUID, user_id: UUID, was_right: bool, at: datetime
    ) -> None:
        """Store a validated memory's new score; a trade validates a memory once."""
        await self._connection.execute(
            insert(tables.memory_validations).values(
                memory_id=memory.id,
                trade_id=trade_id,
                user_id=user_id,
                was_right=was_right,
                at=at,
            )
        )
        await self._connection.execute(
            update(_TABLE)
            .where(_TABLE.c.id == memory.id)
            .values(
                validation_score=memory.validation_score,
                validation_trades=memory.validation_trades,
            )
        )


def _recallable(user_id: UUID, query: RecallQuery, model: str) -> list[ColumnElement[bool]]:
    c = _TABLE.c
    conditions = [
        or_(c.user_id == user_id, c.scope == MemoryScope.COLLECTIVE),
        c.type.in_(query.types),
        # Vectors of different models are never compared.
        c.embedding_model == model,
        c.created_at <= query.as_of,
        or_(c.expires_at.is_(None), c.expires_at > query.as_of),
    ]
    if query.symbol is not None:
        conditions.append(or_(c.symbol == query.symbol, c.symbol.is_(None)))
    return conditions


def _padded(vector: Sequence[float]) -> list[float]:
    # Zeros add nothing to a dot product or a norm: cosine similarity stays what it was.
    return [*vector, *([0.0] * (EMBEDDING_DIMENSIONS - len(vector)))]
