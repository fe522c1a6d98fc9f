"""Between events and Kafka records."""

from __future__ import annotations

import json
from typing import Final

from aiokafka import ConsumerRecord

from hedgerow.domain.events import Event
from hedgerow.usecases.codec import decode, encode
from hedgerow.usecases.event_schemas import SCHEMAS, EventFamily

TOPICS: Final = {family: f"hedgerow.{family}" for family in EventFamily}

Headers = list[tuple[str, bytes]]


def topic_of(event: Event) -> str:
    """The topic of the event's family; raises UnknownEntity."""
    return TOPICS[SCHEMAS.of(event.kind).family]


def key_of(event: Event) -> bytes:
    """The user: a user's events of one topic share a partition, and so keep their order."""
    return str(event.user_id).encode()


def value_of(event: Event) -> bytes:
    """The whole event as JSON; numbers inside are text, hashes hexadecimal."""
    return json.dumps(encode(event), separators=(",", ":")).encode()


def headers_of(event: Event) -> Headers:
    """What a consumer may choose by without reading the value."""
    return [
        ("kind", event.kind.encode()),
        ("sequence", str(event.sequence).encode()),
        ("schema_version", str(event.schema_version).encode()),
        ("hash", event.hash.hex().encode()),
    ]


def event_of(record: ConsumerRecord[bytes, bytes]) -> Event:
    """The event that a record carries."""
    assert record.value is not None, "no event is a tombstone"
    return decode(Event, json.loads(record.value))
