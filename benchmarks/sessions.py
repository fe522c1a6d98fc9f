"""How long an agents' session takes to grow and to be read, however long it is already.

Run it as `python -m benchmarks.sessions`, with `--json` for JSON. ADK's own kind of session is
used over the embedded server, durable as it ships, in a folder of its own. An event is a text of
about 1,200 characters with usage and a variable, which each commits by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.base_session_service import GetSessionConfig
from google.adk.sessions.session import Session
from google.genai import types
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.machine import machine
from hedgerow.domain import sessions as stored
from hedgerow.domain.ids import derived_id
from hedgerow.domain.sessions import AGENTS_APP
from hedgerow.infrastructure.agents.desk.session_events import stored_event
from hedgerow.infrastructure.agents.desk.session_service import FundSessionService
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork

_LENGTHS: Final = (10, 1_000, 10_000)
_LAST: Final = 50
# All places within a page of 64 are met.
_APPENDS: Final = 128
_READS: Final = 20
_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_WORDS: Final = ("market", "trend", "volume", "breaks", "support", "below", "funding", "average")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            result = asyncio.run(_measure(postgres.url)) | {"machine": machine()}
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(", ".join(f"{name}: {value}" for name, value in result.items()))


async def _measure(url: str) -> dict[str, Any]:
    async with open_engine(url) as engine:
        await migrate(engine)
        return await measure_sessions(engine)


async def measure_sessions(engine: AsyncEngine) -> dict[str, Any]:
    """Medians and ninth deciles in milliseconds, on a migrated database."""

    def open_unit(actor: Any) -> PostgresUnitOfWork:
        return PostgresUnitOfWork(engine, actor)

    service = FundSessionService(open_unit)
    result: dict[str, Any] = {}
    for length, times in (await _appends(service, open_unit)).items():
        result[f"append_ms_at_{length}"] = _median(times)
        result[f"append_ms_at_{length}_p90"] = _ninth(times)
    owner = await begin(open_unit, _LENGTHS[-1])
    result[f"read_last_{_LAST}_of_{_LENGTHS[-1]}_ms"] = _median(
        [await _read(service, owner, _LAST) for _ in range(_READS)]
    )
    result[f"find_last_{_LAST}_of_{_LENGTHS[-1]}_ms"] = _median(
        [await _find_stored(open_unit, owner) for _ in range(_READS)]
    )
    result[f"read_all_{_LENGTHS[-1]}_ms"] = _median(
        [await _read(service, owner, None) for _ in range(3)]
    )
    batch = [stored_event(_event(number)) for number in range(16)]
    result["append_16_at_once_ms"] = _median(await _batches(open_unit, owner, batch))
    result["append_growth"] = round(
        result[f"append_ms_at_{_LENGTHS[-1]}"] / result[f"append_ms_at_{_LENGTHS[0]}"], 2
    )
    return result


async def begin(open_unit: OpenUnitOfWork, length: int) -> UUID:
    """Store a session of that length; returns its user."""
    owner = uuid4()
    row_id = derived_id(_START, owner)
    session = stored.Session(row_id, AGENTS_APP, str(owner), "desk", _START, _START)
    session.append(*(stored_event(_event(number)) for number in range(length)))
    async with open_unit(owner) as unit:
        await unit.sessions.add(session)
        await unit.commit()
    return owner


async def _appends(
    service: FundSessionService, open_unit: OpenUnitOfWork
) -> dict[int, list[float]]:
    """Seconds of appends to sessions of each length that have all of their events in memory.

    They take turns, so that whatever else the machine is at slows them all down.
    """
    times: dict[int, list[float]] = {length: [] for length in _LENGTHS}
    sessions = {
        length: await _find(service, await begin(open_unit, length), None) for length in _LENGTHS
    }
    for place in range(_APPENDS):
        for length, session in sessions.items():
            times[length].append(await _append(service, session, _event(length + place)))
    return times


async def _append(service: FundSessionService, session: Session, event: Event) -> float:
    async def append() -> None:
        await service.append_event(session, event)

    return await _seconds(append)


async def _batches(
    open_unit: OpenUnitOfWork, owner: UUID, events: list[stored.SessionEvent]
) -> list[float]:
    """Seconds of several appends of many events in one transaction."""
    times = []
    for _ in range(_READS):
        async with open_unit(owner) as unit:
            session = await unit.sessions.find(AGENTS_APP, owner, "desk", last=0)
        assert session is not None
        head = session

        async def append(head: stored.Session = head) -> None:
            async with open_unit(owner) as unit:
                await unit.sessions.append(head, events)
                await unit.commit()

        times.append(await _seconds(append))
    return times


async def _read(service: FundSessionService, owner: UUID, last: int | None) -> float:
    async def read() -> None:
        found = await _find(service, owner, last)
        assert len(found.events) == (last or _LENGTHS[-1])

    return await _seconds(read)


async def _find_stored(open_unit: OpenUnitOfWork, owner: UUID) -> float:
    """Seconds of the same without ADK's own models."""

    async def find() -> None:
        async with open_unit(owner) as unit:
            found = await unit.sessions.find(AGENTS_APP, owner, "desk", _LAST)
        assert found is not None
        assert len(found.events) == _LAST

    return await _seconds(find)


async def _find(service: FundSessionService, owner: UUID, last: int | None) -> Session:
    found = await service.get_session(
        app_name=AGENTS_APP,
        user_id=str(owner),
        session_id="desk",
        config=GetSessionConfig(num_recent_events=last),
    )
    assert found is not None
    return found


def _event(number: int) -> Event:
    said = " ".join(Random(number).choices(_WORDS, k=180))
    return Event(
        author="analyst",
        invocation_id="meeting",
        timestamp=(_START + timedelta(seconds=number)).timestamp(),
        content=types.Content(role="model", parts=[types.Part(text=said)]),
        actions=EventActions(state_delta={"step": number}),
        usage_metadata=types.GenerateContentResponseUsageMetadata(
            prompt_token_count=1500, candidates_token_count=300, total_token_count=1800
        ),
    )


async def _seconds(task: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await task()
    return time.perf_counter() - started


def _median(times: list[float]) -> float:
    return round(statistics.median(times) * 1000, 2)


def _ninth(times: list[float]) -> float:
    return round(statistics.quantiles(times, n=10)[-1] * 1000, 2)


if __name__ == "__main__":
    main()
