"""A memory is told as it stood at the moment asked about, by every store of memories."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.domain.memory import Memory, MemoryScope, RecalledMemory
from hedgerow.infrastructure.memory_store.notebook import RememberedMemories
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.ports.desk import RecallQuery
from memory_world import AT, DAY, HOUR, WordsEmbedder, World, ids, memory
from postgres_fixtures import on_every_postgres

EVERY = [UUID(int=number) for number in range(1, 7)]


class Shelf(Protocol):
    """A store of memories, and users who trade."""

    async def user(self) -> UUID: ...

    async def trade(self, user_id: UUID) -> UUID: ...

    async def add(self, *memories: Memory) -> None: ...

    async def validate(
        self, memory_id: UUID, user_id: UUID, was_right: bool, at: datetime
    ) -> None: ...

    async def recall(self, user_id: UUID, as_of: datetime) -> Sequence[RecalledMemory]: ...


class PostgresShelf(World):
    """In PostgreSQL."""

    async def validate(self, memory_id: UUID, user_id: UUID, was_right: bool, at: datetime) -> None:
        trade_id = await self.trade(user_id)
        async with self.unit(user_id) as unit:
            (found,) = await unit.memories.unvalidated([memory_id], trade_id)
            await unit.memories.save_validation(found, trade_id, user_id, was_right, at)
            await unit.commit()

    async def recall(  # type: ignore[override]
        self, user_id: UUID, as_of: datetime
    ) -> Sequence[RecalledMemory]:
        (vector,) = await self.embedder.embed(["gap up"])
        query = RecallQuery(as_of, text="gap up", vector=vector, limit=50)
        async with self.unit(user_id) as unit:
            return await unit.memories.recall(user_id, query, self.embedder.model)


class NotebookShelf:
    """In the memory of a backtest, which has one user."""

    def __init__(self) -> None:
        self._memories = RememberedMemories()
        self._embedder = WordsEmbedder()
        self._trades = 0

    async def user(self) -> UUID:
        return UUID(int=1)

    async def trade(self, user_id: UUID) -> UUID:
        self._trades += 1
        return UUID(int=self._trades)

    async def add(self, *memories: Memory) -> None:
        vectors = await self._embedder.embed([each.content for each in memories])
        await self._memories.add(memories, vectors, self._embedder)

    async def validate(self, memory_id: UUID, user_id: UUID, was_right: bool, at: datetime) -> None:
        trade_id = await self.trade(user_id)
        (found,) = await self._memories.unvalidated([memory_id], trade_id)
        found.validate(was_right)
        await self._memories.save_validation(found, trade_id, user_id, was_right, at)

    async def recall(self, user_id: UUID, as_of: datetime) -> Sequence[RecalledMemory]:
        return await self._memories.recall(RecallQuery(as_of, "gap up", limit=50), self._embedder)


@pytest.fixture(params=["postgres", "notebook"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "notebook":
        return NotebookShelf()
    return PostgresShelf(request.getfixturevalue("database"))


async def stock(shelf: Shelf, user: UUID) -> None:
    """Some memories of the user, some of all."""
    await shelf.add(
        *(
            memory(n, content=f"gap up {n}", scope=MemoryScope.USER, user_id=user)
            for n in (1, 2, 3)
        ),
        *(memory(n, content=f"gap up {n}", created_at=AT + HOUR) for n in (4, 5, 6)),
    )


class TestStanding:
    async def test_it_is_that_of_the_moment(self, shelf: Shelf) -> None:
        draw = random.Random(11)
        one, other = await shelf.user(), await shelf.user()
        await stock(shelf, one)
        tried: list[tuple[UUID, bool, datetime]] = []
        for _ in range(40):
            memory_id, was_right = draw.choice(EVERY), draw.random() < 0.6
            at = AT + draw.randrange(2, 30) * HOUR
            # others' trades test what all share
            user = one if memory_id in EVERY[:3] else draw.choice([one, other])
            await shelf.validate(memory_id, user, was_right, at)
            tried.append((memory_id, was_right, at))
        for hours in (*range(1, 31), 10_000):
            as_of = AT + hours * HOUR
            found = await shelf.recall(one, as_of)
            assert set(ids(found)) == set(EVERY)
            for each in found:
                outcomes = [
                    was_right
                    for memory_id, was_right, at in tried
                    if memory_id == each.memory.id and at <= as_of
                ]
                assert each.memory.validation_trades == len(outcomes)
                # to the last bit, in whatever order they came
                assert each.memory.validation_score == sum(outcomes) / (len(outcomes) + 2)
                assert each.standing.validation == each.memory.trust

    async def test_it_ranks_as_it_did_then(self, shelf: Shelf) -> None:
        user = await shelf.user()
        await shelf.add(memory(1, content="gap up"), memory(2, content="gap up"))
        for hours, memory_id in ((1, EVERY[0]), (2, EVERY[0]), (9, EVERY[1])):
            await shelf.validate(memory_id, user, memory_id == EVERY[1], AT + hours * HOUR)
        assert ids(await shelf.recall(user, AT)) == EVERY[:2]
        assert ids(await shelf.recall(user, AT + 5 * HOUR)) == EVERY[1::-1]
        before = await shelf.recall(user, AT + 5 * HOUR)
        await shelf.validate(EVERY[1], user, False, AT + 6 * HOUR)
        assert await shelf.recall(user, AT + 5 * HOUR) == before


@on_every_postgres
async def test_users_learn_nothing_of_what_others_remember(database: AsyncEngine) -> None:
    shelf = PostgresShelf(database)
    one, other = await shelf.user(), await shelf.user()
    await stock(shelf, one)
    await shelf.validate(EVERY[0], one, True, AT + DAY)
    await shelf.validate(EVERY[3], one, True, AT + DAY)
    async with database.connect() as connection:
        await act_as(connection, other)
        counted = await connection.execute(
            text("SELECT * FROM hedgerow_validated_since(:ids, :since)"),
            {"ids": EVERY, "since": AT},
        )
        assert [tuple(row) for row in counted] == [(EVERY[3], 1, 1)]
        seen = await connection.scalar(text("SELECT count(*) FROM memory_validations"))
        assert seen == 0
