"""A stretch of stored records kept in memory and read on from, so that each is read once."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

Row = TypeVar("Row")
TICK: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Tape(Generic[Row]):
    """Records of one kind and symbol with `start <= at < end`, by time.

    `read` reads a stretch, its end not included, and up to `ahead` more of it than was asked for.
    """

    def __init__(
        self,
        read: Callable[[datetime, datetime], Awaitable[list[Row]]],
        at: Callable[[Row], datetime],
        ahead: timedelta,
    ) -> None:
        self._read = read
        self._at = at
        self._ahead = ahead
        self._rows: list[Row] = []
        self._start = self._end = _EPOCH
        self._reach = timedelta()
        self._lock = asyncio.Lock()

    async def between(self, start: datetime, as_of: datetime, horizon: datetime) -> list[Row]:
        """Rows from `start` to `as_of`, both included; none after `horizon` is read ahead."""
        async with self._lock:
            self._reach = max(self._reach, as_of - start)
            if not self._start <= start <= self._end:
                self._start = self._end = min(start, as_of - self._reach)
                self._rows = []
            if as_of >= self._end:
                await self._read_on(as_of, horizon)
            first = bisect_left(self._rows, start, key=self._at)
            last = bisect_right(self._rows, as_of, key=self._at)
            return self._rows[first:last]

    async def _read_on(self, as_of: datetime, horizon: datetime) -> None:
        end = max(as_of, min(as_of + self._ahead, horizon)) + TICK
        rows = self._rows + await self._read(self._end, end)
        self._start = max(self._start, as_of - self._reach)
        self._rows = rows[bisect_left(rows, self._start, key=self._at) :]
        self._end = end


class LastOnTape(Generic[Row]):
    """The last record by a moment, where a stretch of them would be too much to keep.

    Remembers what was the last one by two moments: the one asked for before, and the horizon, by
    which most symbols have none.
    """

    def __init__(
        self, read: Callable[[datetime], Awaitable[Row | None]], at: Callable[[Row], datetime]
    ) -> None:
        self._read = read
        self._at = at
        self._by_horizon: tuple[datetime, Row | None] | None = None
        self._before: tuple[datetime, Row | None] | None = None
        self._lock = asyncio.Lock()

    async def by(self, as_of: datetime, horizon: datetime) -> Row | None:
        """The last record at or before `as_of`."""
        async with self._lock:
            if self._by_horizon is None:
                self._by_horizon = horizon, await self._read(horizon)
            for known in (self._by_horizon, self._before):
                if known and self._covers(known, as_of):
                    return known[1]
            self._before = as_of, await self._read(as_of)
            return self._before[1]

    def _covers(self, known: tuple[datetime, Row | None], as_of: datetime) -> bool:
        by, row = known
        return as_of <= by and (row is None or self._at(row) <= as_of)
