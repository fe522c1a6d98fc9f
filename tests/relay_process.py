"""A relay as a process of its own: `python relay_process.py POSTGRES_URL KAFKA_BOOTSTRAP`.

It says a word for everything that happens, and relays in small batches so that it can be killed
in the middle.
"""

from __future__ import annotations

import asyncio
import sys

from hedgerow.infrastructure.kafka.target import KafkaTarget
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.infrastructure.postgres.relay import PostgresRelayElection
from hedgerow.usecases.relay_events import Relay, RelayNews, RelayPace

PACE = RelayPace(batch_events=20, idle_s=0.02, standby_s=0.05, retry_max_s=0.5)


def tell(news: RelayNews) -> None:
    print(type(news).__name__, flush=True)  # noqa: T201


async def main(url: str, bootstrap: str) -> None:
    async with open_engine(url) as engine:
        relay = Relay(KafkaTarget(bootstrap), PostgresRelayElection(engine), tell, PACE)
        await relay.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
