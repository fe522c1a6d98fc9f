"""Lessons of several users becoming everybody's, in a database; and notes that end."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.domain.memory import WORKING_LIFE, MemoryScope, Stance
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.note_working_memory import Note, note_working_memory
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.promote_lessons import promote_lessons
from hedgerow.usecases.recall_memories import recall_memories
from memory_world import AT, DAY, HOUR, World, ids, lesson
from postgres_fixtures import on_every_postgres

LATER = AT + DAY
CANARY = "canary-7c1"

pytestmark = on_every_postgres


@pytest.fixture
def world(database: AsyncEngine) -> World:
    return World(database)


async def live_through(world: World, users: list[UUID], trades: int) -> None:
    """Each user in turn ends a trade that won, and keeps a private lesson of it."""
    for number in range(trades):
        user = users[number % len(users)]
        trade = await world.trade(user)
        await world.add(
            lesson(
                user,
                trade,
                Stance.SUPPORTS,
                content=f"{CANARY} lesson {number}",
                session_id=CANARY,
                tags=(CANARY,),
            )
        )


async def collective_rows(world: World) -> list[str]:
    async with world.engine.connect() as connection:
        await act_as(connection, SYSTEM)
        found = await connection.execute(
            text("SELECT to_jsonb(m) - 'embedding' FROM memories m WHERE scope = 'collective'")
        )
        return [str(row) for row in found.scalars()]


async def test_becomes_one_memory_that_all_recall(world: World) -> None:
    users = [await world.user(RiskTolerance.AGGRESSIVE) for _ in range(3)]
    stranger = await world.user()
    await live_through(world, users, 5)
    (shared,) = await promote_lessons(world.desk, LATER)
    assert shared.personality == "aggressive"
    assert shared.source_user_id == users[0]
    assert await world.get(shared.id) == [shared]
    assert ids(await world.recall(stranger, "long breakout setup")) == [shared.id]
    (row,) = await collective_rows(world)
    assert CANARY not in row


async def test_too_few_users_share_nothing(world: World) -> None:
    users = [await world.user() for _ in range(2)]
    await live_through(world, users, 8)
    assert await promote_lessons(world.desk, LATER) == []


async def test_lessons_of_the_future_count_for_nothing(world: World) -> None:
    await live_through(world, [await world.user() for _ in range(3)], 6)
    assert await promote_lessons(world.desk, AT - HOUR) == []


async def test_again_or_twice_at_once_promotes_once(world: World) -> None:
    await live_through(world, [await world.user() for _ in range(3)], 6)
    made = await asyncio.gather(*(promote_lessons(world.desk, LATER) for _ in range(3)))
    assert sum(map(len, made)) == 1
    assert await promote_lessons(world.desk, LATER + DAY) == []
    assert len(await collective_rows(world)) == 1


async def test_the_contrary_replaces_it_from_then_on(world: World) -> None:
    users = [await world.user() for _ in range(3)]
    await live_through(world, users, 5)
    (first,) = await promote_lessons(world.desk, LATER)
    for number in range(6):
        trade = await world.trade(users[number % 3])
        await world.add(lesson(users[number % 3], trade, Stance.CAUTIONS, created_at=LATER + HOUR))
    (second,) = await promote_lessons(world.desk, LATER + DAY)
    only_shared = {"scopes": (MemoryScope.COLLECTIVE,)}
    for as_of, expected in ((LATER + HOUR, first), (LATER + DAY, second)):
        found = await world.recall(users[0], "long breakout", as_of=as_of, **only_shared)
        assert ids(found) == [expected.id]


async def test_a_note_lasts_its_time_and_is_its_users_alone(world: World) -> None:
    user, other = await world.user(), await world.user()
    noted = await note_working_memory(
        world.desk, Note(user, "analyst", "session 1", "funding looks stretched"), AT
    )
    assert noted.expires_at == AT + WORKING_LIFE
    for who, as_of, found in (
        (user, AT, [noted.id]),
        (user, AT + WORKING_LIFE, []),
        (other, AT, []),
    ):
        query = RecallQuery(as_of, text="funding", scopes=(MemoryScope.WORKING,))
        assert ids(await recall_memories(world.desk, who, query)) == found
