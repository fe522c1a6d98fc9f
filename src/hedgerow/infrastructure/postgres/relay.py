"""Who relays, and what is still to be relayed: an advisory lock, and a cursor per user.

Everything a relay does goes through the one connection that holds its lock. When the connection
is lost, so is the office, and nothing can be noted any more by a relay that has been replaced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, bindparam, delete, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hedgerow.domain.events import Event
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.failures import reached, translated
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.infrastructure.postgres.tables import relay_cursors
from hedgerow.usecases.ports.events import Outbox
from hedgerow.usecases.ports.unit_of_work import SYSTEM

# The first of the two numbers of an advisory lock; the second is the target's.
_RELAYS: Final = 4_853_118
# One busy user gets no more than this of a batch while others wait.
_EVENTS_PER_USER: Final = 500

# `funds.event_sequence` is committed together with the events it counts, and a user's sequence has
# no gaps: what lies between cursor and head is all there and stays there. A cursor over the whole
# table would pass by transactions that commit late.
_PENDING: Final = text("""
        WITH waiting AS (
            SELECT f.user_id, coalesce(c.sequence, 0) AS sequence, c.delivered_at
            FROM funds f LEFT JOIN relay_cursors c
                ON c.user_id = f.user_id AND c.target = :target
            WHERE f.event_sequence > coalesce(c.sequence, 0)
            ORDER BY c.delivered_at NULLS FIRST, f.user_id
            LIMIT :limit
        )
        SELECT e.* FROM waiting w CROSS JOIN LATERAL (
            SELECT * FROM events
            WHERE user_id = w.user_id AND sequence > w.sequence
            ORDER BY sequence LIMIT :per_user
        ) e
        ORDER BY w.delivered_at NULLS FIRST, w.user_id, e.sequence
        LIMIT :limit
    """).columns(*tables.events.columns)
_DELIVERED: Final = text("""
    INSERT INTO relay_cursors (user_id, target, sequence, delivered_at)
    SELECT user_id, :target, sequence, clock_timestamp()
    FROM unnest(:users, :sequences) AS d(user_id, sequence)
    ON CONFLICT (user_id, target) DO UPDATE
        SET sequence = excluded.sequence, delivered_at = excluded.delivered_at
""").bindparams(
    bindparam("users", type_=ARRAY(Uuid)), bindparam("sequences", type_=ARRAY(BigInteger))
)


class PostgresRelayElection:
    """Implements the RelayElection port with a session's advisory lock."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def stand(self, target: str) -> AsyncIterator[Outbox | None]:
        """The outbox of a target while the block lasts, or None while another process has it."""
        with reached(self._engine):
            connection = await self._engine.connect()
        try:
            with reached(self._engine):
                lock = {"relays": _RELAYS, "target": _number(target)}
                taken = await connection.scalar(
                    text("SELECT pg_try_advisory_lock(:relays, :target)"), lock
                )
                await connection.commit()
            yield PostgresOutbox(self._engine, connection, target) if taken else None
        finally:
            # Not back into the pool: the lock ends with the connection, on every way out.
            await connection.invalidate()
            await connection.close()


class PostgresOutbox:
    """Implements the Outbox port on the connection that holds the target's lock."""

    def __init__(self, engine: AsyncEngine, connection: AsyncConnection, target: str) -> None:
        self._engine = engine
        self._connection = connection
        self._target = target

    async def pending(self, limit: int) -> list[Event]:
        """At most `limit` events that wait, gapless and in order per user."""
        asked = {"target": self._target, "limit": limit, "per_user": _EVENTS_PER_USER}
        with translated(self._engine):
            await act_as(self._connection, SYSTEM)
            found = (await self._connection.execute(_PENDING, asked)).mappings().all()
            await self._connection.commit()
        return [rows.from_row(Event, row) for row in found]

    async def delivered(self, heads: Mapping[UUID, int]) -> None:
        """Note the last sequence that the target has of each user."""
        noted = {
            "target": self._target,
            "users": list(heads),
            "sequences": list(heads.values()),
        }
        with translated(self._engine):
            await act_as(self._connection, SYSTEM)
            await self._connection.execute(_DELIVERED, noted)
            await self._connection.commit()

    async def rewind(self) -> None:
        """Forget what was delivered."""
        with translated(self._engine):
            await act_as(self._connection, SYSTEM)
            await self._connection.execute(
                delete(relay_cursors).where(relay_cursors.c.target == self._target)
            )
            await self._connection.commit()


def _number(target: str) -> int:
    """A number of 32 bits with sign, as the second half of an advisory lock's key is."""
    return int.from_bytes(blake2b(target.encode(), digest_size=4).digest(), "big", signed=True)
