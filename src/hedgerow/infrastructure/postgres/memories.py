"""Memories in PostgreSQL, with their vectors in pgvector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, and_, cast, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.forgetting import ForgettingRule
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, RecalledMemory, Validation
from hedgerow.domain.memory_ranking import Found, rank
from hedgerow.domain.promotion import PromotionRule
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.memory_search import (
    COLUMNS,
    TABLE,
    may_be_exact,
    padded,
    prepare_statement,
    search_statement,
    searches_shared,
    validated_since_statement,
)
from hedgerow.infrastructure.postgres.rows import Row, rows_of
from hedgerow.usecases.ports.desk import Embedder, RecallQuery

_VALIDATIONS = tables.memory_validations
# Any number will do that no other advisory lock of this database uses.
_PROMOTION_LOCK = 0x4D454D4F


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
                TABLE,
                memory,
                tags=list(memory.tags),
                metadata=dict(memory.metadata),
                embedding=padded(vector),
                embedding_model=embedder.model,
                embedding_dimensions=embedder.dimensions,
                last_validated_at=None,
            )
            for memory, vector in zip(memories, vectors, strict=True)
        ]
        if values:
            await self._connection.execute(insert(TABLE), values)

    async def recall(self, user_id: UUID, query: RecallQuery, model: str) -> list[RecalledMemory]:
        """What the user may remember, best first (domain/memory_ranking.py)."""
        is_exact = True
        if query.vector is not None and searches_shared(query):
            prepared = await self._connection.execute(prepare_statement(query))
            is_exact = may_be_exact(prepared.scalar_one())
        statement = search_statement(user_id, query, model, is_exact=is_exact)
        found = rows_of(await self._connection.execute(statement))
        later = await self._validated_since(query.as_of, found)
        candidates = (
            Found(
                _as_then(rows.memory_of(row), later.get(row["id"])),
                row["similarity"],
                row["wording"],
            )
            for row in found
        )
        return rank(candidates, query.as_of, query.limit)

    async def _validated_since(
        self, as_of: datetime, found: Sequence[Row]
    ) -> Mapping[UUID, tuple[int, int]]:
        """Of memories that were validated after a moment, how many trades have, and bore them out.

        Nothing is asked where there are none, as whenever a moment is the present.
        """
        tested = [row for row in found if _is_after(row["last_validated_at"], as_of)]
        if not tested:
            return {}
        counts = await self._connection.execute(validated_since_statement(as_of, tested))
        return {row.memory_id: (row.trades, row.borne_out) for row in counts}

    async def by_ids(self, ids: Sequence[UUID]) -> list[Memory]:
        """The memories with these ids, in the order asked for."""
        found = await self._connection.execute(select(*COLUMNS).where(TABLE.c.id.in_(ids)))
        known = {row["id"]: rows.memory_of(row) for row in found.mappings()}
        return [known[memory_id] for memory_id in ids]

    async def by_prefix(self, user_id: UUID, prefix: str) -> list[Memory]:
        """Memories of the user, or collective, whose id begins with `prefix`; at most two."""
        found = await self._connection.execute(
            select(*COLUMNS)
            .where(or_(TABLE.c.user_id == user_id, TABLE.c.scope == MemoryScope.COLLECTIVE))
            .where(cast(TABLE.c.id, Text).startswith(prefix, autoescape=True))
            .order_by(TABLE.c.id)
            .limit(2)
        )
        return [rows.memory_of(row) for row in found.mappings()]

    async def of_trade(self, trade_id: UUID) -> list[Memory]:
        """The memories a trade left."""
        found = await self._connection.execute(
            select(*COLUMNS).where(TABLE.c.source_trade_id == trade_id).order_by(TABLE.c.id)
        )
        return [rows.memory_of(row) for row in found.mappings()]

    async def unvalidated(self, ids: Sequence[UUID], trade_id: UUID) -> list[Memory]:
        """Those of `ids` that the trade has not validated yet, by id, held until the end."""
        # Locked by id, so that two who want the same memories cannot wait for each other.
        locked = await self._connection.execute(
            select(*COLUMNS).where(TABLE.c.id.in_(ids)).order_by(TABLE.c.id).with_for_update()
        )
        memories = [rows.memory_of(row) for row in locked.mappings()]
        # Asked only now: what the one we waited for has stored is seen by a new statement alone.
        done = await self._connection.execute(
            select(_VALIDATIONS.c.memory_id).where(
                _VALIDATIONS.c.memory_id.in_(ids), _VALIDATIONS.c.trade_id == trade_id
            )
        )
        validated = set(done.scalars())
        return [memory for memory in memories if memory.id not in validated]

    async def save_validation(
        self, memory: Memory, trade_id: UUID, user_id: UUID, was_right: bool, at: datetime
    ) -> None:
        """Store that a trade validates a memory, once; the database counts it for the score."""
        await self._connection.execute(
            insert(_VALIDATIONS).values(
                memory_id=memory.id,
                trade_id=trade_id,
                user_id=user_id,
                was_right=was_right,
                at=at,
            )
        )

    async def validations(self, memory_id: UUID, user_id: UUID) -> list[Validation]:
        """The user's trades that have validated a memory, oldest first."""
        c = _VALIDATIONS.c
        found = await self._connection.execute(
            select(c.trade_id, c.was_right, c.at)
            .where(c.memory_id == memory_id, c.user_id == user_id)
            .order_by(c.at, c.trade_id)
        )
        return [Validation(**row) for row in found.mappings()]

    async def expire(self, ids: Sequence[UUID], at: datetime) -> None:
        """Let memories not be recalled from `at` on; earlier moments still recall them."""
        if ids:
            await self._connection.execute(
                update(TABLE).where(TABLE.c.id.in_(ids)).values(expires_at=at)
            )

    async def forgettable(self, rule: ForgettingRule, at: datetime, limit: int) -> list[UUID]:
        """At most `limit` memories that `rule` applies to at `at`, oldest first."""
        c = TABLE.c
        found = await self._connection.execute(
            select(c.id)
            .where(
                c.scope == MemoryScope.COLLECTIVE,
                c.expires_at.is_(None),
                c.created_at <= rule.created_until(at),
                c.validation_score < rule.score_min,
            )
            .order_by(c.created_at, c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(found.scalars())

    async def begin_promotion(self) -> None:
        """Wait until no other unit of work promotes lessons, and keep others waiting."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(_PROMOTION_LOCK)))

    async def shared_lessons(self) -> list[Memory]:
        """All collective lessons, expired ones too, oldest first."""
        c = TABLE.c
        found = await self._connection.execute(
            select(*COLUMNS)
            .where(c.scope == MemoryScope.COLLECTIVE, c.type == MemoryType.LESSON)
            .order_by(c.created_at, c.id)
        )
        return [rows.memory_of(row) for row in found.mappings()]

    async def lessons_of_trades(
        self, rule: PromotionRule, until: datetime
    ) -> list[tuple[Memory, RiskTolerance]]:
        """Users' lessons created by `until`, with the risk tolerance of the strategy they are from.

        Kinds with fewer lessons, or of fewer users, than `rule` asks for are left out here: nearly
        all of them are, and need not leave the database.
        """
        c, positions, strategies = TABLE.c, tables.positions, tables.strategies
        kind = [
            c.symbol,
            c.timeframe,
            c.metadata["setup_type"].astext.label("setup_type"),
            c.metadata["side"].astext.label("side"),
            c.metadata["regime"].astext.label("regime"),
        ]
        is_lesson = (
            c.scope == MemoryScope.USER,
            c.type == MemoryType.LESSON,
            c.created_at <= until,
        )
        common = (
            select(*kind)
            .where(*is_lesson)
            .group_by(*kind)
            .having(
                func.count() >= rule.trades_min,
                func.count(c.user_id.distinct()) >= rule.users_min,
            )
            .cte("common")
            # Once, not once for each lesson, as PostgreSQL would in a database without statistics.
            .prefix_with("MATERIALIZED")
        )
        found = await self._connection.execute(
            select(*COLUMNS, strategies.c.risk_tolerance)
            .join(positions, positions.c.id == c.source_trade_id)
            .join(strategies, strategies.c.id == positions.c.strategy_id)
            .join(common, and_(*(one == common.c[one.name] for one in kind)))
            .where(*is_lesson)
            .order_by(c.created_at, c.id)
        )
        return [(rows.memory_of(row), row["risk_tolerance"]) for row in found.mappings()]


def _is_after(moment: datetime | None, as_of: datetime) -> bool:
    return moment is not None and moment > as_of


def _as_then(memory: Memory, later: tuple[int, int] | None) -> Memory:
    return memory if later is None else memory.before_trades(*later)
