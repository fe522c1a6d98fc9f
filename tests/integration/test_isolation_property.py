"""Whatever a user tries, in whatever order, the other user's rows stay unseen and as they were."""

from __future__ import annotations

import re
from random import Random
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, literal_column, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hedgerow.domain.errors import HedgerowError
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from postgres_fixtures import on_every_postgres
from stored import Stored, store
from tenant_walk import NOTHING, OWN, TENANT_TABLES, WRITES, contents, owner_of

TRIES: Final = 40
CALLS: Final = NOTHING | WRITES | OWN
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("seed", range(5))
@on_every_postgres
async def test_a_user_neither_sees_nor_changes_what_is_anothers(
    database: AsyncEngine, admin_database: AsyncEngine, seed: int
) -> None:
    dice = Random(seed)
    users = [
        await store(database, UUID(int=dice.getrandbits(128)), dice.randint(1, 4)) for _ in range(2)
    ]
    of_ada, of_bob = [await _ids(admin_database, stored) for stored in users]
    # They share a tier, and its id.
    ids = {users[0].user_id: of_ada - of_bob, users[1].user_id: of_bob - of_ada}
    for _ in range(TRIES):
        me, other = dice.sample(users, 2)
        before = await contents(admin_database, other.user_id)
        if dice.random() < 0.7:
            name = dice.choice(list(CALLS))
            told = await _call(database, name, me, other)
        else:
            name, told = await _query(database, dice, me, other)
        assert not ids[other.user_id] & set(_UUID.findall(told)), f"{name} tells of another"
        assert await contents(admin_database, other.user_id) == before, f"{name} changes another's"


async def _ids(admin: AsyncEngine, stored: Stored) -> set[str]:
    """Every id in a user's rows."""
    rows = await contents(admin, stored.user_id)
    return {found for lines in rows.values() for line in lines for found in _UUID.findall(line)}


async def _call(engine: AsyncEngine, name: str, me: Stored, other: Stored) -> str:
    """What a repository tells me that is asked about the other's rows."""
    try:
        async with PostgresUnitOfWork(engine, me.user_id) as unit:
            told = repr(await CALLS[name](unit, other))
            await unit.commit()
    except (HedgerowError, DBAPIError, KeyError):
        return ""
    return told


async def _query(engine: AsyncEngine, dice: Random, me: Stored, other: Stored) -> tuple[str, str]:
    """What a table tells me when I speak to it in SQL, past the repositories."""
    table = dice.choice(TENANT_TABLES)
    owner = owner_of(table)
    statements = {
        "select": select(table),
        "select by owner": select(table).where(owner == other.user_id),
        "update": update(table).values({owner.name: me.user_id}).returning(owner),
        "delete": delete(table).where(owner == other.user_id).returning(owner),
        "insert": insert(table).from_select(
            [owner.name], select(literal_column(f"'{other.user_id}'::uuid"))
        ),
    }
    name = dice.choice(list(statements))
    try:
        async with engine.begin() as connection:
            await act_as(connection, me.user_id)
            told = await _told(connection, statements[name])
    except DBAPIError:
        told = ""
    return f"{name} on {table.name}", told


async def _told(connection: AsyncConnection, statement: object) -> str:
    result = await connection.execute(statement)  # type: ignore[call-overload]
    return repr(result.all()) if result.returns_rows else ""
