"""Kafka as a source of events for a consumer outside of the process that relays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from hedgerow.domain.errors import DeliveryFailed
from hedgerow.domain.events import Event
from hedgerow.infrastructure.kafka.records import TOPICS, event_of
from hedgerow.usecases.event_schemas import EventFamily

_WAIT_MS: Final = 500
_RECORDS_MAX: Final = 1_000


class KafkaSource:
    """Implements the EventSource port with a consumer group; made by `open`."""

    def __init__(self, consumer: AIOKafkaConsumer, bootstrap: str) -> None:
        self._consumer = consumer
        self._bootstrap = bootstrap

    @classmethod
    @asynccontextmanager
    async def open(
        cls, bootstrap: str, group: str, families: Collection[EventFamily] = tuple(EventFamily)
    ) -> AsyncIterator[Self]:
        """Join `group` on the topics of `families`; a new group starts at the beginning.

        Raises DeliveryFailed where no broker answers.
        """
        consumer = AIOKafkaConsumer(
            *(TOPICS[family] for family in families),
            bootstrap_servers=bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        source = cls(consumer, bootstrap)
        try:
            try:
                await consumer.start()
            except KafkaError as error:
                raise source._failure(error) from error
            yield source
        finally:
            await consumer.stop()

    async def receive(self) -> Sequence[Event]:
        """The next events, or none after half a second; in order per user and topic."""
        try:
            found = await self._consumer.getmany(timeout_ms=_WAIT_MS, max_records=_RECORDS_MAX)
        except KafkaError as error:
            raise self._failure(error) from error
        return [event_of(record) for records in found.values() for record in records]

    async def received(self) -> None:
        """Commit the offsets of everything received so far."""
        try:
            await self._consumer.commit()
        except KafkaError as error:
            raise self._failure(error) from error

    def _failure(self, error: KafkaError) -> DeliveryFailed:
        return DeliveryFailed("kafka", f"{self._bootstrap}: {type(error).__name__} {error}")
