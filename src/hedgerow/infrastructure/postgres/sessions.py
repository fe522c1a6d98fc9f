"""Conversations of agents in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import cast

from hedgerow.domain.documents import read_value, write_value
from hedgerow.domain.sessions import Session, SessionEvent
from hedgerow.infrastructure.postgres import rows, tables

_TABLE = tables.sessions


class PostgresSessions:
    """Implements the Sessions port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, session: Session) -> None:
        """Store a new session."""
        events = write_value(session.events)
        row = rows.to_row(_TABLE, session, state=write_value(session.state), events=events)
        await self._connection.execute(insert(_TABLE), row)

    async def find(self, app_name: str, user_id: UUID, session_id: str) -> Session | None:
        """The session that ADK knows by these three; raises DocumentRefused for a broken one."""
        c = _TABLE.c
        found = await self._connection.execute(
            select(_TABLE).where(
                c.user_id == str(user_id), c.app_name == app_name, c.session_id == session_id
            )
        )
        row = found.mappings().one_or_none()
        if row is None:
            return None
        return rows.from_row(
            Session,
            row,
            state=read_value("session state", dict[str, object], row["state"]),
            events=read_value("session events", tuple[SessionEvent, ...], row["events"]),
        )

    async def append(self, session: Session, event: SessionEvent) -> None:
        """Add an event to a session and to its row; raises InvalidValue as Session.append does."""
        session.append(event)
        # only the new event travels, however long the conversation is
        new = cast(write_value([event]), JSONB)
        await self._connection.execute(
            update(_TABLE)
            .where(_TABLE.c.id == session.id)
            .values(
                events=_TABLE.c.events.op("||")(new),
                state=write_value(session.state),
                updated_at=session.updated_at,
            )
        )
