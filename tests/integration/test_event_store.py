"""The event log in PostgreSQL: what waits for a target, who may relay, what was taken in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

import hedgerow.infrastructure.postgres as postgres_package
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
    opener,
    user_id,
)
from hedgerow.domain.errors import StoreUnavailable
from hedgerow.domain.events import Event, EventHead
from hedgerow.domain.fund import Fund
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.relay import PostgresRelayElection
from hedgerow.usecases.consume_events import consume_once
from hedgerow.usecases.event_ports import Outbox
from hedgerow.usecases.ports import SYSTEM, TimedStep, UnitOfWork
from hedgerow.usecases.tail_events import EventFilter, follow_events, last_events
from hedgerow.usecases.verify_books import verify_all


@pytest.fixture
async def outbox(event_store: AsyncEngine) -> AsyncIterator[Outbox]:
    async with PostgresRelayElection(event_store).stand("test") as outbox:
        assert outbox is not None
        yield outbox


# --- the log ---------------------------------------------------------------------------------


async def test_a_fund_comes_back_as_it_was_saved(event_store: AsyncEngine) -> None:
    fund = await add_fund(opener(event_store), 1)
    await append(opener(event_store), fund, 7)
    async with opener(event_store)(SYSTEM) as unit:
        loaded = await unit.funds.load(user_id(1))
        report = await verify_all(unit)
    assert loaded.strategies == fund.strategies
    assert loaded.breaker == fund.breaker
    assert loaded.pairs == fund.pairs
    assert (loaded.event_head, loaded.version) == (fund.event_head, 2)
    assert report.is_clean
    assert report.verified["events"] == 9


async def test_events_from_before_there_were_versions_still_verify(event_server: str) -> None:
    async with open_engine(event_server) as engine:
        async with engine.begin() as connection:
            await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            await connection.exec_driver_sql("CREATE SCHEMA public")
            await connection.run_sync(_migrate_to, "0002_who_may_do_what")
            await connection.exec_driver_sql("ALTER TABLE instruments ADD COLUMN user_id uuid")
            await connection.exec_driver_sql(
                "ALTER TABLE events ADD COLUMN schema_version smallint NOT NULL DEFAULT 1"
            )
        fund = await add_fund(opener(engine), 1)
        await append(opener(engine), fund, 3)
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE events DROP COLUMN schema_version")
            await connection.exec_driver_sql("ALTER TABLE instruments DROP COLUMN user_id")
        await migrate(engine)
        async with opener(engine)(SYSTEM) as unit:
            report = await verify_all(unit)
        assert report.is_clean
        assert report.verified["events"] == 5
        await append(opener(engine), fund, 1)


def _migrate_to(connection: Connection, revision: str) -> None:
    config = Config()
    migrations = Path(postgres_package.__file__).parent / "migrations"
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def test_an_altered_event_is_named_by_the_audit(event_store: AsyncEngine) -> None:
    fund = await add_fund(opener(event_store), 1)
    await append(opener(event_store), fund, 3)
    async with event_store.begin() as connection:
        # past the trigger that refuses it
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("UPDATE events SET schema_version = 2 WHERE sequence = 3"))
    async with opener(event_store)(SYSTEM) as unit:
        report = await verify_all(unit)
    assert [difference.subject for difference in report.differences] == [f"event 3 of {user_id(1)}"]


async def test_the_tail_shows_the_latest_and_follows(event_store: AsyncEngine) -> None:
    first = await add_fund(opener(event_store), 1)
    second = await add_fund(opener(event_store), 2)
    await append(opener(event_store), first, 3)
    events, seen = await last_events(opener(event_store), EventFilter(), 2)
    assert keys(events) == [(user_id(1), 4), (user_id(1), 5)]
    assert seen == {user_id(1): 5, user_id(2): 2}

    of_second = EventFilter(user_id(2), ("EquityMarked",))
    assert await last_events(opener(event_store), of_second, 2) == ([], {user_id(2): 2})
    await append(opener(event_store), first, 2)
    await append(opener(event_store), second, 4)
    stop, found = asyncio.Event(), list[Event]()
    async with asyncio.timeout(10):
        async for event in follow_events(opener(event_store), of_second, seen, stop):
            found.append(event)
            stop.set()
    assert keys(found) == [(user_id(2), 4)]
    assert seen == {user_id(1): 5, user_id(2): 6}, "another's log is not looked at"


# --- what waits ------------------------------------------------------------------------------


async def test_what_waits_comes_in_order_until_it_is_delivered(
    event_store: AsyncEngine, outbox: Outbox
) -> None:
    for number in (1, 2, 3):
        fund = await add_fund(opener(event_store), number)
        await append(opener(event_store), fund, 8)
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


async def test_a_busy_user_does_not_keep_others_waiting(
    event_store: AsyncEngine, outbox: Outbox
) -> None:
    busy = await add_fund(opener(event_store), 1)
    await append(opener(event_store), busy, 1_500)
    await add_fund(opener(event_store), 2)
    batch = await outbox.pending(limit=1_000)
    assert by_user(keys(batch))[user_id(2)] == [1, 2]
    await outbox.delivered({event.user_id: event.sequence for event in batch})
    await append(opener(event_store), await _load(event_store, 2), 1)
    assert {event.user_id for event in await outbox.pending(limit=1_000)} == {
        user_id(1),
        user_id(2),
    }


async def _load(engine: AsyncEngine, number: int) -> Fund:
    async with opener(engine)(SYSTEM) as unit:
        return await unit.funds.load(user_id(number))


async def test_a_transaction_that_commits_late_is_not_passed_by(
    event_store: AsyncEngine, outbox: Outbox
) -> None:
    late, early = await add_fund(opener(event_store), 1), await add_fund(opener(event_store), 2)
    async with opener(event_store)(SYSTEM) as slow:
        await slow.funds.save(late, more_steps(late, 3))
        await append(opener(event_store), early, 3)
        batch = await outbox.pending(limit=100)
        assert by_user(keys(batch)) == {user_id(1): [1, 2], user_id(2): [1, 2, 3, 4, 5]}
        await outbox.delivered({event.user_id: event.sequence for event in batch})
        await slow.commit()
    assert keys(await outbox.pending(limit=100)) == [(user_id(1), n) for n in (3, 4, 5)]


async def test_what_is_undone_was_never_there(event_store: AsyncEngine, outbox: Outbox) -> None:
    fund, step = new_fund(1)
    async with opener(event_store)(SYSTEM) as unit:
        await unit.funds.add(fund)
        await unit.funds.save(fund, [TimedStep(NOON, step)])
    assert await outbox.pending(limit=10) == []


async def test_rewound_everything_waits_again(event_store: AsyncEngine, outbox: Outbox) -> None:
    await add_fund(opener(event_store), 1)
    await outbox.delivered({user_id(1): 2})
    assert await outbox.pending(limit=10) == []
    await outbox.rewind()
    assert len(await outbox.pending(limit=10)) == 2


# --- who relays ------------------------------------------------------------------------------


async def test_one_relay_is_elected_for_each_target(event_store: AsyncEngine) -> None:
    election = PostgresRelayElection(event_store)
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


async def test_a_relay_that_is_cut_off_is_out_of_office_and_notes_nothing(
    event_store: AsyncEngine,
) -> None:
    await add_fund(opener(event_store), 1)
    election = PostgresRelayElection(event_store)
    async with election.stand("kafka") as cut_off:
        assert cut_off is not None
        async with event_store.begin() as connection:
            await connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
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
        await append(opener(engine), await add_fund(opener(engine), number), 3)
    events, _ = await last_events(opener(engine), EventFilter(), 100)
    return events


async def test_an_event_has_its_effect_once_for_each_consumer(event_store: AsyncEngine) -> None:
    await make_effects(event_store)
    events = await _some_events(event_store)
    open_unit = opener(event_store)
    assert await consume_once(open_unit, "a", events[:4], leave_effect) == 4
    assert await consume_once(open_unit, "a", events + events, leave_effect) == 6
    assert await consume_once(open_unit, "a", events, leave_effect) == 0
    assert sorted(await effects(event_store)) == sorted(first_keys(2, 5))
    assert await consume_once(open_unit, "b", events, leave_effect) == 10


async def test_an_effect_that_fails_leaves_nothing_and_may_be_tried_again(
    event_store: AsyncEngine,
) -> None:
    await make_effects(event_store)
    events = await _some_events(event_store)

    async def fail_at_the_third(unit: UnitOfWork, event: Event) -> None:
        await leave_effect(unit, event)
        if event is events[2]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await consume_once(opener(event_store), "a", events, fail_at_the_third)
    assert await effects(event_store) == []
    assert await consume_once(opener(event_store), "a", events, leave_effect) == 10


async def test_two_of_one_consumer_at_once_share_the_work(event_store: AsyncEngine) -> None:
    await make_effects(event_store)
    events = await _some_events(event_store)
    done = await asyncio.gather(
        *(consume_once(opener(event_store), "a", part, leave_effect) for part in [events] * 4)
    )
    assert sum(done) == 10
    assert sorted(await effects(event_store)) == sorted(first_keys(2, 5))


async def test_a_database_that_goes_away_is_told_apart_from_a_bug(
    event_store: AsyncEngine,
) -> None:
    async with event_store.connect() as other:

        async def cut_off(unit: UnitOfWork, event: Event) -> None:
            await other.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND state LIKE 'idle in%'"
                )
            )
            await unit.events.heads()

        events = await _some_events(event_store)
        with pytest.raises(StoreUnavailable):
            await consume_once(opener(event_store), "a", events, cut_off)


async def test_nobody_there_is_told(service_folder: Path) -> None:
    nowhere = f"postgresql+asyncpg://postgres@/hedgerow?host={service_folder}&port=5432"
    async with open_engine(nowhere) as engine:
        with pytest.raises(StoreUnavailable):
            async with opener(engine)(SYSTEM):
                pass
        with pytest.raises(StoreUnavailable):
            async with PostgresRelayElection(engine).stand("kafka"):
                pass
