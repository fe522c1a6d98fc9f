"""Models of a chain inside google-adk's own agents: tools, schemas and what is kept of answers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from google.adk.agents import LlmAgent
from google.adk.events import Event
from google.adk.runners import InMemoryRunner
from google.genai import types
from pydantic import BaseModel

from hedgerow.domain.ai_usage import ModelChoice, TokenUsage
from hedgerow.infrastructure.models.book import ModelBook
from hedgerow.infrastructure.models.usage import token_usage
from model_servers import SPEAKERS, ModelServer, Said


class View(BaseModel):
    stance: str


def price_of(symbol: str) -> Mapping[str, str]:
    """The last price of a symbol."""
    return {"symbol": symbol, "price": "101.5"}


@pytest.fixture(params=SPEAKERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def run(agent: LlmAgent) -> list[Event]:
    runner = InMemoryRunner(agent=agent, app_name="desk")
    session = await runner.session_service.create_session(app_name="desk", user_id="u")
    question = types.UserContent("How is BTC?")
    return [
        event
        async for event in runner.run_async(
            user_id="u", session_id=session.id, new_message=question
        )
    ]


async def test_an_agent_calls_its_tools_and_each_answer_is_accounted_for(name: str) -> None:
    scripts = [
        Said(calls=[("price_of", {"symbol": "BTC"})], usage=TokenUsage(30, 7)),
        Said("it stands at 101.5", usage=TokenUsage(50, 9)),
    ]
    async with ModelServer(SPEAKERS[name](), scripts) as server:
        provider = server.speaker.client(server.url, 30.0)
        async with ModelBook({provider.name: provider}) as book:
            llm = book.llm([ModelChoice(provider.name, "m")])
            agent = LlmAgent(name="analyst", model=llm, instruction="Look.", tools=[price_of])
            events = await run(agent)
    answers = [event for event in events if event.custom_metadata]
    assert [token_usage(event) for event in answers] == [TokenUsage(30, 7), TokenUsage(50, 9)]
    assert {(event.custom_metadata or {})["model_id"] for event in answers} == {"m"}
    assert answers[-1].content is not None
    assert "101.5" in (answers[-1].content.parts or [])[0].text  # type: ignore[operator]
    ((_, told),) = server.speaker.tool_answers(server.documents[1])
    assert "101.5" in told


async def test_an_agent_is_held_to_its_schema(name: str) -> None:
    async with ModelServer(SPEAKERS[name](), [Said('{"stance": "long"}')]) as server:
        provider = server.speaker.client(server.url, 30.0)
        async with ModelBook({provider.name: provider}) as book:
            llm = book.llm([ModelChoice(provider.name, "m")])
            agent = LlmAgent(
                name="analyst", model=llm, instruction="Look.", output_schema=View, output_key="v"
            )
            events = await run(agent)
    assert events[-1].actions.state_delta == {"v": {"stance": "long"}}
