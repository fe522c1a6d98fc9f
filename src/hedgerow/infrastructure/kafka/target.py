"""Kafka as a target of the relay."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

from hedgerow.domain.errors import DeliveryFailed
from hedgerow.domain.events import Event
from hedgerow.infrastructure.kafka.records import headers_of, key_of, topic_of, value_of

_TIMEOUT_MS: Final = 10_000
_BATCH_BYTES: Final = 500_000

_Place = tuple[str, int]


class KafkaTarget:
    """Implements the EventTarget port: a topic per event family, the user as key.

    Each partition is sent one batch at a time, and the next only when all replicas in sync have
    the last: so a batch that fails can never be overtaken by the one behind it.
    """

    def __init__(self, bootstrap: str) -> None:
        self.name = "kafka"
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._partition = DefaultPartitioner()

    async def deliver(self, events: Sequence[Event]) -> None:
        """Send events and wait for the acknowledgement of all; raises DeliveryFailed."""
        try:
            async with asyncio.timeout(2 * _TIMEOUT_MS / 1000):
                producer = await self._started()
                places = await self._by_place(producer, events)
                # all are heard before the first failure is raised: none is left under way
                outcomes = await asyncio.gather(
                    *(_send(producer, place, waiting) for place, waiting in places.items()),
                    return_exceptions=True,
                )
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome
        except (KafkaError, OSError) as error:
            problem = f"Kafka at {self._bootstrap}: {type(error).__name__} {error}".strip()
            raise DeliveryFailed(self.name, problem) from error

    async def close(self) -> None:
        """Disconnect; the next delivery connects anew and learns the cluster anew."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                max_batch_size=_BATCH_BYTES,
                request_timeout_ms=_TIMEOUT_MS,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _by_place(
        self, producer: AIOKafkaProducer, events: Sequence[Event]
    ) -> dict[_Place, list[Event]]:
        """Events by topic and partition, in their order; as any Kafka client would choose."""
        places: defaultdict[_Place, list[Event]] = defaultdict(list)
        partitions: dict[str, list[int]] = {}
        for event in events:
            topic = topic_of(event)
            if topic not in partitions:
                partitions[topic] = sorted(await producer.partitions_for(topic))
            known = partitions[topic]
            places[topic, self._partition(key_of(event), known, known)].append(event)
        return places


async def _send(producer: AIOKafkaProducer, place: _Place, events: Sequence[Event]) -> None:
    """Send the events of one partition, batch after batch."""
    topic, partition = place
    sent = 0
    while sent < len(events):
        batch = producer.create_batch()
        started_at = sent
        while sent < len(events) and _fits(batch, events[sent]):
            sent += 1
        if sent == started_at:
            too_large = f"event {events[sent].sequence} of {events[sent].user_id} is too large"
            raise DeliveryFailed("kafka", too_large)
        batch.close()
        acknowledged = await producer.send_batch(batch, topic, partition=partition)
        await acknowledged


def _fits(batch: object, event: Event) -> bool:
    """Put the event into the batch, unless it is full."""
    added = batch.append(  # type: ignore[attr-defined]
        timestamp=int(event.at.timestamp() * 1000),
        key=key_of(event),
        value=value_of(event),
        headers=headers_of(event),
    )
    return added is not None
