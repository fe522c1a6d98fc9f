"""The event log in PostgreSQL, read across users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.events import Event
from hedgerow.infrastructure.postgres import rows, tables

# Per user along the primary key: the log of all users together has no index, and needs none.
_LAST: Final = (
    text("""
        SELECT e.* FROM funds f CROSS JOIN LATERAL (
            SELECT * FROM events
            WHERE user_id = f.user_id AND (:any_kind OR kind = ANY(:kinds))
            ORDER BY sequence DESC LIMIT :limit
        ) e
        WHERE :any_user OR f.user_id = :user_id
        ORDER BY e.at DESC, e.user_id DESC, e.sequence DESC LIMIT :limit
    """)
    .bindparams(bindparam("kinds", type_=ARRAY(Text)), bindparam("user_id", type_=Uuid))
    .columns(*tables.events.columns)
)
_SINCE: Final = (
    text("""
        SELECT e.* FROM funds f
        LEFT JOIN unnest(:users, :sequences) AS seen(user_id, sequence) USING (user_id)
        CROSS JOIN LATERAL (
            SELECT * FROM events
            WHERE user_id = f.user_id AND sequence > coalesce(seen.sequence, 0)
            ORDER BY sequence LIMIT :limit
        ) e
        WHERE f.event_sequence > coalesce(seen.sequence, 0)
        ORDER BY e.user_id, e.sequence LIMIT :limit
    """)
    .bindparams(
        bindparam("users", type_=ARRAY(Uuid)), bindparam("sequences", type_=ARRAY(BigInteger))
    )
    .columns(*tables.events.columns)
)


class PostgresEventLog:
    """Implements the EventLog port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def heads(self) -> Mapping[UUID, int]:
        """The sequence of each user's last event."""
        funds = tables.funds.c
        found = await self._connection.execute(select(funds.user_id, funds.event_sequence))
        return {row.user_id: row.event_sequence for row in found}

    async def last(
        self, limit: int, user_id: UUID | None = None, kinds: Sequence[str] = ()
    ) -> list[Event]:
        """The latest events, of one user and of some kinds where given; oldest first."""
        asked = {
            "limit": limit,
            "any_user": user_id is None,
            "user_id": user_id,
            "any_kind": not kinds,
            "kinds": list(kinds),
        }
        found = rows.rows_of(await self._connection.execute(_LAST, asked))
        return [rows.from_row(Event, row) for row in found][::-1]

    async def since(self, seen: Mapping[UUID, int], limit: int) -> list[Event]:
        """Events after the sequence seen of each user, by user and sequence; gapless per user."""
        asked = {"users": list(seen), "sequences": list(seen.values()), "limit": limit}
        found = rows.rows_of(await self._connection.execute(_SINCE, asked))
        return [rows.from_row(Event, row) for row in found]
