"""The roles that work in the database, and how a transaction takes one on."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor

APP: Final = "hedgerow_app"
WORKER: Final = "hedgerow_worker"

# `true`: as SET LOCAL, until the transaction ends, however it ends. One statement, one way there.
_ACT = text(
    "SELECT set_config('role', :role, true), set_config('hedgerow.user_id', :user_id, true)"
)


async def act_as(connection: AsyncConnection, actor: Actor) -> None:
    """Have the rest of the connection's transaction act for a user, or for the system."""
    if actor is SYSTEM:
        await connection.execute(_ACT, {"role": WORKER, "user_id": ""})
    else:
        await connection.execute(_ACT, {"role": APP, "user_id": str(actor)})
