"""Conversations of agents (ADK sessions): what was said, and the state that it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from hedgerow.domain.errors import InvalidValue

# The application that ADK knows the desk's conversations by.
AGENTS_APP: Final = "prometheus-agents"
# Whose conversations about the market all users share. It is nobody's: a UUIDv8, which no source of
# ids gives out; all may read what is its, and only the system writes it.
RESEARCH_USER_ID: Final = UUID("00000000-0000-8000-8000-6d61726b6574")


class StateScope(StrEnum):
    """How far a state variable reaches."""

    APP = "app"
    """All users of the application."""
    USER = "user"
    """All sessions of the user."""
    TEMPORARY = "temporary"
    """This session, for as long as it is being worked on."""
    SESSION = "session"
    """This session."""


STATE_PREFIXES: Final[Mapping[str, StateScope]] = {
    "_app_": StateScope.APP,
    "_user_": StateScope.USER,
    "_temp_": StateScope.TEMPORARY,
}


def scope_of(key: str) -> StateScope:
    """The scope of a state variable, by the prefix of its name."""
    for prefix, scope in STATE_PREFIXES.items():
        if key.startswith(prefix):
            return scope
    return StateScope.SESSION


def by_scope(state: Mapping[str, object]) -> dict[StateScope, dict[str, object]]:
    """The variables of each scope."""
    scopes: dict[StateScope, dict[str, object]] = {scope: {} for scope in StateScope}
    for key, value in state.items():
        scopes[scope_of(key)][key] = value
    return scopes


class ContentType(StrEnum):
    """What an event carries."""

    TEXT = "text"
    TOOL_CALL = "tool_call"
    TOOL_RESPONSE = "tool_response"


@dataclass(frozen=True, slots=True)
class EventContent:
    """A message in words, or a call of a tool with its arguments, or what the tool gave back.

    Raises InvalidValue for a message without text and for a call or response without a tool.
    """

    type: ContentType
    text: str | None = None
    tool: str | None = None
    data: dict[str, object] | None = None

    def __post_init__(self) -> None:
        needed = "text" if self.type is ContentType.TEXT else "tool"
        if getattr(self, needed) is None:
            raise InvalidValue(field=needed, value=None, allowed=f"text, for a {self.type}")


@dataclass(frozen=True, slots=True)
class EventActions:
    """What an event brings about: a hand-over to another agent, and changes of the state."""

    transfer_to_agent: str | None = None
    state_delta: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsageMetadata:
    """Tokens that an event cost; the total may hold more than both, such as hidden reasoning."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    def __post_init__(self) -> None:
        for name in ("prompt_tokens", "completion_tokens"):
            if getattr(self, name) < 0:
                raise InvalidValue(field=name, value=getattr(self, name), allowed="0 or more")
        counted = self.prompt_tokens + self.completion_tokens
        if self.total_tokens < counted:
            raise InvalidValue(
                field="total_tokens", value=self.total_tokens, allowed=f"at least {counted}"
            )


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """One thing that was said or done in a session, and by whom.

    `details` is whatever else who speaks with the models has to know to have the event back as it
    was: JSON in ADK's form, such as all parts of a message where `content` is about one.
    """

    event_id: str
    author: str
    content: EventContent
    timestamp: datetime
    actions: EventActions = field(default_factory=EventActions)
    usage_metadata: UsageMetadata | None = None
    details: dict[str, object] | None = None


@dataclass(slots=True)
class Session:
    """A conversation. `id` is the row's, `session_id` ADK's; `user_id` is the user's id as text.

    `state` holds JSON values by name, those of the user and of the application among them.
    `version` tells how many events were ever appended, in which order they stay; `events` are all
    of them, or the last ones. Raises InvalidValue for more events than the version tells of.
    """

    id: UUID
    app_name: str
    user_id: str
    session_id: str
    created_at: datetime
    updated_at: datetime
    state: dict[str, Any] = field(default_factory=dict)
    events: tuple[SessionEvent, ...] = ()
    version: int = 0

    def __post_init__(self) -> None:
        if self.version < len(self.events):
            allowed = f"{len(self.events)} or more, as there are events"
            raise InvalidValue(field="version", value=self.version, allowed=allowed)

    def append(self, *events: SessionEvent) -> None:
        """Add what happened, in this order whatever its times are, and change the state by it.

        Raises InvalidValue, having changed nothing, for an event that is here already, and where
        a user's conversation would change what all users share.
        """
        known = {event.event_id for event in self.events}
        for event in events:
            if event.event_id in known:
                raise InvalidValue(field="event_id", value=event.event_id, allowed="a new one")
            self.require_own(event.actions.state_delta)
            known.add(event.event_id)
        self.events = (*self.events, *events)
        self.version += len(events)
        for event in events:
            self.state = {**self.state, **event.actions.state_delta}
            self.updated_at = max(self.updated_at, event.timestamp)

    def require_own(self, state: Mapping[str, object]) -> None:
        """Raise InvalidValue where a user's conversation would set what all users share.

        It may hold anybody's words, and must not speak to all the others.
        """
        if self.user_id == str(RESEARCH_USER_ID):
            return
        for key in state:
            if scope_of(key) is StateScope.APP:
                allowed = "set by research that all users share, and by no user's conversation"
                raise InvalidValue(field=key, value=state[key], allowed=allowed)
