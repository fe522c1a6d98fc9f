"""A run of the desk that dies again and again leaves what an unharmed one leaves, row by row."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from sqlalchemy import text

from desk_run import DeskRun, counted
from desk_scenes import PLAYED
from hedgerow.domain.ai_usage import HOUSE, ModelChoice
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork
from postgres_fixtures import units_on
from postgres_servers import MIGRATED, PostgresServer
from replay_builders import Crashed, crashing

TABLES: Final = (
    *("desk_meetings", "model_calls", "model_contents", "ai_budgets", "ai_reservations"),
    *("sessions", "session_pages", "session_states", "events", "orders", "fills", "positions"),
    *("transfers", "ledger_entries", "journal_entries", "memories", "regime_classifications"),
)
# By the clock on the wall: what is paid is paid now, and a row knows when it was written.
WALL: Final = {"reserved_at", "settled_at", "updated_at"}
LIFE_MAX: Final = 40
Rows = dict[str, list[str]]


@asynccontextmanager
async def fresh(postgres: PostgresServer) -> AsyncIterator[tuple[str, OpenUnitOfWork]]:
    """A database of its own."""
    name = await postgres.copy(MIGRATED)
    async with open_engine(postgres.url(name)) as engine:
        yield name, units_on(engine)
    await postgres.drop(name)


async def contents(postgres: PostgresServer, name: str) -> Rows:
    """All rows that a run leaves, in no order."""
    found: Rows = {}
    async with open_engine(postgres.admin_url(name)) as engine, engine.connect() as connection:
        for table in TABLES:
            rows = await connection.scalars(text(f'SELECT to_jsonb(t)::text FROM "{table}" t'))
            found[table] = sorted(json.dumps(_kept(json.loads(row))) for row in rows)
    return found


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    for event in row.get("events") or ():
        # an answer that is known already uses no tokens when its meeting is held again
        event.pop("usage_metadata", None)
        (event.get("details") or {}).pop("usage_metadata", None)
    return {name: value for name, value in sorted(row.items()) if name not in WALL}


@pytest.mark.parametrize("choice", [HOUSE, PLAYED], ids=["the house", "a model"])
async def test_nothing_is_lost_and_nothing_is_there_twice(
    postgres: PostgresServer, choice: ModelChoice
) -> None:
    async with fresh(postgres) as (name, open_unit):
        whole = DeskRun(open_unit, last=440, choice=choice, models={PLAYED: counted()})
        await whole.go()
        unharmed = await contents(postgres, name)
    empty = {table for table in TABLES if not unharmed[table]}
    assert empty <= {"session_pages", "session_states", "ai_budgets", "ai_reservations"}
    draw, kills, asked = random.Random(7), 0, 0
    async with fresh(postgres) as (name, open_unit):
        while True:
            is_durable, life = draw.random() < 0.5, draw.randrange(8, LIFE_MAX)
            dying = crashing(open_unit, life, is_durable=is_durable)
            of = DeskRun(dying, last=440, choice=choice, models={PLAYED: counted()})
            try:
                await of.go()
            except Crashed:
                kills += 1
                continue
            finally:
                asked += sum(of.asked().values())
            break
        survived = await contents(postgres, name)
    assert kills >= 5
    differing = {
        table: (len(survived[table]), len(unharmed[table]))
        for table in TABLES
        if survived[table] != unharmed[table]
    }
    assert differing == {}
    # a call is paid for again only where its answer was lost on the way into the record
    assert asked <= sum(whole.asked().values()) + kills
