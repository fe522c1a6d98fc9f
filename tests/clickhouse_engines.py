"""The ways to reach ClickHouse that every test of a store goes through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.front.server import Front
from hedgerow.infrastructure.clickhouse.migrate import migrate
from hedgerow.infrastructure.clickhouse.networked import NetworkedClickHouse

ENGINES: Final = ["embedded", "networked"]


@asynccontextmanager
async def opened(kind: str, folder: Path) -> AsyncIterator[ClickHouse]:
    """ClickHouse on an empty folder, migrated: `embedded`, or `networked` through its front."""
    async with EmbeddedClickHouse(folder) as embedded:
        if kind == "embedded":
            await migrate(embedded)
            yield embedded
            return
        front = Front(embedded)
        front.start()
        try:
            async with NetworkedClickHouse(front.address, direct=True) as networked:
                await migrate(networked)
                yield networked
        finally:
            front.stop()
