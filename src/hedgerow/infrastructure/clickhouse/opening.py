"""Which ClickHouse this process uses: one of its own, or the one of the process that came first."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.clickhouse.address import Address
from hedgerow.infrastructure.clickhouse.client import ClickHouse, EngineAway
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.migrate import migrate
from hedgerow.infrastructure.clickhouse.networked import ANSWER_SECONDS_MAX, NetworkedClickHouse

WAIT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05


class ClickHouseHome:
    """The embedded ClickHouse of a data folder, shared by all processes that use the folder.

    Whoever holds `clickhouse.lock` has `clickhouse/` open and serves it to the others;
    `clickhouse.json` says where, with a password, and is readable for its owner alone.
    """

    def __init__(self, data_folder: Path, answer_seconds_max: float = ANSWER_SECONDS_MAX) -> None:
        self._answer_seconds_max = answer_seconds_max
        self.folder = data_folder / "clickhouse"
        self._address_file = data_folder / "clickhouse.json"
        self._lock = FileLock(data_folder / "clickhouse.lock", mode=0o600)

    @asynccontextmanager
    async def open(self, *, here: bool = False) -> AsyncIterator[ClickHouse]:
        """ClickHouse, migrated. With `here` it runs in this process, whoever had it before.

        Raises InputRefused where the folder cannot be opened, or where `here` is asked for while
        another process keeps it, or where the process that keeps it does not answer.
        """
        async with self._reached(self._holding, here=here) as clickhouse:
            yield clickhouse

    @asynccontextmanager
    async def look(self) -> AsyncIterator[ClickHouse]:
        """ClickHouse as it stands, which must exist: neither migrated nor served; raises as open.

        It is kept from other processes where none has it open.
        """
        async with self._reached(lambda: EmbeddedClickHouse(self.folder)) as clickhouse:
            yield clickhouse

    @asynccontextmanager
    async def _reached(
        self, hold: Callable[[], AbstractAsyncContextManager[ClickHouse]], *, here: bool = False
    ) -> AsyncIterator[ClickHouse]:
        """The folder held by `hold`, or else the ClickHouse of the process that holds it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            if self._acquire():
                try:
                    async with hold() as clickhouse:
                        yield clickhouse
                finally:
                    self._lock.release()
                return
            async with AsyncExitStack() as stack:
                if not here and (served := await self._served(stack)) is not None:
                    yield served
                    return
            if time.monotonic() > deadline:
                raise self._kept_away()
            await asyncio.sleep(_POLL_SECONDS)

    def _acquire(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            raise InputRefused(
                what=f"the embedded ClickHouse cannot be locked: {error.strerror}",
                where=str(self._lock.lock_file),
                fix="set HEDGEROW_DATA_DIR to a folder you can write to",
            ) from error
        return True

    @asynccontextmanager
    async def _holding(self) -> AsyncIterator[ClickHouse]:
        # 150 ms of imports that only the process with the data needs
        from hedgerow.infrastructure.clickhouse.front.server import Front  # noqa: PLC0415

        # what a killed process has left leads nowhere
        self._address_file.unlink(missing_ok=True)
        async with EmbeddedClickHouse(self.folder) as clickhouse:
            await migrate(clickhouse)
            front = Front(clickhouse)
            await asyncio.to_thread(front.start)
            try:
                self._tell(front.address)
                yield clickhouse
            finally:
                self._address_file.unlink(missing_ok=True)
                await asyncio.to_thread(front.stop)

    async def _served(self, stack: AsyncExitStack) -> ClickHouse | None:
        """The ClickHouse of the process that holds the folder; None while it starts or ends."""
        try:
            address = Address(**json.loads(self._address_file.read_text(encoding="utf-8")))
            served = NetworkedClickHouse(
                address, direct=True, answer_seconds_max=self._answer_seconds_max
            )
            return await stack.enter_async_context(served)
        except (FileNotFoundError, EngineAway):
            return None

    def _tell(self, address: Address) -> None:
        partial = self._address_file.with_suffix(f".{os.getpid()}.partial")
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(address), file)
        partial.replace(self._address_file)

    def _kept_away(self) -> InputRefused:
        return InputRefused(
            what="another process keeps the embedded ClickHouse",
            where=str(self.folder),
            fix="wait for it, stop it, or set HEDGEROW_DATA_DIR to another folder",
        )
