"""Between ADK's events and the specified ones.

What the specification names stands where it says; all else that ADK has to know to have its event
back, to the last bit of its time, goes into `details`, and nothing stands in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from google.adk.events.event import Event
from google.adk.sessions.state import State
from google.genai.types import GenerateContentResponseUsageMetadata

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.sessions import (
    ContentType,
    EventActions,
    EventContent,
    SessionEvent,
    StateScope,
    UsageMetadata,
    scope_of,
)

_EVENT: Final = "evt_"
_PREFIXES: Final = {
    State.APP_PREFIX: "_app_",
    State.USER_PREFIX: "_user_",
    State.TEMP_PREFIX: "_temp_",
}
# Of several parts the first of these is the one that the specified content is about: the part's
# key, and within it the key of what moves there, if it has one of its own.
_SHOWN: Final = {
    ContentType.TOOL_CALL: ("function_call", "args"),
    ContentType.TOOL_RESPONSE: ("function_response", "response"),
    ContentType.TEXT: ("text", None),
}


def stored_event(event: Event) -> SessionEvent:
    """The event as it is stored; raises InvalidValue for state that cannot be."""
    details = event.model_dump(mode="json", exclude_defaults=True)
    for name in ("id", "author", "timestamp"):
        details.pop(name, None)
    at = datetime.fromtimestamp(event.timestamp, UTC)
    if at.timestamp() != event.timestamp:
        details["timestamp"] = event.timestamp
    actions = details.get("actions", {})
    return SessionEvent(
        event_id=_EVENT + event.id,
        author=event.author,
        content=_take_content(details),
        timestamp=at,
        actions=EventActions(
            actions.pop("transfer_to_agent", None),
            stored_state(actions.pop("state_delta", {})),
        ),
        usage_metadata=_usage(event.usage_metadata),
        details=details,
    )


def adk_event(stored: SessionEvent) -> Event:
    """The event that was stored, equal to the one that came."""
    details: dict[str, Any] = adk_value(stored.details or _details_of(stored))
    _give_content(details, stored.content)
    actions = details.setdefault("actions", {})
    actions["state_delta"] = adk_state(stored.actions.state_delta)
    actions["transfer_to_agent"] = stored.actions.transfer_to_agent
    details.setdefault("timestamp", stored.timestamp.timestamp())
    details["id"] = stored.event_id.removeprefix(_EVENT)
    details["author"] = stored.author
    return Event.model_validate(details)


def stored_state(state: Mapping[str, Any]) -> dict[str, object]:
    """Variables by their stored names.

    Raises InvalidValue for one that ADK takes for the session's and whose name says otherwise here.
    """
    return {_stored_name(name): value for name, value in state.items()}


def adk_state(state: Mapping[str, object]) -> dict[str, Any]:
    """Variables by ADK's names."""
    return {_adk_name(name): adk_value(value) for name, value in state.items()}


def adk_value(value: object) -> Any:
    """A JSON value with the float64 that it was stored with, where it comes back as a Decimal."""
    match value:
        case Decimal():
            return float(value)
        case Mapping():
            return {key: adk_value(item) for key, item in value.items()}
        case list() | tuple():
            return [adk_value(item) for item in value]
        case _:
            return value


def _stored_name(name: str) -> str:
    for theirs, ours in _PREFIXES.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    if scope_of(name) is not StateScope.SESSION:
        allowed = f"without one of {', '.join(_PREFIXES.values())} at its beginning"
        raise InvalidValue(field="the name of a state variable", value=name, allowed=allowed)
    return name


def _adk_name(name: str) -> str:
    for theirs, ours in _PREFIXES.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def _usage(usage: GenerateContentResponseUsageMetadata | None) -> UsageMetadata | None:
    if usage is None:
        return None
    prompt, completion = usage.prompt_token_count or 0, usage.candidates_token_count or 0
    return UsageMetadata(prompt, completion, max(usage.total_token_count or 0, prompt + completion))


def _shown(details: Mapping[str, Any]) -> tuple[ContentType, dict[str, Any]] | None:
    """The part that the specified content is about."""
    parts: list[dict[str, Any]] = details.get("content", {}).get("parts", [])
    for kind, (key, _) in _SHOWN.items():
        for part in parts:
            if key in part:
                return kind, part
    return None


def _take_content(details: dict[str, Any]) -> EventContent:
    """The specified content, taken out of `details`."""
    shown = _shown(details)
    if shown is None:
        return EventContent(ContentType.TEXT, text="")
    kind, part = shown
    key, inner = _SHOWN[kind]
    if inner is None:
        text, part[key] = part[key], ""
        return EventContent(kind, text=text)
    return EventContent(kind, tool=part[key].get("name", ""), data=part[key].pop(inner, None))


def _give_content(details: dict[str, Any], content: EventContent) -> None:
    """Put back what `_take_content` has taken."""
    shown = _shown(details)
    if shown is None:
        return
    kind, part = shown
    key, inner = _SHOWN[kind]
    if inner is None:
        part[key] = content.text
    elif content.data is not None:
        part[key][inner] = adk_value(content.data)


def _details_of(stored: SessionEvent) -> dict[str, Any]:
    """What ADK would have kept of an event that it has not made."""
    key, inner = _SHOWN[stored.content.type]
    part = {key: ""} if inner is None else {key: {"name": stored.content.tool}}
    role = "user" if stored.author == "user" else "model"
    return {"content": {"role": role, "parts": [part]}}
