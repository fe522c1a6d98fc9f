"""A run of the desk that dies again and again leaves what an unharmed one leaves, row by row."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
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
    *("desk_meetings", "model_calls", "model_contents", "sessions", "session_pages"),
    *("session_states", "events", "orders", "fills", "positions"),
    *("transfers", "ledger_entries", "journal_entries", "memories", "regime_classifications"),
)
# By the clock on the wall: a row knows when it was written.
WALL: Final = {"updated_at"}
COUNTED: Final = """
SELECT coalesce(sum(requests_spent), 0), coalesce(sum(usd_spent), 0),
    coalesce(sum(requests_reserved), 0) FROM ai_budgets
"""
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


async def paid(postgres: PostgresServer, name: str) -> tuple[int, Decimal, int]:
    """Calls that are counted, what they cost, and those that nobody has heard of again."""
    async with open_engine(postgres.admin_url(name)) as engine, engine.connect() as connection:
        spent, usd, reserved = (await connection.execute(text(COUNTED))).one()
    return spent, usd, reserved


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
        unharmed, bill = await contents(postgres, name), await paid(postgres, name)
    empty = {table for table in TABLES if not unharmed[table]}
    assert empty <= {"session_pages", "session_states"}
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
        *counted_in_all, lost = await paid(postgres, name)
    assert kills >= 5
    differing = {
        table: (len(survived[table]), len(unharmed[table]))
        for table in TABLES
        if survived[table] != unharmed[table]
    }
    assert differing == {}
    # a call is paid for again only where its answer was lost on the way into the record, and then
    # it is counted again
    assert (*counted_in_all, 0) == bill
    assert asked <= bill[0] + lost <= bill[0] + kills
