"""Conversations of agents in PostgreSQL: in pages, so that a long one grows as fast as a short one.

Event N of a session has the sequence N, which its place tells: a page holds PAGE_EVENTS, and what
comes after the last full page stands in the row of the session itself. Full pages never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.documents import read_value, write_value
from hedgerow.domain.errors import SessionConflict
from hedgerow.domain.sessions import Session, SessionEvent, StateScope, by_scope
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.json_values import storable
from hedgerow.infrastructure.postgres.rows import Row
from hedgerow.infrastructure.postgres.tables import PAGE_EVENTS

# Any session is shorter.
_ALL: Final = 2**40

_SHARED: Final = """
    (SELECT state FROM session_states u
     WHERE u.user_id = s.user_id AND u.app_name = s.app_name) AS user_state,
    (SELECT state FROM session_states a
     WHERE a.user_id IS NULL AND a.app_name = s.app_name) AS app_state
"""
_ARRAYS: Final = ARRAY(JSONB, dimensions=1)
# One statement sees one moment: pages, variables and version belong together.
_FIND: Final = text(f"""
    SELECT s.*, {_SHARED},
        ARRAY(SELECT p.events FROM session_pages p
              WHERE p.user_id = s.user_id AND p.session_row_id = s.id
                AND p.first_sequence + {PAGE_EVENTS} > s.version - :last + 1
              ORDER BY p.first_sequence) AS pages
    FROM sessions s
    WHERE s.user_id = :user_id AND s.app_name = :app_name AND s.session_id = :session_id
""").columns(*tables.sessions.columns, user_state=JSONB, app_state=JSONB, pages=_ARRAYS)  # noqa: S608 - names of our own
_LIST: Final = text(f"""
    SELECT s.id, s.app_name, s.user_id, s.session_id, s.state, s.created_at, s.updated_at,
        s.version, {_SHARED}
    FROM sessions s
    WHERE s.app_name = :app_name AND (CAST(:user_id AS text) IS NULL OR s.user_id = :user_id)
    ORDER BY s.updated_at, s.user_id, s.session_id
""").columns(state=JSONB, user_state=JSONB, app_state=JSONB)  # noqa: S608 - names of our own
_ADD: Final = text("""
    INSERT INTO sessions
        (id, app_name, user_id, session_id, state, events, created_at, updated_at, version)
    VALUES (:id, :app_name, :user_id, :session_id, :state, :events, :created_at, :updated_at,
        :version)
    ON CONFLICT DO NOTHING
""").bindparams(bindparam("state", type_=JSONB), bindparam("events", type_=JSONB))
_ADD_PAGE: Final = text("""
    INSERT INTO session_pages (session_row_id, user_id, first_sequence, events)
    VALUES (:id, :user_id, :first_sequence, :events)
""").bindparams(bindparam("events", type_=JSONB))
# Only the new events travel, however long the conversation is.
_APPEND: Final = text("""
    UPDATE sessions SET events = events || :events, state = state || :state,
        version = version + :count, updated_at = :updated_at
    WHERE id = :id AND version = :version
""").bindparams(bindparam("state", type_=JSONB), bindparam("events", type_=JSONB))
# The open page and the events that fill it move; what is left over begins the next one.
_TURN: Final = text("""
    WITH old AS (
        SELECT id, user_id, events FROM sessions
        WHERE id = :id AND version = :version FOR UPDATE
    ), moved AS (
        INSERT INTO session_pages (session_row_id, user_id, first_sequence, events)
        SELECT id, user_id, first_sequence,
            CASE WHEN number = 1 THEN old.events || page ELSE page END
        FROM old, unnest(:pages, :sequences)
            WITH ORDINALITY full_page (page, first_sequence, number)
    )
    UPDATE sessions s SET events = :events, state = s.state || :state,
        version = version + :count, updated_at = :updated_at
    FROM old WHERE s.id = old.id
""").bindparams(
    bindparam("state", type_=JSONB),
    bindparam("events", type_=JSONB),
    bindparam("pages", type_=_ARRAYS),
    bindparam("sequences", type_=ARRAY(BigInteger)),
)
_SHARE: Final = text("""
    INSERT INTO session_states AS s (app_name, user_id, state) VALUES (:app_name, :user_id, :state)
    ON CONFLICT (user_id, app_name) DO UPDATE SET state = s.state || excluded.state
""").bindparams(bindparam("state", type_=JSONB))
_USER_STATE: Final = text(
    "SELECT state FROM session_states WHERE user_id = :user_id AND app_name = :app_name"
).columns(state=JSONB)
_DELETE: Final = text(
    "DELETE FROM sessions"
    " WHERE user_id = :user_id AND app_name = :app_name AND session_id = :session_id"
)


class PostgresSessions:
    """Implements the Sessions port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, session: Session) -> None:
        """Store a new session; raises SessionConflict where there is one of that name."""
        session.require_own(session.state)
        pages, rest = _in_pages(session.events, 0)
        state = by_scope(storable(write_value(session.state)))
        row = rows.to_row(tables.sessions, session, state=state[StateScope.SESSION], events=rest)
        added = await self._connection.execute(_ADD, row)
        if not added.rowcount:
            raise SessionConflict(session.session_id, session.version)
        for first_sequence, events in pages:
            await self._connection.execute(
                _ADD_PAGE,
                {
                    "id": session.id,
                    "user_id": session.user_id,
                    "first_sequence": first_sequence,
                    "events": events,
                },
            )
        await self._share(session, state)

    async def find(
        self, app_name: str, user_id: UUID, session_id: str, last: int | None = None
    ) -> Session | None:
        """The session that ADK knows by these three, with all or its `last` events."""
        wanted = _ALL if last is None else last
        asked = _named(app_name, user_id, session_id) | {"last": wanted}
        row = (await self._connection.execute(_FIND, asked)).mappings().one_or_none()
        if row is None:
            return None
        stored = [event for page in (*row["pages"], row["events"]) for event in page]
        return _session_of(row, stored[max(len(stored) - wanted, 0) :])

    async def append(self, session: Session, events: Sequence[SessionEvent]) -> None:
        """Add events to a session and to its rows, unless somebody else has added some."""
        grown = replace(session)
        grown.append(*events)
        delta: dict[str, object] = {}
        for event in events:
            delta |= event.actions.state_delta
        state = by_scope(storable(write_value(delta)))
        pages, rest = _in_pages(events, session.version)
        changes: dict[str, object] = {
            "id": session.id,
            "version": session.version,
            "count": len(events),
            "state": state[StateScope.SESSION],
            "events": rest,
            "updated_at": grown.updated_at,
        }
        if pages:
            changes["sequences"] = [first_sequence for first_sequence, _ in pages]
            changes["pages"] = [page for _, page in pages]
        done = await self._connection.execute(_TURN if pages else _APPEND, changes)
        if not done.rowcount:
            raise SessionConflict(session.session_id, session.version)
        await self._share(session, state)
        session.append(*events)

    async def all(self, app_name: str, user_id: UUID | None = None) -> list[Session]:
        """Sessions without their events, of one user where given, the latest event last."""
        asked = {"app_name": app_name, "user_id": None if user_id is None else str(user_id)}
        found = await self._connection.execute(_LIST, asked)
        return [_session_of(row, []) for row in found.mappings()]

    async def user_state(self, app_name: str, user_id: UUID) -> dict[str, object]:
        """The variables that all sessions of a user share."""
        asked = {"app_name": app_name, "user_id": str(user_id)}
        found = (await self._connection.execute(_USER_STATE, asked)).scalar_one_or_none()
        return _variables(found)

    async def delete(self, app_name: str, user_id: UUID, session_id: str) -> None:
        """Forget a session, if there is one; its pages go with it."""
        await self._connection.execute(_DELETE, _named(app_name, user_id, session_id))

    async def _share(
        self, session: Session, state: Mapping[StateScope, Mapping[str, object]]
    ) -> None:
        """Write variables that other sessions share; row-level security keeps users apart."""
        owners = {StateScope.USER: session.user_id, StateScope.APP: None}
        for scope, owner in owners.items():
            if state[scope]:
                await self._connection.execute(
                    _SHARE,
                    {"app_name": session.app_name, "user_id": owner, "state": state[scope]},
                )


def _named(app_name: str, user_id: UUID, session_id: str) -> dict[str, object]:
    return {"app_name": app_name, "user_id": str(user_id), "session_id": session_id}


def _in_pages(
    events: Sequence[SessionEvent], version: int
) -> tuple[list[tuple[int, list[Any]]], list[Any]]:
    """Which pages events fill that come after `version` others, each by its first sequence.

    The first one lacks what is open already. What fills no page is returned beside them.
    """
    stored = [storable(write_value(_lasting(event))) for event in events]
    pages: list[tuple[int, list[Any]]] = []
    opened = version // PAGE_EVENTS * PAGE_EVENTS
    start, end = 0, opened + PAGE_EVENTS - version
    while end <= len(stored):
        pages.append((opened + 1, stored[start:end]))
        opened += PAGE_EVENTS
        start, end = end, end + PAGE_EVENTS
    return pages, stored[start:]


def _lasting(event: SessionEvent) -> SessionEvent:
    """The event without temporary variables."""
    scopes = by_scope(event.actions.state_delta)
    if not scopes[StateScope.TEMPORARY]:
        return event
    lasting = {
        key: value
        for key, value in event.actions.state_delta.items()
        if key not in scopes[StateScope.TEMPORARY]
    }
    return replace(event, actions=replace(event.actions, state_delta=lasting))


def _session_of(row: Row, events: Sequence[Any]) -> Session:
    state = _variables(row["state"])
    for shared in (row["user_state"], row["app_state"]):
        state |= _variables(shared)
    return rows.from_row(
        Session,
        row,
        state=state,
        events=read_value("session events", tuple[SessionEvent, ...], events),
    )


def _variables(stored: object) -> dict[str, object]:
    if stored is None:
        return {}
    found: dict[str, object] = read_value("session state", dict[str, object], stored)
    return found
