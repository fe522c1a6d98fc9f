"""ADK's sessions, kept where the fund keeps everything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.adk.errors._stale_session_error import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.adk.platform.time import get_time
from google.adk.platform.uuid import new_uuid
from google.adk.sessions.base_session_service import (
    BaseSessionService,
    GetSessionConfig,
    ListSessionsResponse,
)
from google.adk.sessions.session import Session
from google.adk.sessions.state import State
from pydantic import PrivateAttr
from pydantic_core import to_jsonable_python

from hedgerow.domain import sessions as stored
from hedgerow.domain.errors import InvalidValue, SessionConflict
from hedgerow.domain.ids import derived_id
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.infrastructure.agents.desk.session_events import (
    adk_event,
    adk_state,
    stored_event,
    stored_state,
)
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork


class FundSession(Session):
    """ADK's session, which knows the row that it is of, and how far it was read."""

    _head: stored.Session = PrivateAttr()


class FundSessionService(BaseSessionService):
    """Sessions of ADK through units of work.

    Each event is one transaction, durable once `append_event` returns. Users are ids as text. Each
    acts for themselves; the research that all users share is written by the system.
    """

    def __init__(self, open_unit: OpenUnitOfWork) -> None:
        self._open_unit = open_unit

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Begin a session; raises AlreadyExistsError where there is one of that name."""
        owner, name = _owner(user_id), (session_id or "").strip() or new_uuid()
        at = datetime.fromtimestamp(get_time(), UTC)
        row_id = derived_id(at, owner, app_name, name)
        begun = stored.Session(row_id, app_name, str(owner), name, at, at)
        begun.state = stored_state(to_jsonable_python(state or {}))
        async with self._open_unit(_actor(owner)) as unit:
            try:
                await unit.sessions.add(begun)
            except SessionConflict as error:
                raise AlreadyExistsError(f"Session with id {name} already exists.") from error
            found = await unit.sessions.find(app_name, owner, name, last=0)
            await unit.commit()
        assert found is not None, "it was added a moment ago"
        return _session_of(found)

    async def get_session(
        self,
        *,
        app_name: str,
        user_id: str,
        session_id: str,
        config: GetSessionConfig | None = None,
    ) -> Session | None:
        """The session, with the events that `config` asks for."""
        config = config or GetSessionConfig()
        owner = _owner(user_id)
        async with self._open_unit(_actor(owner)) as unit:
            found = await unit.sessions.find(
                app_name, owner, session_id.strip(), config.num_recent_events
            )
        if found is None:
            return None
        session = _session_of(found)
        if config.after_timestamp is not None:
            after = config.after_timestamp
            session.events = [event for event in session.events if event.timestamp >= after]
        return session

    async def list_sessions(
        self, *, app_name: str, user_id: str | None = None
    ) -> ListSessionsResponse:
        """Sessions without their events, of all users where none is given."""
        owner = None if user_id is None else _owner(user_id)
        async with self._open_unit(SYSTEM if owner is None else _actor(owner)) as unit:
            found = await unit.sessions.all(app_name, owner)
        return ListSessionsResponse(sessions=[_session_of(each) for each in found])

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Forget a session."""
        owner = _owner(user_id)
        async with self._open_unit(_actor(owner)) as unit:
            await unit.sessions.delete(app_name, owner, session_id.strip())
            await unit.commit()

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """What the sessions of a user share, by names without the prefix."""
        owner = _owner(user_id)
        async with self._open_unit(_actor(owner)) as unit:
            state = await unit.sessions.user_state(app_name, owner)
        return {
            name.removeprefix(State.USER_PREFIX): value for name, value in adk_state(state).items()
        }

    async def append_event(self, session: Session, event: Event) -> Event:
        """Add an event to the stored session, and then to this one.

        Raises StaleSessionError where the stored one has grown since this one was read, or where
        this one was not read here, and SessionNotFoundError where it is gone; `session` is then as
        it was.
        """
        if event.partial:
            return event
        if not isinstance(session, FundSession):
            raise StaleSessionError(f"Session {session.id} was not read from the fund's store.")
        head = replace(session._head)
        try:
            async with self._open_unit(_actor(UUID(head.user_id))) as unit:
                await unit.sessions.append(head, [stored_event(event)])
                await unit.commit()
        except SessionConflict as error:
            raise await self._lost(session) from error
        session._head = _without_contents(head)
        session.last_update_time = head.updated_at.timestamp()
        return await super().append_event(session, event)

    async def keep(self, session: Session) -> None:
        """Store a session whole, in place of one of its name; all of it or nothing.

        One of its name is there where a process died before what it led to was saved.
        `last_update_time` is taken for the time it began.
        """
        owner = _owner(session.user_id)
        at = datetime.fromtimestamp(session.last_update_time, UTC)
        row_id = derived_id(at, owner, session.app_name, session.id)
        whole = stored.Session(row_id, session.app_name, str(owner), session.id, at, at)
        whole.append(*(stored_event(event) for event in session.events))
        async with self._open_unit(_actor(owner)) as unit:
            await unit.sessions.delete(session.app_name, owner, session.id)
            await unit.sessions.add(whole)
            await unit.commit()

    async def _lost(self, session: Session) -> ValueError:
        """Why a session could not be added to."""
        found = await self.get_session(
            app_name=session.app_name,
            user_id=session.user_id,
            session_id=session.id,
            config=GetSessionConfig(num_recent_events=0),
        )
        if found is None:
            return SessionNotFoundError(f"Session {session.id} not found.")
        return StaleSessionError(
            f"Session {session.id} has grown since it was read: read it again."
        )


def _owner(user_id: str) -> UUID:
    try:
        return UUID(user_id)
    except ValueError as error:
        raise InvalidValue(field="user_id", value=user_id, allowed="the id of a user") from error


def _actor(owner: UUID) -> Actor:
    return SYSTEM if owner == RESEARCH_USER_ID else owner


def _session_of(found: stored.Session) -> FundSession:
    session = FundSession(
        id=found.session_id,
        app_name=found.app_name,
        user_id=found.user_id,
        state=adk_state(found.state),
        events=[adk_event(event) for event in found.events],
        last_update_time=found.updated_at.timestamp(),
    )
    session._head = _without_contents(found)
    return session


def _without_contents(session: stored.Session) -> stored.Session:
    """What it takes to add to a session: ADK's own has the events and the state already."""
    return replace(session, events=(), state={})
