"""Sessions: state by prefix, events in order, and content that says what it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from builders import NOON, USER
from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.sessions import (
    RESEARCH_USER_ID,
    ContentType,
    EventActions,
    EventContent,
    Session,
    SessionEvent,
    StateScope,
    UsageMetadata,
    by_scope,
    scope_of,
)


def session() -> Session:
    return Session(UUID(int=1), "prometheus-agents", str(USER), "s-1", NOON, NOON)


def event(event_id: str = "evt_1", seconds: int = 1, **state: Any) -> SessionEvent:
    return SessionEvent(
        event_id,
        "market_analyst",
        EventContent(ContentType.TEXT, text="Analyzing BTC momentum..."),
        NOON + timedelta(seconds=seconds),
        EventActions("risk_manager", state),
    )


@pytest.mark.parametrize(
    ("key", "scope"),
    [
        ("_app_model", StateScope.APP),
        ("_user_language", StateScope.USER),
        ("_temp_draft", StateScope.TEMPORARY),
        ("analysis_complete", StateScope.SESSION),
        ("app_model", StateScope.SESSION),
    ],
)
def test_a_prefix_tells_how_far_a_variable_reaches(key: str, scope: StateScope) -> None:
    assert scope_of(key) is scope


def test_variables_are_told_apart_by_their_scope() -> None:
    state = {"_app_a": 1, "_user_b": 2, "_temp_c": 3, "d": 4}
    assert by_scope(state) == {
        StateScope.APP: {"_app_a": 1},
        StateScope.USER: {"_user_b": 2},
        StateScope.TEMPORARY: {"_temp_c": 3},
        StateScope.SESSION: {"d": 4},
    }


def test_an_event_changes_the_state_and_stays() -> None:
    talk = session()
    talk.append(event(analysis_complete=False, symbol="BTC/USDT"))
    talk.append(event("evt_2", 2, analysis_complete=True))
    assert talk.state == {"analysis_complete": True, "symbol": "BTC/USDT"}
    assert [each.event_id for each in talk.events] == ["evt_1", "evt_2"]
    assert talk.updated_at == NOON + timedelta(seconds=2)


@pytest.mark.parametrize("again", [[event()], [event("evt_2"), event("evt_2")]])
def test_an_event_that_is_known_is_refused_and_nothing_with_it(again: list[SessionEvent]) -> None:
    talk = session()
    talk.append(event())
    before = replace(talk)
    with pytest.raises(InvalidValue):
        talk.append(event("evt_0"), *again)
    assert talk == before


def test_a_late_event_stays_where_it_was_added() -> None:
    talk = session()
    talk.append(event("evt_1", 5), event("evt_2", 1))
    assert [each.event_id for each in talk.events] == ["evt_1", "evt_2"]
    assert (talk.version, talk.updated_at) == (2, NOON + timedelta(seconds=5))


def test_no_users_conversation_speaks_to_all_users() -> None:
    talk, research = session(), replace(session(), user_id=str(RESEARCH_USER_ID))
    with pytest.raises(InvalidValue, match="_app_mood"):
        talk.append(event(_app_mood="greedy"))
    assert talk == session()
    research.append(event(_app_mood="greedy"))
    assert research.state == {"_app_mood": "greedy"}


def test_a_session_has_no_more_events_than_it_counts() -> None:
    with pytest.raises(InvalidValue, match="version"):
        replace(session(), events=(event(),))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (ContentType.TEXT, {"tool": "search"}),
        (ContentType.TOOL_CALL, {"text": "hello"}),
        (ContentType.TOOL_RESPONSE, {}),
    ],
)
def test_content_carries_what_its_type_is_about(kind: ContentType, given: dict[str, str]) -> None:
    with pytest.raises(InvalidValue):
        EventContent(kind, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("tokens", [(-1, 1, 1), (1, -1, 1), (2, 2, 3)])
def test_tokens_add_up(tokens: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidValue):
        UsageMetadata(*tokens)


def test_a_total_may_hold_hidden_tokens() -> None:
    assert UsageMetadata(1500, 300, 2000).total_tokens == 2000
