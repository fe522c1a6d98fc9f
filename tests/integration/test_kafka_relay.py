"""From the log through real brokers to consumers: whatever dies, nothing is lost or repeated."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from sqlalchemy.ext.asyncio import AsyncEngine

from event_builders import (
    add_fund,
    append,
    by_user,
    effects,
    first_keys,
    in_order,
    leave_effect,
    make_effects,
    until,
    user_id,
)
from hedgerow.domain.errors import DeliveryFailed
from hedgerow.domain.events import Event
from hedgerow.infrastructure.kafka.records import TOPICS, event_of
from hedgerow.infrastructure.kafka.source import KafkaSource
from hedgerow.infrastructure.kafka.target import KafkaTarget
from hedgerow.infrastructure.postgres.relay import PostgresRelayElection
from hedgerow.usecases.consume_events import Effect, Subscriber, consume_from
from hedgerow.usecases.event_schemas import SCHEMAS
from hedgerow.usecases.ports.events import EventTarget
from hedgerow.usecases.ports.unit_of_work import SYSTEM, UnitOfWork
from hedgerow.usecases.relay_events import Elected, Interrupted, Relay, RelayNews, RelayPace
from kafka_brokers import Tansu, mock_cluster, tansu
from postgres_fixtures import units_on

PACE = RelayPace(batch_events=50, idle_s=0.02, standby_s=0.05, retry_first_s=0.05, retry_max_s=0.2)
RELAY = Path(__file__).parents[1] / "relay_process.py"
# aiokafka leaves a connection that could not be made, or broke, to the garbage collector
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unclosed AIOKafkaConnection:ResourceWarning"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <function AIOKafkaConnection"
        ":pytest.PytestUnraisableExceptionWarning"
    ),
]


@pytest.fixture
def broker() -> Iterator[Tansu]:
    with tansu() as running:
        yield running


@pytest.fixture(params=["tansu", "librdkafka"])
def bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both kinds of broker, one after the other."""
    with _running(request.param) as found:
        yield found


# tansu takes its time to let a group of consumers join
@pytest.fixture(params=[pytest.param("tansu", marks=pytest.mark.slow), "librdkafka"])
def group_bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both kinds of broker, for consumers in groups."""
    with _running(request.param) as found:
        yield found


@contextmanager
def _running(kind: str) -> Iterator[str]:
    if kind == "tansu":
        with tansu() as running:
            yield running.bootstrap
    else:
        with mock_cluster() as found:
            yield found


async def grow(engine: AsyncEngine, users: int, count: int) -> None:
    """Give each user a log of `count` events."""
    for number in range(1, users + 1):
        await append(units_on(engine), await add_fund(units_on(engine), number), count - 2)


@asynccontextmanager
async def relaying(
    engine: AsyncEngine, target: EventTarget, news: list[RelayNews] | None = None
) -> AsyncIterator[Relay]:
    """A relay at work inside the block, stopped cleanly at its end."""
    stop, told = asyncio.Event(), [] if news is None else news
    relay = Relay(target, PostgresRelayElection(engine), told.append, PACE)
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.run(stop))
        try:
            yield relay
        finally:
            stop.set()


@asynccontextmanager
async def consuming(
    engine: AsyncEngine, bootstrap: str, effect: Effect = leave_effect, consumer: str = "tester"
) -> AsyncIterator[None]:
    """A consumer at work inside the block, which is cut off without ceremony at its end."""

    async def work() -> None:
        async with KafkaSource.open(bootstrap, consumer) as source:
            await consume_from(source, units_on(engine), consumer, effect, lambda: False)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, DeliveryFailed):
            await task


async def read_topics(bootstrap: str, count: int) -> list[Any]:
    """The first `count` records of all topics, partition by partition in their order."""
    consumer = AIOKafkaConsumer(
        *TOPICS.values(), bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            return [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()


def has_effects(engine: AsyncEngine, count: int) -> Any:
    """Whether there are `count` effects by now."""

    async def check() -> bool:
        return len(await effects(engine)) >= count

    return check


# --- what arrives ----------------------------------------------------------------------------


async def test_records_carry_the_whole_event_in_order_by_user(
    database: AsyncEngine, bootstrap: str
) -> None:
    await grow(database, users=5, count=40)
    async with relaying(database, KafkaTarget(bootstrap)):
        records = await read_topics(bootstrap, 200)
    sequences: dict[tuple[str, bytes], list[int]] = {}
    partitions: dict[tuple[str, bytes], set[int]] = {}
    found = []
    for record in records:
        event = event_of(record)
        found.append((event.user_id, event.sequence))
        assert event.is_intact
        assert record.key == str(event.user_id).encode()
        assert dict(record.headers) == {
            "kind": event.kind.encode(),
            "sequence": str(event.sequence).encode(),
            "schema_version": str(SCHEMAS.of(event.kind).version).encode(),
            "hash": event.hash.hex().encode(),
        }
        sequences.setdefault((record.topic, record.key), []).append(event.sequence)
        partitions.setdefault((record.topic, record.key), set()).add(record.partition)
    assert sorted(found) == sorted(first_keys(5, 40))
    assert all(numbers == sorted(numbers) for numbers in sequences.values())
    assert all(len(places) == 1 for places in partitions.values())
    assert {topic for topic, _ in sequences} == {
        "hedgerow.funds",
        "hedgerow.ledger",
        "hedgerow.decisions",
        "hedgerow.orders",
    }


async def test_consumers_take_each_event_in_once(
    database: AsyncEngine, group_bootstrap: str
) -> None:
    await make_effects(database)
    await grow(database, users=4, count=30)
    async with (
        relaying(database, KafkaTarget(group_bootstrap)) as relay,
        consuming(database, group_bootstrap),
    ):
        await until(has_effects(database, 120))
        assert not await relay.rewind(), "a relay is at work"
    async with relaying(database, KafkaTarget(group_bootstrap)) as relay:
        pass
    assert await relay.rewind()
    async with (
        relaying(database, KafkaTarget(group_bootstrap)),
        consuming(database, group_bootstrap),
    ):
        await append(units_on(database), await _fund(database, 1), 1)
        await until(has_effects(database, 121))
    assert sorted(await effects(database)) == sorted({*first_keys(4, 30), (user_id(1), 31)})


async def _fund(engine: AsyncEngine, number: int) -> Any:
    async with units_on(engine)(SYSTEM) as unit:
        return await unit.funds.load(user_id(number))


# --- what dies -------------------------------------------------------------------------------


@contextmanager
def relay_process(engine: AsyncEngine, bootstrap: str) -> Iterator[subprocess.Popen[str]]:
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, str(RELAY), url, bootstrap]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def next_word(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.slow
async def test_when_the_relay_is_killed_another_takes_over(
    database: AsyncEngine, broker: Tansu
) -> None:
    await make_effects(database)
    await grow(database, users=5, count=100)
    with (
        relay_process(database, broker.bootstrap) as first,
        relay_process(database, broker.bootstrap) as second,
    ):
        words = {await asyncio.to_thread(next_word, each): each for each in (first, second)}
        assert words.keys() == {"Elected", "StandingBy"}
        for _ in range(3):
            assert await asyncio.to_thread(next_word, words["Elected"]) == "Relayed"
        words["Elected"].kill()
        assert await asyncio.to_thread(next_word, words["StandingBy"]) == "Elected"
        async with consuming(database, broker.bootstrap):
            await until(has_effects(database, 500))
    assert sorted(await effects(database)) == sorted(first_keys(5, 100))


@pytest.mark.slow
async def test_a_relay_killed_again_and_again_loses_and_repeats_nothing(
    database: AsyncEngine, broker: Tansu
) -> None:
    await make_effects(database)
    await grow(database, users=3, count=200)
    async with consuming(database, broker.bootstrap):
        for life in range(1, 5):
            with relay_process(database, broker.bootstrap) as process:
                for _ in range(1 + life):
                    await asyncio.to_thread(next_word, process)
        with relay_process(database, broker.bootstrap):
            await until(has_effects(database, 600))
    assert sorted(await effects(database)) == sorted(first_keys(3, 200))


async def test_a_consumer_that_dies_between_effect_and_commit_repeats_nothing(
    database: AsyncEngine, group_bootstrap: str
) -> None:
    await make_effects(database)
    await grow(database, users=3, count=30)
    taken = 0

    async def die_now_and_then(unit: UnitOfWork, event: Event) -> None:
        nonlocal taken
        await leave_effect(unit, event)
        taken += 1
        if taken % 25 == 0:
            raise asyncio.CancelledError  # as where the process is gone

    async with relaying(database, KafkaTarget(group_bootstrap)):
        for _ in range(2):
            async with consuming(database, group_bootstrap, die_now_and_then):
                await until(_is(lambda: taken % 25 == 0 and taken > 0))
        async with consuming(database, group_bootstrap):
            await until(has_effects(database, 90))
    assert sorted(await effects(database)) == sorted(first_keys(3, 30))


async def test_a_consumer_that_dies_between_commit_and_offset_repeats_nothing(
    database: AsyncEngine, group_bootstrap: str
) -> None:
    await make_effects(database)
    await grow(database, users=3, count=30)
    async with relaying(database, KafkaTarget(group_bootstrap)):
        # two groups of one consumer: the second is given everything that the first has taken in
        for group in ("before", "after"):
            async with KafkaSource.open(group_bootstrap, group) as source:
                received = 0
                async with asyncio.timeout(20):
                    while received < 90:
                        events = await source.receive()
                        received += len(events)
                        await Subscriber("tester", units_on(database), leave_effect).deliver(events)
    assert sorted(await effects(database)) == sorted(first_keys(3, 30))


@pytest.mark.slow
async def test_while_the_broker_is_away_everything_waits(
    database: AsyncEngine, broker: Tansu
) -> None:
    await make_effects(database)
    await grow(database, users=3, count=30)
    news: list[RelayNews] = []
    async with relaying(database, KafkaTarget(broker.bootstrap), news):
        async with consuming(database, broker.bootstrap):
            await until(has_effects(database, 90))
        broker.kill()
        await append(units_on(database), await _fund(database, 1), 20)
        await until(_is(lambda: any(isinstance(each, Interrupted) for each in news)))
        assert len(await effects(database)) == 90
        broker.start()
        async with consuming(database, broker.bootstrap):
            await until(has_effects(database, 110), timeout_s=40)
    found = await effects(database)
    assert sorted(found) == sorted({*first_keys(3, 30), *((user_id(1), n) for n in range(31, 51))})
    assert sum(isinstance(each, Elected) for each in news) >= 2, "it left office while it waited"


@pytest.mark.slow
async def test_a_broker_that_has_forgotten_all_is_told_again(
    database: AsyncEngine, broker: Tansu
) -> None:
    await make_effects(database)
    await grow(database, users=3, count=150)
    news: list[RelayNews] = []
    async with (
        relaying(database, KafkaTarget(broker.bootstrap), news),
        consuming(database, broker.bootstrap),
    ):
        # killed while events are on their way: acknowledged, and not yet taken in
        await until(has_effects(database, 1))
        broker.kill()
    broker.start()
    election = PostgresRelayElection(database)
    assert await Relay(KafkaTarget(broker.bootstrap), election, news.append).rewind()
    async with (
        relaying(database, KafkaTarget(broker.bootstrap)),
        consuming(database, broker.bootstrap),
    ):
        await until(has_effects(database, 450), timeout_s=40)
    assert sorted(await effects(database)) == sorted(first_keys(3, 150))


def _is(condition: Any) -> Any:
    async def check() -> bool:
        return bool(condition())

    return check


# --- in this process -------------------------------------------------------------------------


async def test_subscribers_in_this_process_take_in_everything_in_order(
    database: AsyncEngine,
) -> None:
    await make_effects(database)
    await grow(database, users=3, count=60)
    failures = 3

    async def fail_at_first(unit: UnitOfWork, event: Event) -> None:
        nonlocal failures
        await leave_effect(unit, event)
        if failures:
            failures -= 1
            raise DeliveryFailed("tester", "not now")

    subscriber = Subscriber("tester", units_on(database), fail_at_first)
    news: list[RelayNews] = []
    async with relaying(database, subscriber, news):
        await until(has_effects(database, 180))
    found = await effects(database)
    assert len(found) == 180
    assert all(in_order(sequences) for sequences in by_user(found).values())
    assert [n.retry_s for n in news if isinstance(n, Interrupted)] == [0.05, 0.1, 0.2]


async def test_two_relays_at_once_deliver_once(database: AsyncEngine) -> None:
    await grow(database, users=3, count=60)
    delivered: list[tuple[object, int]] = []

    class Listener:
        name = "listener"

        async def deliver(self, events: Any) -> None:
            await asyncio.sleep(0.01)
            delivered.extend((event.user_id, event.sequence) for event in events)

        async def close(self) -> None:
            pass

    async with relaying(database, Listener()), relaying(database, Listener()):
        await until(_is(lambda: len(delivered) >= 180))
        await asyncio.sleep(0.2)
    assert len(delivered) == 180
    assert set(delivered) == first_keys(3, 60)


async def test_a_bug_in_a_subscriber_ends_the_relay_and_is_seen(database: AsyncEngine) -> None:
    await grow(database, users=1, count=3)

    async def stumble(unit: UnitOfWork, event: Event) -> None:
        raise ZeroDivisionError

    relay = Relay(
        Subscriber("tester", units_on(database), stumble),
        PostgresRelayElection(database),
        lambda _: None,
        PACE,
    )
    with pytest.raises(ZeroDivisionError):
        await relay.run(asyncio.Event())
