"""What every Sessions store must do: keep long conversations whole, and writers apart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, USER
from hedgerow.domain.errors import InvalidValue, SessionConflict
from hedgerow.domain.ids import derived_id
from hedgerow.domain.sessions import (
    AGENTS_APP,
    RESEARCH_USER_ID,
    ContentType,
    EventActions,
    EventContent,
    Session,
    SessionEvent,
    UsageMetadata,
)
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork
from postgres_fixtures import on_every_postgres

BOB = UUID(int=0xB0B)
SECOND = timedelta(seconds=1)


def talk(user_id: UUID = USER, name: str = "desk", **state: Any) -> Session:
    row_id = derived_id(NOON, user_id, name)
    return Session(row_id, AGENTS_APP, str(user_id), name, NOON, NOON, state)


def said(number: int, **state: Any) -> SessionEvent:
    return SessionEvent(
        f"evt_{number}",
        "analyst",
        EventContent(ContentType.TEXT, text=f"number {number}"),
        NOON + number * SECOND,
        EventActions(state_delta=state),
    )


def many(start: int, end: int) -> list[SessionEvent]:
    return [said(number) for number in range(start, end)]


async def start(open_unit: OpenUnitOfWork, session: Session, actor: Actor = SYSTEM) -> Session:
    async with open_unit(actor) as unit:
        await unit.sessions.add(session)
        await unit.commit()
    return session


async def append(
    open_unit: OpenUnitOfWork,
    session: Session,
    *events: SessionEvent,
    actor: Actor = SYSTEM,
) -> None:
    async with open_unit(actor) as unit:
        await unit.sessions.append(session, events)
        await unit.commit()


async def read(
    open_unit: OpenUnitOfWork,
    session: Session,
    last: int | None = None,
    actor: Actor = SYSTEM,
) -> Session:
    async with open_unit(actor) as unit:
        found = await unit.sessions.find(
            session.app_name, UUID(session.user_id), session.session_id, last
        )
    assert found is not None
    return found


def numbers(events: Sequence[SessionEvent]) -> list[str]:
    return [event.event_id for event in events]


# --- pages -----------------------------------------------------------------------------------


@on_every_postgres
@pytest.mark.parametrize("begun", [0, 1, 63, 64, 65, 200])
async def test_a_conversation_comes_back_whole(open_postgres: OpenUnitOfWork, begun: int) -> None:
    session = talk(mood="calm")
    session.append(*many(0, begun))
    await start(open_postgres, session)
    assert await read(open_postgres, session) == session
    await append(open_postgres, session, *many(begun, begun + 2))
    assert await read(open_postgres, session) == session
    assert session.version == begun + 2


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(st.integers(0, 150), max_size=6),
    last=st.one_of(st.none(), st.integers(0, 400)),
    dice=st.randoms(use_true_random=False),
)
async def test_whatever_the_batches_nothing_is_lost_or_reordered(
    open_postgres: OpenUnitOfWork, batches: list[int], last: int | None, dice: Any
) -> None:
    name = str(uuid4())  # the database is the same for all examples
    session = await start(open_postgres, talk(name=name))
    at = 0
    for size in batches:
        # back-dated ones keep their place
        times = [dice.randrange(1_000) for _ in range(size)]
        events = [
            SessionEvent(f"evt_{at + place}", "a", said(0).content, NOON + when * SECOND)
            for place, when in enumerate(times)
        ]
        await append(open_postgres, session, *events)
        at += size
    found = await read(open_postgres, session, last)
    wanted = session.events if last is None else session.events[max(at - last, 0) :]
    assert found.events == wanted
    assert (found.version, found.updated_at) == (at, session.updated_at)


async def test_every_part_of_an_event_comes_back(open_postgres: OpenUnitOfWork) -> None:
    event = SessionEvent(
        "evt_1",
        "market_analyst",
        EventContent(ContentType.TOOL_CALL, tool="indicators", data={"symbol": "BTC/USDT"}),
        NOON,
        EventActions("risk_manager", {"analysis_complete": True, "_user_language": "en"}),
        UsageMetadata(1500, 300, 1800),
        {"branch": "a.b", "nothing": None},
    )
    session = await start(open_postgres, talk())
    await append(open_postgres, session, event)
    assert (await read(open_postgres, session)).events == (event,)


async def test_what_json_cannot_hold_costs_no_conversation(open_postgres: OpenUnitOfWork) -> None:
    event = SessionEvent(
        "evt_1",
        "analyst",
        EventContent(ContentType.TEXT, text="nul \0, half \ud83d, whole \U0001f4c8, dé"),
        NOON,
        EventActions(state_delta={"rsi": float("nan"), "fair": 0.5}),
    )
    session = await start(open_postgres, talk())
    await append(open_postgres, session, event)
    found = await read(open_postgres, session)
    assert found.events[0].content.text == "nul \ufffd, half \ufffd, whole \U0001f4c8, dé"
    assert found.state == {"rsi": None, "fair": 0.5}


# --- two writers -----------------------------------------------------------------------------


@on_every_postgres
async def test_of_two_writers_one_loses_and_is_as_before(open_postgres: OpenUnitOfWork) -> None:
    session = await start(open_postgres, talk())
    stale = await read(open_postgres, session)
    before = deepcopy(stale)
    await append(open_postgres, session, said(1))
    with pytest.raises(SessionConflict):
        await append(open_postgres, stale, said(2))
    assert stale == before
    assert numbers((await read(open_postgres, session)).events) == ["evt_1"]


@pytest.mark.parametrize("begun", [10, 60])
@on_every_postgres
async def test_racing_writers_lose_nothing(open_postgres: OpenUnitOfWork, begun: int) -> None:
    session = talk()
    session.append(*many(0, begun))
    await start(open_postgres, session)

    async def write(number: int) -> bool:
        mine = await read(open_postgres, session, last=0)
        try:
            await append(open_postgres, mine, *many(1000 * number, 1000 * number + 5))
        except SessionConflict:
            return False
        return True

    won = [number for number, did in enumerate(await asyncio.gather(*map(write, range(8)))) if did]
    found = await read(open_postgres, session)
    assert won
    assert found.version == begun + 5 * len(won)
    tails = [numbers(found.events[at : at + 5]) for at in range(begun, found.version, 5)]
    assert sorted(tails) == sorted(numbers(many(1000 * n, 1000 * n + 5)) for n in won)


async def test_a_loser_who_commits_all_the_same_leaves_no_page(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine
) -> None:
    session = await start(open_postgres, talk())
    stale = await read(open_postgres, session)
    await append(open_postgres, session, said(1))
    async with open_postgres(SYSTEM) as unit:
        with pytest.raises(SessionConflict):
            await unit.sessions.append(stale, many(100, 200))
        await unit.commit()
    async with admin_database.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM session_pages")) == 0


async def test_a_session_begins_once(open_postgres: OpenUnitOfWork) -> None:
    await start(open_postgres, talk())
    with pytest.raises(SessionConflict):
        await start(open_postgres, talk())


# --- variables -------------------------------------------------------------------------------


@on_every_postgres
async def test_variables_reach_as_far_as_they_should(open_postgres: OpenUnitOfWork) -> None:
    one = await start(open_postgres, talk(_user_language="en", mood="calm"), USER)
    two = await start(open_postgres, talk(name="other", _temp_draft=1), USER)
    bobs = await start(open_postgres, talk(BOB), BOB)
    research = await start(open_postgres, talk(RESEARCH_USER_ID, _app_regime="range"))
    await append(open_postgres, one, said(1, _user_risk=2, _temp_x=3, mood="wary"), actor=USER)
    await append(open_postgres, research, said(1, _app_regime="trend_up", note=1))
    shared = {"_app_regime": "trend_up"}
    users = {"_user_language": "en", "_user_risk": 2}
    found = await read(open_postgres, one, actor=USER)
    assert found.state == {"mood": "wary"} | users | shared
    assert "_temp_x" not in found.events[0].actions.state_delta
    assert (await read(open_postgres, two, actor=USER)).state == users | shared
    assert (await read(open_postgres, bobs, actor=BOB)).state == shared
    assert (await read(open_postgres, research, actor=BOB)).state == {"note": 1} | shared
    async with open_postgres(USER) as unit:
        assert await unit.sessions.user_state(AGENTS_APP, USER) == users
        assert await unit.sessions.user_state("other", USER) == {}


async def test_no_user_speaks_to_all_users(open_postgres: OpenUnitOfWork) -> None:
    with pytest.raises(InvalidValue, match="_app_mood"):
        await start(open_postgres, talk(_app_mood="greedy"))
    session = await start(open_postgres, talk())
    with pytest.raises(InvalidValue, match="_app_mood"):
        await append(open_postgres, session, said(1, _app_mood="greedy"))
    assert (await read(open_postgres, session)).state == {}


@pytest.mark.parametrize("actor", [USER, RESEARCH_USER_ID])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO session_states VALUES ('prometheus-agents', NULL, '{}')",
        "UPDATE session_states SET state = '{}'",
        "UPDATE sessions SET state = '{}'",
        "DELETE FROM sessions",
        f"UPDATE sessions SET user_id = '{USER}'",
        "INSERT INTO session_pages SELECT session_row_id, user_id, 65, events FROM session_pages",
        "DELETE FROM session_pages",
    ],
)
@on_every_postgres
async def test_only_the_system_writes_what_all_read(
    open_postgres: OpenUnitOfWork, database: AsyncEngine, actor: UUID, statement: str
) -> None:
    research = talk(RESEARCH_USER_ID, _app_regime="range")
    research.append(*many(0, 70))
    await start(open_postgres, research)
    assert await refused(database, actor, statement)
    assert await read(open_postgres, research, actor=BOB) == research


async def refused(database: AsyncEngine, actor: Actor, statement: str) -> bool:
    """Whether a statement is refused, or has nothing to act on."""
    async with database.connect() as connection:
        await act_as(connection, actor)
        try:
            return (await connection.execute(text(statement))).rowcount == 0
        except DBAPIError as error:
            return any(why in str(error) for why in ("row-level security", "permission denied"))


# --- lists and deletion ----------------------------------------------------------------------


@on_every_postgres
async def test_sessions_are_listed_without_their_events(open_postgres: OpenUnitOfWork) -> None:
    late = talk(name="late")
    late.append(said(9))
    early = talk(name="early", mood="calm")
    early.append(said(3))
    for session in (late, early, talk(BOB)):
        await start(open_postgres, session)
    async with open_postgres(USER) as unit:
        found = await unit.sessions.all(AGENTS_APP, USER)
    assert [(s.session_id, s.version, s.events) for s in found] == [
        ("early", 1, ()),
        ("late", 1, ()),
    ]
    assert found[0].state == {"mood": "calm"}
    async with open_postgres(SYSTEM) as unit:
        assert {s.user_id for s in await unit.sessions.all(AGENTS_APP)} == {str(USER), str(BOB)}
        assert await unit.sessions.all("another") == []


@on_every_postgres
async def test_a_deleted_session_is_gone_with_its_pages(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine
) -> None:
    session = talk(_user_language="en")
    session.append(*many(0, 130))
    await start(open_postgres, session)
    async with open_postgres(USER) as unit:
        await unit.sessions.delete(AGENTS_APP, USER, "desk")
        await unit.sessions.delete(AGENTS_APP, USER, "desk")
        assert await unit.sessions.find(AGENTS_APP, USER, "desk") is None
        assert await unit.sessions.user_state(AGENTS_APP, USER) == {"_user_language": "en"}
        await unit.commit()
    async with admin_database.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM session_pages")) == 0
    with pytest.raises(SessionConflict):
        await append(open_postgres, session, said(999))


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("UPDATE session_pages SET events = events", "stays as it was written"),
        ("TRUNCATE session_pages", "stays as it was written"),
        ("UPDATE sessions SET version = version + 1", "ck_sessions_version"),
        ("UPDATE sessions SET events = '[]'", "ck_sessions_version"),
    ],
)
async def test_pages_stay_as_they_were_written(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine, statement: str, refusal: str
) -> None:
    session = talk()
    session.append(*many(0, 70))
    await start(open_postgres, session)
    async with admin_database.connect() as connection:
        with pytest.raises(DBAPIError, match=refusal):
            await connection.execute(text(statement))
