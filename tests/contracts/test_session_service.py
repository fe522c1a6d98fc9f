"""ADK's sessions over units of work: what a desk says comes back equal, and writers are apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from copy import deepcopy
from typing import Any
from uuid import UUID

import pytest
from google.adk.agents.llm_agent import LlmAgent
from google.adk.apps.app import App
from google.adk.errors._stale_session_error import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event, NodeInfo
from google.adk.events.event_actions import EventActions
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions.base_session_service import GetSessionConfig
from google.adk.sessions.session import Session
from google.adk.tools.tool_context import ToolContext
from google.adk.workflow import START, JoinNode, Workflow
from google.genai import types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import NOON, USER
from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.sessions import (
    AGENTS_APP,
    RESEARCH_USER_ID,
    ContentType,
    EventContent,
    SessionEvent,
)
from hedgerow.infrastructure.agents.desk.session_events import adk_event, stored_event
from hedgerow.infrastructure.agents.desk.session_service import FundSessionService
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork

ADA, BOB = str(USER), str(UUID(int=0xB0B))
RESEARCH = str(RESEARCH_USER_ID)


@pytest.fixture
def service(open_postgres: OpenUnitOfWork) -> FundSessionService:
    return FundSessionService(open_postgres)


async def begin(
    service: FundSessionService,
    user_id: str = ADA,
    session_id: str | None = "desk",
    state: dict[str, Any] | None = None,
) -> Session:
    return await service.create_session(
        app_name=AGENTS_APP, user_id=user_id, session_id=session_id, state=state
    )


async def again(service: FundSessionService, session: Session, **config: Any) -> Session:
    found = await service.get_session(
        app_name=session.app_name,
        user_id=session.user_id,
        session_id=session.id,
        config=GetSessionConfig(**config),
    )
    assert found is not None
    return found


def said(number: int, state: dict[str, Any] | None = None, **details: Any) -> Event:
    return Event(
        author="analyst",
        invocation_id="i",
        timestamp=NOON.timestamp() + number,
        content=types.Content(role="model", parts=[types.Part(text=f"number {number}")]),
        actions=EventActions(state_delta=state or {}),
        **details,
    )


# --- events ----------------------------------------------------------------------------------

RICH = [
    Event(author="user", content=types.Content(role="user", parts=[types.Part(text="Buy?")])),
    Event(
        author="analyst",
        invocation_id="i",
        branch="desk.analyst",
        timestamp=1742000000.1234567,
        content=types.Content(
            role="model",
            parts=[
                types.Part(text="hidden", thought=True, thought_signature=b"\xff\x00"),
                types.Part(text="I look."),
                types.Part(
                    function_call=types.FunctionCall(
                        id="c1", name="look", args={"rsi": 0.1, "n": None, "deep": [{"x": 1.0}]}
                    )
                ),
                types.Part(function_call=types.FunctionCall(id="c2", name="wait")),
            ],
        ),
        actions=EventActions(
            state_delta={"fair": 0.5, "user:risk": {"max": 1e-7}, "gone": None, "n": 3},
            transfer_to_agent="risk_manager",
            artifact_delta={"chart.png": 2},
        ),
        long_running_tool_ids={"c2", "c1"},
        usage_metadata=types.GenerateContentResponseUsageMetadata(
            prompt_token_count=1500,
            candidates_token_count=300,
            total_token_count=2000,
            thoughts_token_count=200,
            cached_content_token_count=1024,
        ),
        custom_metadata={"provider": "house", "latency_ms": 12.5},
        model_version="m-1",
        finish_reason=types.FinishReason.STOP,
    ),
    Event(
        author="look",
        content=types.Content(
            role="user",
            parts=[
                types.Part(
                    function_response=types.FunctionResponse(
                        id="c1", name="look", response={"result": [1, 2.5, "x"]}
                    )
                )
            ],
        ),
    ),
    Event(author="desk", node_info=NodeInfo(path="desk/look@1"), output={"verdict": [0.25, None]}),
    Event(author="analyst", error_code="429", error_message="later"),
    Event(author="analyst", content=types.Content(role="model", parts=[])),
    Event(
        author="analyst",
        content=types.Content(
            parts=[types.Part(inline_data=types.Blob(data=b"\x00\xff", mime_type="image/png"))]
        ),
    ),
    Event(author="analyst", usage_metadata=types.GenerateContentResponseUsageMetadata()),
]


@pytest.mark.parametrize("event", RICH)
async def test_an_event_comes_back_equal(service: FundSessionService, event: Event) -> None:
    before = deepcopy(event)
    session = await begin(service)
    await service.append_event(session, event)
    (found,) = (await again(service, session)).events
    assert found == before == event


def test_what_is_specified_stands_where_it_says() -> None:
    stored = stored_event(RICH[1])
    assert stored.event_id == f"evt_{RICH[1].id}"
    assert stored.content == EventContent(
        ContentType.TOOL_CALL, tool="look", data={"rsi": 0.1, "n": None, "deep": [{"x": 1.0}]}
    )
    assert stored.actions.transfer_to_agent == "risk_manager"
    assert stored.actions.state_delta["_user_risk"] == {"max": 1e-7}
    assert stored.usage_metadata is not None
    assert stored.usage_metadata.total_tokens == 2000
    assert "state_delta" not in stored.details["actions"]  # type: ignore[index,operator]


def test_events_that_adk_has_not_made_are_read_too() -> None:
    contents = [
        EventContent(ContentType.TEXT, text="Looking."),
        EventContent(ContentType.TOOL_CALL, tool="look", data={"symbol": "BTC/USDT"}),
        EventContent(ContentType.TOOL_RESPONSE, tool="look", data={"rsi": 30}),
    ]
    text, call, response = [
        adk_event(SessionEvent(str(number), "analyst", content, NOON))
        for number, content in enumerate(contents)
    ]
    assert (text.id, text.content) == (
        "0",
        types.Content(role="model", parts=[types.Part(text="Looking.")]),
    )
    assert call.get_function_calls() == [
        types.FunctionCall(name="look", args={"symbol": "BTC/USDT"})
    ]
    assert response.get_function_responses() == [
        types.FunctionResponse(name="look", response={"rsi": 30})
    ]


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["mood", "user:language", "a:b", "x.y"])
PARTS = st.builds(types.Part, text=st.text(max_size=5)) | st.builds(
    lambda args: types.Part(function_call=types.FunctionCall(id="c", name="f", args=args)),
    st.none() | st.dictionaries(st.text(max_size=4), JSON, max_size=3),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    delta=st.dictionaries(NAMES, JSON, max_size=3),
    output=JSON,
    parts=st.none() | st.lists(PARTS, max_size=3),
    at=st.floats(0, 4e9),
)
async def test_any_event_is_stored_without_loss(
    delta: dict[str, Any], output: Any, parts: list[types.Part] | None, at: float
) -> None:
    content = None if parts is None else types.Content(role="model", parts=parts)
    event = Event(
        author="a",
        timestamp=at,
        output=output,
        content=content,
        actions=EventActions(state_delta=delta),
    )
    assert adk_event(stored_event(event)) == event


# --- a desk at work --------------------------------------------------------------------------


class Scripted(BaseLlm):
    """Answers in turn whatever it is asked; each answer is parts, or a text."""

    answers: list[list[types.Part]]

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        usage = types.GenerateContentResponseUsageMetadata(
            prompt_token_count=10,
            candidates_token_count=5,
            total_token_count=17,
            thoughts_token_count=2,
            cached_content_token_count=4,
        )
        content = types.Content(role="model", parts=self.answers.pop(0))
        yield LlmResponse(content=content, usage_metadata=usage, model_version="scripted")


def look(symbol: str, tool_context: ToolContext) -> dict[str, Any]:
    """What the market does."""
    tool_context.state["rsi"] = 31.4
    tool_context.state["user:seen"] = [symbol]
    tool_context.state["temp:draft"] = "never stored"
    return {"rsi": 31.4, "series": [0.1, None]}


def agent(name: str, *answers: Sequence[types.Part] | str, **details: Any) -> LlmAgent:
    turns = [[types.Part(text=a)] if isinstance(a, str) else list(a) for a in answers]
    model = Scripted(model="scripted", answers=turns)
    return LlmAgent(name=name, model=model, instruction=name, **details)


def call(name: str, **arguments: Any) -> list[types.Part]:
    return [types.Part(function_call=types.FunctionCall(name=name, args=arguments))]


def workflow() -> Workflow:
    technical = agent(
        "technical", call("look", symbol="BTC/USDT"), "It falls.", tools=[look], output_key="view"
    )
    news = agent("news", "Nothing new.", output_key="user:news")
    join = JoinNode(name="join")
    manager = agent("manager", "We wait.", output_key="decision")

    def conclude(node_input: Any) -> dict[str, Any]:
        return {"verdict": str(node_input), "confidence": 0.3}

    return Workflow(
        name="desk",
        edges=[
            (START, (technical, news)),
            ((technical, news), join),
            (join, manager),
            (manager, conclude),
        ],
    )


async def run(service: FundSessionService, root: Any) -> list[Event]:
    runner = Runner(app=App(name=AGENTS_APP, root_agent=root), session_service=service)
    message = types.Content(role="user", parts=[types.Part(text="BTC/USDT?")])
    return [
        event
        async for event in runner.run_async(user_id=ADA, session_id="desk", new_message=message)
    ]


async def test_a_workflow_comes_back_event_by_event(service: FundSessionService) -> None:
    session = await begin(service)
    told = await run(service, workflow())
    found = await again(service, session)
    assert found.events[1:] == told
    assert any(event.get_function_responses() for event in told)
    assert any(event.output for event in told)
    assert found.state["rsi"] == 31.4
    assert found.state["decision"] == "We wait."
    assert found.state["user:news"] == "Nothing new."
    assert not [name for name in found.state if name.startswith(("temp:", "_temp_"))]


async def test_a_hand_over_comes_back(service: FundSessionService) -> None:
    session = await begin(service)
    risk = agent("risk_manager", "Too much.")
    root = agent("desk", call("transfer_to_agent", agent_name="risk_manager"), sub_agents=[risk])
    told = await run(service, root)
    found = await again(service, session)
    assert found.events[1:] == told
    assert [e.actions.transfer_to_agent for e in told if e.actions.transfer_to_agent]
    assert found.events[-1].author == "risk_manager"


# --- state -----------------------------------------------------------------------------------


async def test_state_reaches_as_far_as_its_prefix_says(
    service: FundSessionService, open_postgres: OpenUnitOfWork
) -> None:
    session = await begin(service, state={"mood": "calm", "user:language": "en", "temp:x": 1})
    assert session.state == {"mood": "calm", "user:language": "en"}
    research = await begin(service, RESEARCH, state={"app:regime": "range"})
    await service.append_event(session, said(1, {"user:risk": 2.5, "temp:y": 2, "mood": "wary"}))
    assert session.state["temp:y"] == 2
    assert session.events[0].actions.state_delta == {"user:risk": 2.5, "mood": "wary"}
    other = await begin(service, session_id="other")
    assert other.state == {"user:language": "en", "user:risk": 2.5, "app:regime": "range"}
    assert (await begin(service, BOB)).state == research.state == {"app:regime": "range"}
    assert await service.get_user_state(app_name=AGENTS_APP, user_id=ADA) == {
        "language": "en",
        "risk": 2.5,
    }
    async with open_postgres(SYSTEM) as unit:
        found = await unit.sessions.find(AGENTS_APP, USER, "desk")
    assert found is not None
    assert found.state["_user_language"] == "en"


@pytest.mark.parametrize("name", ["app:mood", "_user_mood", "_temp_mood", "_app_mood"])
async def test_a_variable_that_would_reach_too_far_is_refused(
    service: FundSessionService, name: str
) -> None:
    session = await begin(service)
    before = deepcopy(session)
    with pytest.raises(InvalidValue, match="mood"):
        await service.append_event(session, said(1, {name: 1}))
    assert session == before
    with pytest.raises(InvalidValue, match="mood"):
        await begin(service, session_id="other", state={name: 1})


# --- writers ---------------------------------------------------------------------------------


async def test_a_stale_session_is_refused_and_as_before(service: FundSessionService) -> None:
    session = await begin(service)
    stale = await again(service, session)
    before = deepcopy(stale)
    # of the same moment, which ADK's own service does not tell apart
    await service.append_event(session, said(1))
    with pytest.raises(StaleSessionError):
        await service.append_event(stale, said(1, {"temp:x": 1}))
    assert stale == before
    fresh = await again(service, session)
    await service.append_event(fresh, said(0))
    assert [e.timestamp - NOON.timestamp() for e in (await again(service, session)).events] == [
        1,
        0,
    ]


async def test_a_session_from_elsewhere_is_refused(service: FundSessionService) -> None:
    await begin(service)
    made = Session(id="desk", app_name=AGENTS_APP, user_id=ADA)
    with pytest.raises(StaleSessionError, match="not read"):
        await service.append_event(made, said(1))


async def test_a_deleted_session_is_not_found(service: FundSessionService) -> None:
    session = await begin(service)
    for _ in range(2):
        await service.delete_session(app_name=AGENTS_APP, user_id=ADA, session_id="desk")
    with pytest.raises(SessionNotFoundError):
        await service.append_event(session, said(1))
    found = await service.get_session(app_name=AGENTS_APP, user_id=ADA, session_id="desk")
    assert found is None


async def test_partial_events_are_passed_over(service: FundSessionService) -> None:
    session = await begin(service)
    await service.append_event(session, said(1, partial=True))
    await service.flush()
    assert session.events == (await again(service, session)).events == []


async def test_a_session_begins_once_and_may_be_given_a_name(service: FundSessionService) -> None:
    await begin(service)
    with pytest.raises(AlreadyExistsError):
        await begin(service, session_id=" desk ")
    assert (await begin(service, session_id=None)).id
    assert (await begin(service, BOB)).id == "desk"
    with pytest.raises(InvalidValue, match="user_id"):
        await begin(service, "ada")


async def test_a_long_conversation_is_read_from_its_end(service: FundSessionService) -> None:
    session = await begin(service)
    for number in range(150):
        await service.append_event(session, said(number))
    assert (await again(service, session)).events == session.events
    recent = await again(service, session, num_recent_events=50)
    assert recent.events == session.events[-50:]
    assert (await again(service, session, num_recent_events=0)).events == []
    after = await again(service, session, after_timestamp=NOON.timestamp() + 148)
    assert after.events == session.events[-2:]
    # a session that holds its end alone grows as any other
    await service.append_event(recent, said(150))
    assert len((await again(service, session)).events) == 151


async def test_sessions_are_listed_by_their_latest_event(service: FundSessionService) -> None:
    first, second = (
        await begin(service),
        await begin(service, session_id="other", state={"mood": "calm"}),
    )
    await begin(service, BOB)
    far = 10**9
    await service.append_event(second, said(far))
    await service.append_event(first, said(far + 1))
    listed = await service.list_sessions(app_name=AGENTS_APP, user_id=ADA)
    assert [(s.id, s.events) for s in listed.sessions] == [("other", []), ("desk", [])]
    assert listed.sessions[0].state == {"mood": "calm"}
    everybody = await service.list_sessions(app_name=AGENTS_APP)
    assert {s.user_id for s in everybody.sessions} == {ADA, BOB}


async def test_desks_of_several_users_write_at_once(service: FundSessionService) -> None:
    sessions = [await begin(service, str(UUID(int=number))) for number in range(1, 6)]

    async def talk(session: Session) -> None:
        for number in range(20):
            await service.append_event(session, said(number, {"user:count": number}))

    await asyncio.gather(*map(talk, sessions))
    for session in sessions:
        found = await again(service, session)
        assert found.events == session.events
        assert found.state["user:count"] == 19
