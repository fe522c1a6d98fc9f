"""Rows collected into batches: what comes one by one is stored many at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from hedgerow.domain.errors import HedgerowError
from hedgerow.infrastructure.clickhouse.client import DiskFull, EngineAway, EngineFailed

Row = TypeVar("Row")
_PAUSE_GROWTH: Final = 2.0


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is stored: at `rows_max` rows, or `seconds_max` after its first row.

    `buffered_rows_max` is what may wait in memory. After a failure the next attempt comes in
    `retry_seconds`, then each time twice as late, up to `retry_seconds_max`. At the end the
    writer tries for `closing_seconds` to store what is left.
    """

    rows_max: int = 50_000
    seconds_max: float = 1.0
    buffered_rows_max: int = 200_000
    retry_seconds: float = 0.1
    retry_seconds_max: float = 10.0
    closing_seconds: float = 30.0


@dataclass(eq=False)
class RowsNotStored(HedgerowError):
    """The writer was closed while the engine kept failing: it holds these rows no longer."""

    rows: int
    problem: str


class BatchWriter(Generic[Row]):
    """Stores rows in batches, inside the `async with` block.

    `add` waits while the buffer is full and drops nothing. While the engine fails or is away, rows
    are kept and stored in their order once it is back; `failure` says what is wrong meanwhile. A
    batch may be stored twice, when the engine broke off after its work: `store` must not mind. Any
    other error of `store` is a fault of a row: it ends the writer and is raised by `add` or at the
    end of the block, so rows are checked before they are added.
    """

    def __init__(
        self,
        store: Callable[[Sequence[Row]], Awaitable[None]],
        limits: BatchLimits = BatchLimits(),
    ) -> None:
        self._store = store
        self._limits = limits
        self._rows: deque[Row] = deque()
        self._changed = asyncio.Condition()
        self._closing = False
        self._worker: asyncio.Task[None] | None = None
        self._fault: Exception | None = None
        self.failure: HedgerowError | None = None

    @property
    def buffered_rows(self) -> int:
        """How many rows are not stored yet."""
        return len(self._rows)

    async def add(self, row: Row) -> None:
        """Take a row over; returns once there is room for it."""
        assert self._worker is not None, "used outside of its block"
        assert not self._closing, "used outside of its block"
        async with self._changed:
            await self._changed.wait_for(self._can_take)
            if self._fault is not None:
                raise self._fault
            self._rows.append(row)
            self._changed.notify_all()

    async def __aenter__(self) -> Self:
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._worker is not None, "left without having been entered"
        async with self._changed:
            self._closing = True
            self._changed.notify_all()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._worker, self._limits.closing_seconds)
        if self._rows:
            raise RowsNotStored(rows=len(self._rows), problem=str(self.failure))

    def _can_take(self) -> bool:
        return self._fault is not None or len(self._rows) < self._limits.buffered_rows_max

    async def _work(self) -> None:
        try:
            await self._store_batches()
        except Exception as error:
            # whoever waits for room is told: nobody will make any
            self._fault = error
            async with self._changed:
                self._changed.notify_all()
            raise

    async def _store_batches(self) -> None:
        while await self._has_batch():
            batch = list(islice(self._rows, self._limits.rows_max))
            await self._store_surely(batch)
            async with self._changed:
                for _ in batch:
                    self._rows.popleft()
                self._changed.notify_all()

    async def _has_batch(self) -> bool:
        """Wait until a batch is due; False where there will be none any more."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._rows or self._closing)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.seconds_max):
                    await self._changed.wait_for(self._is_due)
            return bool(self._rows)

    def _is_due(self) -> bool:
        return self._closing or len(self._rows) >= self._limits.rows_max

    async def _store_surely(self, batch: Sequence[Row]) -> None:
        pause_seconds = self._limits.retry_seconds
        while True:
            try:
                await self._store(batch)
            except (EngineFailed, EngineAway, DiskFull) as error:
                self.failure = error
                await asyncio.sleep(pause_seconds)
                longer_seconds = pause_seconds * _PAUSE_GROWTH
                pause_seconds = min(longer_seconds, self._limits.retry_seconds_max)
            else:
                self.failure = None
                return
