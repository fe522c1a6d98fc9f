"""Whether Kafka can be used; nothing in it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from hedgerow.infrastructure.kafka.records import TOPICS
from hedgerow.usecases.checks import Finding, failed, ok

SETTING: Final = "HEDGEROW_KAFKA_BOOTSTRAP"
_TIMEOUT_MS: Final = 5_000


async def look_at_kafka(bootstrap: str) -> Sequence[Finding]:
    """The brokers and topics that the cluster tells of, or why it cannot be used."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_TIMEOUT_MS)
    try:
        await client.start()
        brokers = (await client.describe_cluster())["brokers"]
        topics = set(await client.list_topics())
    except (KafkaError, OSError) as error:
        found = f"no broker of {bootstrap} can be used ({type(error).__name__})"
        fix = (
            f"start Kafka, correct {SETTING}, or correct advertised.listeners, the addresses "
            "under which the brokers send clients to each other"
        )
        return [failed("kafka", found, fix)]
    finally:
        await client.close()
    missing = sorted(set(TOPICS.values()) - topics)
    found = f"{len(brokers)} brokers, {len(TOPICS) - len(missing)} of {len(TOPICS)} topics"
    if missing:
        found += f"; {', '.join(missing)} are made by the first event, if the brokers allow it"
    return [ok("kafka", found)]
