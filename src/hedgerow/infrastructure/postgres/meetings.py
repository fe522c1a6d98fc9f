"""Meetings of the desk in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, Text, cast, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.json_values import storable
from hedgerow.infrastructure.postgres.rows import Row
from hedgerow.usecases.ports.model_records import Meeting

_TABLE: Final = tables.desk_meetings


class PostgresMeetings:
    """Implements the Meetings port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, meeting: Meeting) -> None:
        """Store a meeting; one with this id that is stored already is replaced."""
        row = rows.to_row(
            _TABLE,
            meeting,
            answers=storable(meeting.answers),
            briefing=storable(meeting.briefing),
            decision=storable(meeting.decision),
            decision_hash=bytes.fromhex(meeting.decision_hash),
            abstained=storable(meeting.abstained),
        )
        statement = insert(_TABLE).values(row)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[_TABLE.c.id],
                set_={name: statement.excluded[name] for name in row if name != "id"},
            )
        )

    async def of_session(self, session_id: str) -> Meeting | None:
        """The meeting that was held in a session."""
        c = _TABLE.c
        wanted = select(_TABLE).where(c.session_id == session_id)
        return await self._first(wanted.order_by(c.at.desc(), c.id.desc()))

    async def by_part(self, part: str) -> list[Meeting]:
        """Meetings whose id begins or ends with `part`; at most two."""
        text = cast(_TABLE.c.id, Text)
        begins, ends = text.startswith(part, autoescape=True), text.endswith(part, autoescape=True)
        return await self._all(select(_TABLE).where(or_(begins, ends)).limit(2))

    async def last(self) -> Meeting | None:
        """The fund's meeting held last that decided to act, or if none did, the last one."""
        c = _TABLE.c
        of_funds = select(_TABLE).where(c.briefing.has_key("fund"))
        return await self._first(of_funds.order_by(c.acted.desc(), c.at.desc(), c.id.desc()))

    async def latest_at(self, user_id: UUID, symbol: str, before: datetime) -> datetime | None:
        """When the desk last met to decide for a user on a symbol, before a moment."""
        c = _TABLE.c
        # what a post-mortem comes to is no decision of the fund, and has no kind
        decides = c.decision.has_key("kind")
        # nor is what the user asked for: asking changes nothing that the fund does later
        own = c.briefing["is_asked_for"].astext.is_distinct_from("true")
        held = c.user_id == user_id, c.symbol == symbol, c.at < before
        mine = select(c.at).where(*held, decides, own)
        latest: datetime | None = await self._connection.scalar(mine.order_by(c.at.desc()).limit(1))
        return latest

    async def between(self, user_id: UUID, start: datetime, end: datetime) -> list[Meeting]:
        """A user's meetings with `start <= at < end`, by time and then by symbol."""
        c = _TABLE.c
        wanted = select(_TABLE).where(c.user_id == user_id, c.at >= start, c.at < end)
        return await self._all(wanted.order_by(c.at, c.symbol, c.id))

    async def _first(self, wanted: Select[Any]) -> Meeting | None:
        return next(iter(await self._all(wanted.limit(1))), None)

    async def _all(self, wanted: Select[Any]) -> list[Meeting]:
        found = await self._connection.execute(wanted)
        return [_meeting(row) for row in found.mappings()]


def _meeting(row: Row) -> Meeting:
    return rows.from_row(Meeting, row, decision_hash=row["decision_hash"].hex())
