"""The event log in PostgreSQL: what waits for a target, who may relay, what was taken in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON
from event_builders import (
    add_fund,
    append,
    by_user,
    effects,
    first_keys,
    keys,
    leave_effect,
    make_effects,
    more_steps,
    new_fund,
    user_id,
)
from hedgerow.domain.errors import StoreUnavailable
from hedgerow.domain.events import Event, EventHead
from hedgerow.domain.fund import Fund
from hedgerow.infrastructure.postgres.engine import migrate, open_engine, upgrade
from hedgerow.infrastructure.postgres.keeper import PostgresKeeper
from hedgerow.infrastructure.postgres.relay import PostgresRelayElection
from hedgerow.usecases.consume_events import consume_once
from hedgerow.usecases.event_schemas import SCHEMAS
from hedgerow.usecases.ports.events import Outbox
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM, UnitOfWork
from hedgerow.usecases.tail_events import EventFilter, follow_events, last_events
from hedgerow.usecases.verify_books import verify_all
from postgres_fixtures import on_every_postgres, tampering_with, units_on


@pytest.fixture
async def outbox(database: AsyncEngine) -> AsyncIterator[Outbox]:
    async with PostgresRelayElection(database).stand("test") as outbox:
        assert outbox is not None
        yield outbox


# --- the log ---------------------------------------------------------------------------------


@on_every_postgres
async def test_a_fund_comes_back_as_it_was_saved(database: AsyncEngine) -> None:
    fund = await add_fund(units_on(database), 1)
    await append(units_on(database), fund, 7)
    async with units_on(database)(SYSTEM) as unit:
        loaded = await unit.funds.load(user_id(1))
        report = await verify_all(unit)
    assert loaded.strategies == fund.strategies
    assert loaded.breaker == fund.breaker
    assert loaded.pairs == fund.pairs
    assert (loaded.event_head, loaded.version) == (fund.event_head, 2)
    assert report.is_clean
    assert report.verified["events"] == 9


@on_every_postgres
async def test_events_from_before_there_were_versions_still_verify(empty_url: str) -> None:
    async with open_engine(empty_url) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade, "0002_who_may_do_what")
            await connection.exec_driver_sql("ALTER TABLE instruments ADD COLUMN user_id uuid")
            await connection.exec_driver_sql(
                "ALTER TABLE events ADD COLUMN schema_version smallint NOT NULL DEFAULT 1"
            )
        fund = await add_fund(units_on(engine), 1)
        async with units_on(engine)(fund.user.id) as unit:
            await unit.funds.save(fund, [s for s in more_steps(fund, 5) if _is_unchanged(s)])
            await unit.commit()
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE events DROP COLUMN schema_version")
            await connection.exec_driver_sql("ALTER TABLE instruments DROP COLUMN user_id")
        await migrate(engine)
        assert await PostgresKeeper(engine).check() == []
        async with units_on(engine)(SYSTEM) as unit:
            report = await verify_all(unit)
        assert report.is_clean
        assert report.verified["events"] == 5
        await append(units_on(engine), fund, 1)


def _is_unchanged(step: TimedStep) -> bool:
    """Whether a fact is still written as it was before there were versions."""
    (fact,) = step.step.facts
    return SCHEMAS.of(type(fact).__name__).version == 1


@on_every_postgres
async def test_an_altered_event_is_named_by_the_audit(
    database: AsyncEngine, admin_database: AsyncEngine
) -> None:
    fund = await add_fund(units_on(database), 1)
    await append(units_on(database), fund, 3)
    async with tampering_with(admin_database) as connection:
        await connection.execute(text("UPDATE events SET schema_version = 1 WHERE sequence = 3"))
    async with units_on(database)(SYSTEM) as unit:
        report = await verify_all(unit)
    assert [difference.subject for difference in report.differences] == [f"event 3 of {user_id(1)}"]


@on_every_postgres
async def test_the_tail_shows_the_latest_and_follows(database: AsyncEngine) -> None:
    first = await add_fund(units_on(database), 1)
    second = await add_fund(units_on(database), 2)
    await append(units_on(database), first, 3)
    events, seen = await last_events(units_on(database), EventFilter(), 2)
    assert keys(events) == [(user_id(1), 4), (user_id(1), 5)]
    assert seen == {user_id(1): 5, user_id(2): 2}

    of_second = EventFilter(user_id(2), ("EquityMarked",))
    assert await last_events(units_on(database), of_second, 2) == ([], {user_id(2): 2})
    await append(units_on(database), first, 2)
    await append(units_on(database), second, 4)
    stop, found = asyncio.Event(), list[Event]()
    async with asyncio.timeout(10):
        async for event in follow_events(units_on(database), of_second, seen, stop):
            found.append(event)
            stop.set()
    assert keys(found) == [(user_id(2), 4)]
    assert seen == {user_id(1): 5, user_id(2): 6}, "another's log is not looked at"


# --- what waits ------------------------------------------------------------------------------


@on_every_postgres
async def test_what_waits_comes_in_order_until_it_is_delivered(
    database: AsyncEngine, outbox: Outbox
) -> None:
    for number in (1, 2, 3):
        fund = await add_fund(units_on(database), number)
        await append(units_on(database), fund, 8)
    found: list[Event] = []
    while batch := await outbox.pending(limit=7):
        assert len(batch) <= 7
        assert keys(batch) == keys(await outbox.pending(limit=7)), "until told, it waits"
        await outbox.delivered({event.user_id: event.sequence for event in batch})
        found += batch
    assert by_user(keys(found)) == {user_id(n): list(range(1, 11)) for n in (1, 2, 3)}
    for number in (1, 2, 3):
        head = EventHead()
        for event in (e for e in found if e.user_id == user_id(number)):
            assert event.is_intact
            assert event.previous_hash == head.hash
            head = EventHead(event.sequence, event.hash)


@on_every_postgres
async def test_a_busy_user_does_not_keep_others_waiting(
    database: AsyncEngine, outbox: Outbox
) -> None:
    busy = await add_fund(units_on(database), 1)
    await append(units_on(database), busy, 1_500)
    await add_fund(units_on(database), 2)
    batch = await outbox.pending(limit=1_000)
    assert by_user(keys(batch))[user_id(2)] == [1, 2]
    await outbox.delivered({event.user_id: event.sequence for event in batch})
    await append(units_on(database), await _load(database, 2), 1)
    assert {event.user_id for event in await outbox.pending(limit=1_000)} == {
        user_id(1),
        user_id(2),
    }


async def _load(engine: AsyncEngine, number: int) -> Fund:
    async with units_on(engine)(SYSTEM) as unit:
        return await unit.funds.load(user_id(number))


@on_every_postgres
async def test_a_transaction_that_commits_late_is_not_passed_by(
    database: AsyncEngine, outbox: Outbox
) -> None:
    late, early = await add_fund(units_on(database), 1), await add_fund(units_on(database), 2)
    async with units_on(database)(SYSTEM) as slow:
        await slow.funds.save(late, more_steps(late, 3))
        await append(units_on(database), early, 3)
        batch = await outbox.pending(limit=100)
        assert by_user(keys(batch)) == {user_id(1): [1, 2], user_id(2): [1, 2, 3, 4, 5]}
        await outbox.delivered({event.user_id: event.sequence for event in batch})
        await slow.commit()
    assert keys(await outbox.pending(limit=100)) == [(user_id(1), n) for n in (3, 4, 5)]


@on_every_postgres
async def test_what_is_undone_was_never_there(database: AsyncEngine, outbox: Outbox) -> None:
    fund, step = new_fund(1)
    async with units_on(database)(SYSTEM) as unit:
        await unit.funds.add(fund)
        await unit.funds.save(fund, [TimedStep(NOON, step)])
    assert await outbox.pending(limit=10) == []


@on_every_postgres
async def test_rewound_everything_waits_again(database: AsyncEngine, outbox: Outbox) -> None:
    await add_fund(units_on(database), 1)
    await outbox.delivered({user_id(1): 2})
    assert await outbox.pending(limit=10) == []
    await outbox.rewind()
    assert len(await outbox.pending(limit=10)) == 2


# --- who relays ------------------------------------------------------------------------------


@on_every_postgres
async def test_one_relay_is_elected_for_each_target(database: AsyncEngine) -> None:
    election = PostgresRelayElection(database)
    async with (
        election.stand("kafka") as first,
        election.stand("kafka") as second,
        election.stand("other") as other,
    ):
        assert first is not None
        assert second is None
        assert other is not None
    async with election.stand("kafka") as again:
        assert again is not None


@on_every_postgres
async def test_a_relay_that_is_cut_off_is_out_of_office_and_notes_nothing(
    database: AsyncEngine,
) -> None:
    await add_fund(units_on(database), 1)
    election = PostgresRelayElection(database)
    async with election.stand("kafka") as cut_off:
        assert cut_off is not None
        async with database.begin() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) "
                    "FROM pg_locks WHERE locktype = 'advisory'"
                )
            )
        async with election.stand("kafka") as successor:
            assert successor is not None
            assert len(await successor.pending(limit=10)) == 2
        with pytest.raises(StoreUnavailable):
            await cut_off.delivered({user_id(1): 2})
    async with election.stand("kafka") as last:
        assert last is not None
        assert len(await last.pending(limit=10)) == 2


# --- what was taken in -----------------------------------------------------------------------


async def _some_events(engine: AsyncEngine) -> list[Event]:
    for number in (1, 2):
        await append(units_on(engine), await add_fund(units_on(engine), number), 3)
    events, _ = await last_events(units_on(engine), EventFilter(), 100)
    return events


@on_every_postgres
async def test_an_event_has_its_effect_once_for_each_consumer(database: AsyncEngine) -> None:
    await make_effects(database)
    events = await _some_events(database)
    open_unit = units_on(database)
    assert await consume_once(open_unit, "a", events[:4], leave_effect) == 4
    assert await consume_once(open_unit, "a", events + events, leave_effect) == 6
    assert await consume_once(open_unit, "a", events, leave_effect) == 0
    assert sorted(await effects(database)) == sorted(first_keys(2, 5))
    assert await consume_once(open_unit, "b", events, leave_effect) == 10


@on_every_postgres
async def test_an_effect_that_fails_leaves_nothing_and_may_be_tried_again(
    database: AsyncEngine,
) -> None:
    await make_effects(database)
    events = await _some_events(database)

    async def fail_at_the_third(unit: UnitOfWork, event: Event) -> None:
        await leave_effect(unit, event)
        if event is events[2]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await consume_once(units_on(database), "a", events, fail_at_the_third)
    assert await effects(database) == []
    assert await consume_once(units_on(database), "a", events, leave_effect) == 10


@on_every_postgres
async def test_two_of_one_consumer_at_once_share_the_work(database: AsyncEngine) -> None:
    await make_effects(database)
    events = await _some_events(database)
    done = await asyncio.gather(
        *(consume_once(units_on(database), "a", part, leave_effect) for part in [events] * 4)
    )
    assert sum(done) == 10
    assert sorted(await effects(database)) == sorted(first_keys(2, 5))


@on_every_postgres
async def test_a_database_that_goes_away_is_told_apart_from_a_bug(
    database: AsyncEngine,
) -> None:
    async with database.connect() as other:

        async def cut_off(unit: UnitOfWork, event: Event) -> None:
            await other.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND state LIKE 'idle in%'"
                )
            )
            await unit.events.heads()

        events = await _some_events(database)
        with pytest.raises(StoreUnavailable):
            await consume_once(units_on(database), "a", events, cut_off)


async def test_nobody_there_is_told(service_folder: Path) -> None:
    nowhere = f"postgresql+asyncpg://postgres@/hedgerow?host={service_folder}&port=5432"
    async with open_engine(nowhere) as engine:
        with pytest.raises(StoreUnavailable):
            async with units_on(engine)(SYSTEM):
                pass
        with pytest.raises(StoreUnavailable):
            async with PostgresRelayElection(engine).stand("kafka"):
                pass
