"""What every store of model records and meetings must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, USER
from hedgerow.domain.ai_usage import HOUSE, AIProvider, ModelChoice
from hedgerow.domain.errors import StoreUnavailable
from hedgerow.domain.ids import derived_id
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork
from postgres_fixtures import on_every_postgres

BOB = UUID(int=0xB0B)
MINUTE = timedelta(minutes=1)
CLAUDE = ModelChoice(AIProvider.ANTHROPIC, "claude")


def key(number: int) -> str:
    return sha256(b"%d" % number).hexdigest()


def exchange(number: int, user_id: UUID = USER, **details: Any) -> ModelExchange:
    return replace(
        ModelExchange(
            call_id=UUID(int=number),
            user_id=user_id,
            session_id="desk",
            agent_name="analyst",
            step=number,
            asked=CLAUDE,
            answered_by=HOUSE,
            request_key=key(number),
            request=b'{"up":"?"}' * 1_000,
            response=b'{"down":%d}' % number,
            at=NOON,
        ),
        **details,
    )


def meeting(number: int, user_id: UUID = USER, **details: Any) -> Meeting:
    at = NOON + number * MINUTE
    return replace(
        Meeting(
            id=derived_id(at, user_id, str(number)),
            user_id=user_id,
            symbol="BTC/USDT",
            timeframe="1h",
            at=at,
            session_id=f"desk-{user_id}-{number}",
            research_session_id="research",
            reason="a candle closed",
            answers={"analyst": {"view": "bullish"}},
            abstained={"trader": "the month's budget is used up (usd)"},
            briefing={
                "fund": {},
                "price": "100.10",
                "news": ["dé"],
                "open": None,
                "count": 3,
                "calm": True,
            },
            decision={"kind": "Abstention"},
            decision_hash=key(number),
            acted=False,
        ),
        **details,
    )


async def record(
    open_unit: OpenUnitOfWork, *exchanges: ModelExchange, actor: Actor = SYSTEM
) -> None:
    async with open_unit(actor) as unit:
        await unit.model_records.add(exchanges)
        await unit.commit()


async def hold(open_unit: OpenUnitOfWork, *meetings: Meeting, actor: Actor = SYSTEM) -> None:
    async with open_unit(actor) as unit:
        for each in meetings:
            await unit.meetings.add(each)
        await unit.commit()


# --- model records ---------------------------------------------------------------------------


@on_every_postgres
async def test_an_exchange_comes_back_byte_by_byte(open_postgres: OpenUnitOfWork) -> None:
    stored = [exchange(2), exchange(1)]
    await record(open_postgres, *stored, actor=USER)
    await record(open_postgres, actor=USER)
    async with open_postgres(USER) as unit:
        assert await unit.model_records.of_session(USER, "desk") == stored[::-1]
        assert await unit.model_records.of_session(USER, "other") == []
        assert await unit.model_records.answer(USER, key(2)) == stored[0]
        assert await unit.model_records.answer(USER, key(3)) is None


async def test_the_latest_answer_to_a_request_counts(open_postgres: OpenUnitOfWork) -> None:
    first = exchange(1, request_key=key(0))
    second = exchange(2, request_key=key(0), at=NOON + MINUTE)
    await record(open_postgres, second, first)
    async with open_postgres(USER) as unit:
        assert await unit.model_records.answer(USER, key(0)) == second


@on_every_postgres
async def test_a_content_is_stored_once_for_each_user(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine
) -> None:
    await record(open_postgres, exchange(1), exchange(2))
    await record(open_postgres, exchange(3), exchange(3, response=b"another"))
    await record(open_postgres, exchange(1, BOB))
    async with admin_database.connect() as connection:
        count, size = (
            await connection.execute(
                text("SELECT count(*), max(octet_length(body)) FROM model_contents")
            )
        ).one()
    assert count == 1 + 3 + 1 + 2  # a request and its answers, one of no call, and Bob's
    assert size < 100
    async with open_postgres(USER) as unit:
        (*_, third) = await unit.model_records.of_session(USER, "desk")
    assert third == exchange(3), "a call stays as it was stored first"


async def test_shared_research_is_read_by_all(open_postgres: OpenUnitOfWork) -> None:
    shared = exchange(1, RESEARCH_USER_ID)
    await record(open_postgres, shared)
    async with open_postgres(BOB) as unit:
        assert await unit.model_records.answer(RESEARCH_USER_ID, key(1)) == shared
    for actor in (BOB, RESEARCH_USER_ID):
        with pytest.raises(StoreUnavailable, match="row-level security"):
            await record(open_postgres, exchange(2, RESEARCH_USER_ID), actor=actor)


@pytest.mark.parametrize("table", ["model_contents", "model_calls"])
async def test_what_was_said_stays(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine, table: str
) -> None:
    await record(open_postgres, exchange(1))
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET user_id = user_id"):
        async with admin_database.connect() as connection:
            with pytest.raises(DBAPIError, match="stays as it was written"):
                await connection.execute(text(statement))


# --- meetings --------------------------------------------------------------------------------


@on_every_postgres
async def test_a_meeting_comes_back_and_may_be_held_again(open_postgres: OpenUnitOfWork) -> None:
    held = meeting(1)
    await hold(open_postgres, held, meeting(2), actor=USER)
    again = replace(held, decision={"kind": "Proposal"}, acted=True)
    await hold(open_postgres, again, actor=USER)
    async with open_postgres(USER) as unit:
        assert await unit.meetings.of_session(held.session_id) == again
        assert await unit.meetings.of_session("nowhere") is None
        assert await unit.meetings.by_part(str(held.id)[-12:]) == [again]
        assert len(await unit.meetings.by_part(str(held.id)[:6])) == 2
        assert await unit.meetings.by_part("%") == []


async def test_a_users_meetings_by_time_and_symbol(open_postgres: OpenUnitOfWork) -> None:
    eth = replace(meeting(2), id=UUID(int=5), symbol="ETH/USDT", session_id="eth")
    await hold(open_postgres, eth, meeting(3), meeting(2), meeting(1), meeting(2, BOB))
    async with open_postgres(SYSTEM) as unit:
        found = await unit.meetings.between(USER, NOON + MINUTE, NOON + 3 * MINUTE)
    assert found == [meeting(1), meeting(2), eth]


async def test_the_latest_meeting_that_decided_for_a_user(open_postgres: OpenUnitOfWork) -> None:
    """What is learned from a trade is a meeting too, and decides nothing for the fund."""
    learned = meeting(4, decision={"lessons": "none"})
    await hold(open_postgres, meeting(1), meeting(2), meeting(3, BOB), learned, meeting(5))
    async with open_postgres(USER) as unit:

        async def latest(minutes: int, symbol: str = "BTC/USDT") -> datetime | None:
            return await unit.meetings.latest_at(USER, symbol, NOON + minutes * MINUTE)

        assert [await latest(minutes) for minutes in (1, 2, 5, 6)] == [
            None,
            *(NOON + minutes * MINUTE for minutes in (1, 2, 5)),
        ]
        assert await latest(9, "ETH/USDT") is None


async def test_the_last_meeting_that_acted_is_preferred(open_postgres: OpenUnitOfWork) -> None:
    async with open_postgres(USER) as unit:
        assert await unit.meetings.last() is None
    reviewed = meeting(5, briefing={"trade_id": "1"})
    others = meeting(9, BOB, acted=True)
    await hold(open_postgres, meeting(1), meeting(3), reviewed, others)
    async with open_postgres(USER) as unit:
        assert await unit.meetings.last() == meeting(3)
    acted = meeting(2, acted=True)
    await hold(open_postgres, acted, meeting(1, acted=True))
    async with open_postgres(USER) as unit:
        assert await unit.meetings.last() == acted


async def test_meetings_of_shared_research_are_read_by_all(open_postgres: OpenUnitOfWork) -> None:
    shared = meeting(1, RESEARCH_USER_ID)
    await hold(open_postgres, shared)
    async with open_postgres(BOB) as unit:
        assert await unit.meetings.of_session(shared.session_id) == shared
    with pytest.raises(StoreUnavailable, match="row-level security"):
        await hold(open_postgres, replace(shared, reason="bob"), actor=BOB)
