"""What every store of memories must do: PostgreSQL with pgvector is the only one."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.domain.forgetting import FORGETTING
from hedgerow.domain.journal import JOURNAL_REGIMES
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.postgres.memory_search import search_statement
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.forget_memories import forget_memories
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from memory_world import AT, DAY, HOUR, WordsEmbedder, World, ids, memory
from postgres_fixtures import on_every_postgres

LONG_AFTER = AT + 1000 * DAY

pytestmark = on_every_postgres


@pytest.fixture
def world(database: AsyncEngine) -> World:
    return World(database)


class TestWhoMayRemember:
    async def test_users_recall_their_own_and_the_collective(self, world: World) -> None:
        one, other = await world.user(), await world.user()
        await world.add(
            memory(1, content="gap up"),
            memory(2, content="gap up", scope=MemoryScope.USER, user_id=one),
            memory(3, content="gap up", scope=MemoryScope.USER, user_id=other),
            memory(
                4,
                content="gap up",
                scope=MemoryScope.WORKING,
                user_id=one,
                expires_at=LONG_AFTER + DAY,
            ),
        )
        assert set(ids(await world.recall(one, "gap up"))) == {UUID(int=n) for n in (1, 2, 4)}
        for scope, number in (("collective", 1), ("user", 3)):
            found = await world.recall(other, "gap up", scopes=(MemoryScope(scope),))
            assert ids(found) == [UUID(int=number)]

    async def test_nobody_finds_anothers_memory_by_its_id(self, world: World) -> None:
        one, other = await world.user(), await world.user()
        await world.add(memory(7, scope=MemoryScope.USER, user_id=one))
        async with world.unit() as unit:
            prefix = str(UUID(int=7))
            assert [m.id for m in await unit.memories.by_prefix(one, prefix)] == [UUID(int=7)]
            assert await unit.memories.by_prefix(other, prefix) == []
            assert await unit.memories.by_prefix(one, "%") == []


class TestRanking:
    async def test_the_nearest_comes_first_and_says_how_near(self, world: World) -> None:
        user = await world.user()
        await world.add(memory(1, content="gap falls"), memory(2, content="gap rises"))
        first, second = await world.recall(user, "gap rises")
        assert first.memory.id == UUID(int=2)
        assert first.similarity == pytest.approx(1.0)
        assert second.similarity == pytest.approx(0.5)
        assert first.standing.fused == pytest.approx(1.0)

    async def test_a_vector_alone_is_enough(self, world: World) -> None:
        user = await world.user()
        await world.add(memory(1, content="gap falls"), memory(2, content="gap rises"))
        (vector,) = await world.embedder.embed(["gap rises"])
        found = await world.recall(user, None, vector=vector)
        assert ids(found) == [UUID(int=2), UUID(int=1)]

    async def test_equals_are_ordered_by_id(self, world: World) -> None:
        user = await world.user()
        await world.add(*(memory(number, content="gap up") for number in (3, 1, 2)))
        assert ids(await world.recall(user, "gap up")) == [UUID(int=n) for n in (1, 2, 3)]
        assert ids(await world.recall(user, "gap up", limit=2)) == [UUID(int=n) for n in (1, 2)]

    async def test_words_bring_up_what_the_vectors_rank_low(self, world: World) -> None:
        user = await world.user()
        far = "an unheard of whipsaw that came and went among very many other things we saw"
        await world.add(
            memory(1, content=far, scope=MemoryScope.USER, user_id=user),
            *(
                memory(n, content=f"the market {n}", scope=MemoryScope.USER, user_id=user)
                for n in range(2, 60)
            ),
        )
        (found,) = await world.recall(user, "whipsaws", limit=1)
        assert found.memory.id == UUID(int=1)

    async def test_vectors_of_another_model_are_never_compared(self, world: World) -> None:
        user = await world.user()
        other = WordsEmbedder("another-model", dimensions=1536)
        await world.add(memory(1, content="gap up"), embedder=other)
        (found,) = await world.recall(user, "gap up")
        assert found.similarity == 0.0
        (vector,) = await world.embedder.embed(["gap up"])
        assert await world.recall(user, None, vector=vector) == []

    async def test_padding_changes_no_similarity(self, world: World) -> None:
        user = await world.user()
        for dimensions in (16, 1536):
            embedder = WordsEmbedder(f"words-{dimensions}", dimensions)
            await world.add(memory(dimensions, content="gap up again"), embedder=embedder)
            vectors = await embedder.embed(["gap up", "gap up again"])
            expected = sum(a * b for a, b in zip(*vectors, strict=True))
            query = RecallQuery(LONG_AFTER, vector=vectors[0])
            async with world.unit() as unit:
                (found,) = await unit.memories.recall(user, query, embedder.model)
            assert found.similarity == pytest.approx(expected, abs=1e-6)


def is_meant(one: Memory, user: UUID, query: RecallQuery) -> bool:
    """The filter in plain words, to hold the statement against."""
    regime = one.metadata.get("regime")
    named = query.regime and (query.regime, JOURNAL_REGIMES[query.regime])
    return (
        one.user_id in (user, None)
        and one.created_at <= query.as_of
        and not one.is_expired(query.as_of)
        and (not query.scopes or one.scope in query.scopes)
        and (not query.types or one.type in query.types)
        and (query.symbol is None or one.symbol in (query.symbol, None))
        and (query.timeframe is None or one.timeframe in (query.timeframe, None))
        and (query.personality is None or one.personality in (query.personality, None))
        and (not named or regime is None or regime in named)
        and set(query.tags) <= set(one.tags)
    )


async def test_recalls_exactly_what_is_meant_and_never_the_future(world: World) -> None:
    users = [await world.user(), await world.user()]
    draw = random.Random(7)
    symbols, personalities = ("BTC/USDT", "ETH/USDT", None), ("moderate", "aggressive", None)
    times = [AT + n * HOUR for n in range(6)]
    stored = []
    for number in range(1, 301):
        scope = draw.choice(list(MemoryScope))
        needs_end = scope is MemoryScope.WORKING
        stored.append(
            memory(
                number,
                content="gap up",
                scope=scope,
                user_id=None if scope is MemoryScope.COLLECTIVE else draw.choice(users),
                type=draw.choice(list(MemoryType)),
                created_at=draw.choice(times),
                expires_at=draw.choice(times[3:] if needs_end else [None, *times[3:]]),
                symbol=draw.choice(symbols),
                timeframe=draw.choice((Timeframe.H1, Timeframe.H4, None)),
                personality=draw.choice(personalities),
                tags=tuple(draw.sample(["a", "b", "c"], draw.randrange(4))),
                metadata=draw.choice([{}, {"regime": "trend"}, {"regime": "trend_up"}]),
            )
        )
    await world.add(*stored)
    for _ in range(60):
        user = draw.choice(users)
        query = RecallQuery(
            as_of=draw.choice(times),
            text="gap up",
            scopes=draw.choice([(), (MemoryScope.USER,), tuple(MemoryScope)]),
            types=draw.choice([(), (MemoryType.LESSON, MemoryType.TRADE)]),
            symbol=draw.choice(symbols),
            timeframe=draw.choice((Timeframe.H4, None)),
            personality=draw.choice(personalities),
            regime=draw.choice((Regime.TREND_UP, Regime.RANGE, None)),
            tags=draw.choice([(), ("a",), ("a", "b")]),
            limit=1000,
        )
        (vector,) = await world.embedder.embed(["gap up"])
        ways: list[dict[str, Any]] = [{"text": "gap up"}, {"vector": vector}]
        for by in (*ways, {"text": "gap up", "vector": vector}):
            asked = replace(query, **({"text": None} | by))
            async with world.unit() as unit:
                found = await unit.memories.recall(user, asked, world.embedder.model)
            assert set(ids(found)) == {m.id for m in stored if is_meant(m, user, asked)}


# Word for word as it is specified; `query_embedding` is the parameter of a function around it.
SPECIFIED = """
-- Find similar memories using cosine similarity
SELECT *, 1 - (embedding <=> query_embedding) AS similarity
FROM memories
WHERE scope = 'collective'
  AND type = 'lesson'
ORDER BY similarity DESC
LIMIT 10;
"""


async def test_the_specified_search_statement_runs_as_it_is_written(world: World) -> None:
    await world.add(
        *(memory(number, content=f"gap up {number}") for number in range(1, 13)),
        memory(20, content="gap up", type=MemoryType.TRADE),
    )
    (vector,) = await world.embedder.embed(["gap up 5"])
    as_function = (
        "CREATE FUNCTION pg_temp.similar_memories(query_embedding vector) RETURNS SETOF jsonb "
        "LANGUAGE sql AS $$ SELECT to_jsonb(found) FROM "
        f"({SPECIFIED.strip().rstrip(';')}\n) found $$"
    )
    async with world.engine.connect() as connection:
        await act_as(connection, SYSTEM)
        await connection.execute(text(as_function))
        asked = str([*vector, *[0.0] * (1536 - len(vector))])
        found = await connection.execute(
            text("SELECT * FROM pg_temp.similar_memories(cast(:asked as vector))"), {"asked": asked}
        )
        rows = list(found.scalars())
    assert len(rows) == 10
    assert rows[0]["id"] == str(UUID(int=5))
    assert float(rows[0]["similarity"]) == pytest.approx(1.0)


async def test_collective_search_may_use_its_index(world: World) -> None:
    user = await world.user()
    query = RecallQuery(AT, text="gap up", vector=[1.0], scopes=(MemoryScope.COLLECTIVE,))
    statement = search_statement(user, query, "words-256", is_exact=False)
    async with world.engine.connect() as connection:
        await act_as(connection, SYSTEM)
        for name in ("seqscan", "bitmapscan", "sort"):
            await connection.execute(text(f"SET LOCAL enable_{name} = off"))
        # A generic plan knows no parameter: an index must be usable whatever they are.
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        compiled = statement.compile(
            dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
        )
        names = compiled.positiontup or []
        plan = await connection.exec_driver_sql(
            f"EXPLAIN {compiled.string}", tuple(compiled.params[name] for name in names)
        )
        shown = "\n".join(plan.scalars())
    assert "ix_memories_shared_embedding" in shown


class TestValidation:
    async def test_a_trade_told_by_two_workers_at_once_counts_once(self, world: World) -> None:
        user = await world.user()
        trade = await world.trade(user)
        await world.add(*(memory(number) for number in range(1, 6)))
        await asyncio.gather(*(_validate(world, user, trade) for _ in range(4)))
        for one in await world.get(*(UUID(int=number) for number in range(1, 6))):
            assert one.validation_trades == 1
            assert one.validation_score == pytest.approx(1 / 3)
        async with world.unit() as unit:
            (validation,) = await unit.memories.validations(UUID(int=1), user)
            assert (validation.trade_id, validation.was_right) == (trade, True)

    async def test_trades_that_end_at_once_all_count(self, world: World) -> None:
        users = [await world.user() for _ in range(4)]
        trades = [(user, await world.trade(user)) for user in users for _ in range(2)]
        await world.add(*(memory(number) for number in range(1, 6)))
        await asyncio.gather(*(_validate(world, user, trade) for user, trade in trades))
        for one in await world.get(*(UUID(int=number) for number in range(1, 6))):
            assert one.validation_trades == 8
            assert one.validation_score == pytest.approx(8 / 10)

    async def test_others_trades_stay_theirs(self, world: World) -> None:
        one, other = await world.user(), await world.user()
        await world.add(*(memory(number) for number in range(1, 6)))
        await _validate(world, one, await world.trade(one))
        async with world.unit() as unit:
            assert await unit.memories.validations(UUID(int=1), other) == []


async def _validate(world: World, user: UUID, trade: UUID) -> None:
    """What a worker does for a trade that won and was based on the memories 1 to 5."""
    known = [UUID(int=number) for number in range(5, 0, -1)]
    async with world.unit() as unit:
        for one in await unit.memories.unvalidated(known, trade):
            # Let the other workers in between reading and writing.
            await asyncio.sleep(0.001)
            one.validate(was_right=True)
            await unit.memories.save_validation(one, trade, user, True, AT)
        await unit.commit()


class TestForgetting:
    async def test_forgets_what_the_rule_says_and_nothing_else(self, world: World) -> None:
        user = await world.user()
        draw = random.Random(7)
        stored = []
        for number in range(1, 201):
            is_shared = draw.random() < 0.8
            stored.append(
                memory(
                    number,
                    scope=MemoryScope.COLLECTIVE if is_shared else MemoryScope.USER,
                    user_id=None if is_shared else user,
                    created_at=AT - draw.choice([0, 89, 90, 91, 400]) * DAY,
                    validation_score=draw.choice([0.0, 0.39, 0.4, 0.8]),
                    validation_trades=5,
                    expires_at=draw.choice([None, None, AT - HOUR]),
                )
            )
        await world.add(*stored)
        expected = {one.id for one in stored if FORGETTING.applies(one, AT)}
        assert await forget_memories(world.unit, AT, batch=7) == len(expected)
        after = await world.get(*(one.id for one in stored))
        changed = {
            new.id
            for old, new in zip(stored, after, strict=True)
            if old.expires_at != new.expires_at
        }
        assert changed == expected
        assert {one.expires_at for one in after if one.id in changed} == {AT}
        assert await forget_memories(world.unit, AT, batch=7) == 0

    async def test_two_at_once_forget_nothing_twice(self, world: World) -> None:
        old = [memory(number, created_at=AT - 400 * DAY) for number in range(1, 101)]
        await world.add(*old)
        counts = await asyncio.gather(*(forget_memories(world.unit, AT, batch=5) for _ in range(3)))
        assert sum(counts) == 100

    @pytest.mark.parametrize(("as_of", "is_known"), [(AT - HOUR, True), (AT, False)])
    async def test_what_was_known_before_stays_known_as_of_then(
        self, world: World, as_of: datetime, is_known: bool
    ) -> None:
        user = await world.user()
        await world.add(memory(1, content="gap up", created_at=AT - 400 * DAY))
        await forget_memories(world.unit, AT)
        assert bool(await world.recall(user, "gap up", as_of=as_of)) is is_known
