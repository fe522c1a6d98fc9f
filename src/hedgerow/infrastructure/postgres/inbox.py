"""The inbox in PostgreSQL: which events each consumer has taken in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.infrastructure.postgres.tables import inbox
from hedgerow.usecases.ports.events import EventKey

_CLAIM: Final = (
    text("""
        INSERT INTO inbox (user_id, sequence, consumer)
        SELECT user_id, sequence, :consumer
        FROM unnest(:users, :sequences) AS arrived(user_id, sequence)
        ON CONFLICT DO NOTHING
        RETURNING user_id, sequence
    """)
    .bindparams(
        bindparam("users", type_=ARRAY(Uuid)), bindparam("sequences", type_=ARRAY(BigInteger))
    )
    .columns(inbox.c.user_id, inbox.c.sequence)
)


class PostgresInbox:
    """Implements the Inbox port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, consumer: str, keys: Sequence[EventKey]) -> set[EventKey]:
        """Those of `keys` that the consumer has never claimed; claimed with the commit."""
        # Everybody claims in the same order, so that nobody waits in a circle.
        ordered = sorted(set(keys))
        asked = {
            "consumer": consumer,
            "users": [user_id for user_id, _ in ordered],
            "sequences": [sequence for _, sequence in ordered],
        }
        found = await self._connection.execute(_CLAIM, asked)
        return {(row.user_id, row.sequence) for row in found}
