"""Rows in batches: none dropped, none reordered, whatever the engine does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from hedgerow.domain.errors import HedgerowError
from hedgerow.infrastructure.clickhouse.batch_writer import (
    BatchLimits,
    BatchWriter,
    RowsNotStored,
)
from hedgerow.infrastructure.clickhouse.client import DiskFull, EngineAway, EngineFailed

FAILURES: list[HedgerowError] = [
    EngineFailed(code=241, problem="memory limit exceeded"),
    EngineAway(where="http://localhost", problem="connection refused"),
    DiskFull(what="the disk is full", where="/data", fix="free some disk space"),
]
QUICK = BatchLimits(
    rows_max=10,
    seconds_max=0.02,
    buffered_rows_max=25,
    retry_seconds=0.001,
    retry_seconds_max=0.004,
    closing_seconds=2.0,
)


class Engine:
    """Stores batches, after failing as often as it is told."""

    def __init__(self, failures: int = 0, error: Exception = FAILURES[0]) -> None:
        self.batches: list[list[int]] = []
        self.attempts = 0
        self.failures = failures
        self._error = error

    async def store(self, rows: Sequence[int]) -> None:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise self._error
        self.batches.append(list(rows))

    @property
    def rows(self) -> list[int]:
        return [row for batch in self.batches for row in batch]


async def write(count: int, engine: Engine, limits: BatchLimits) -> None:
    async with BatchWriter(engine.store, limits) as writer:
        for row in range(count):
            await asyncio.wait_for(writer.add(row), 2)


async def test_stores_full_batches_and_the_rest_at_the_end() -> None:
    engine = Engine()
    async with BatchWriter(engine.store, QUICK) as writer:
        for row in range(47):
            await writer.add(row)
    assert engine.rows == list(range(47))
    assert max(map(len, engine.batches)) == 10


async def test_stores_a_part_of_a_batch_once_it_is_old() -> None:
    engine = Engine()
    async with BatchWriter(engine.store, QUICK) as writer:
        await writer.add(1)
        await asyncio.sleep(0.2)
        assert engine.batches == [[1]]
        assert writer.buffered_rows == 0


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
async def test_keeps_everything_while_the_engine_fails(error: HedgerowError) -> None:
    engine = Engine(failures=7, error=error)
    async with BatchWriter(engine.store, QUICK) as writer:
        for row in range(100):
            await writer.add(row)
            if engine.attempts and engine.failures:
                assert writer.failure is error
    assert engine.rows == list(range(100))
    assert writer.failure is None


async def test_blocks_rather_than_drops_when_the_buffer_is_full() -> None:
    engine = Engine(failures=1_000_000)
    async with BatchWriter(engine.store, QUICK) as writer:
        for row in range(25):
            await writer.add(row)
        blocked = asyncio.create_task(writer.add(25))
        await asyncio.sleep(0.05)
        assert not blocked.done()
        assert writer.buffered_rows == 25
        engine.failures = 0
        await asyncio.wait_for(blocked, 2)
    assert engine.rows == list(range(26))


async def test_says_how_much_was_lost_when_the_engine_never_comes_back() -> None:
    limits = BatchLimits(rows_max=10, retry_seconds=0.001, closing_seconds=0.05)
    engine = Engine(failures=1_000_000)
    with pytest.raises(RowsNotStored) as caught:
        await write(12, engine, limits)
    assert caught.value.rows == 12
    assert "memory limit" in caught.value.problem


async def test_a_fault_of_a_row_ends_the_writer_and_reaches_whoever_adds() -> None:
    engine = Engine(failures=1, error=ValueError("a row that cannot be"))
    limits = BatchLimits(rows_max=1, buffered_rows_max=1)
    with pytest.raises(ValueError, match="cannot be"):
        await write(5, engine, limits)
    assert engine.batches == []
