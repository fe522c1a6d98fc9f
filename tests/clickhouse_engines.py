"""The ways to reach ClickHouse that every test of a store goes through."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.front.server import Front
from hedgerow.infrastructure.clickhouse.migrate import migrate
from hedgerow.infrastructure.clickhouse.networked import NetworkedClickHouse

ENGINES: Final = ["embedded", "networked"]
# A process that holds the ClickHouse of a data folder, as a running fund does.
HOLDER: Final = """
import asyncio, sys
from pathlib import Path
from hedgerow.infrastructure.clickhouse.opening import ClickHouseHome

async def hold():
    async with ClickHouseHome(Path(sys.argv[1])).open(here=True):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


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


@contextmanager
def held(data_folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the ClickHouse of `data_folder`, until it is killed in the end."""
    command = [sys.executable, "-c", HOLDER, str(data_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()
