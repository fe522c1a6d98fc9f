"""The house's rules as a model behind OpenAI's protocol: what it hears and says goes over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hedgerow.domain.ai_usage import TokenUsage
from hedgerow.infrastructure.agents.desk.house.heard import ROLE, Heard
from hedgerow.infrastructure.agents.desk.house.model import RULES
from model_servers import Answer, Compatible, Document, ModelServer, Said
from model_servers import Heard as Request

# What google-adk has an answer given by, where a model takes no schema beside tools.
ANSWERING = "set_model_response"
USED = TokenUsage(700, 90, cached_tokens=300, thinking_tokens=40)


class HouseServer(ModelServer):
    """Asks every tool it is offered once, then answers by the house's rules."""

    def __init__(self) -> None:
        super().__init__(Compatible(), usual=self.play)

    @property
    def settings(self) -> Mapping[str, str]:
        """What it takes to have the desk ask it."""
        return {
            "HEDGEROW_COMPATIBLE_URL": f"{self.url}/v1",
            "HEDGEROW_AI_PROVIDER": "compatible",
            "HEDGEROW_AI_MODEL": "house-behind-http",
        }

    def play(self, request: Request) -> Answer:
        """The answer of the agent that asks."""
        heard = heard_in(request.document)
        offered = self.speaker.tools(request.document)
        unasked = [name for name in offered if name not in {*heard.told, ANSWERING}]
        if unasked:
            return self.answer_of(Said(calls=[(each, {}) for each in unasked], usage=USED), request)
        answer = RULES[heard.agent](heard).model_dump_json()
        if ANSWERING in offered:
            return self.answer_of(
                Said(calls=[(ANSWERING, json.loads(answer))], usage=USED), request
            )
        return self.answer_of(Said(answer, usage=USED), request)


def agent_of(document: Document) -> str:
    """Who asks."""
    role = ROLE.search(document["messages"][0]["content"])
    assert role is not None
    return role[1]


def heard_in(document: Document) -> Heard:
    """The turn that a request continues."""
    messages: list[Any] = document["messages"]
    names = {
        call["id"]: call["function"]["name"]
        for message in messages
        for call in message.get("tool_calls") or ()
    }
    opening = next(message["content"] for message in messages if message["role"] == "user")
    told = {
        names[message["tool_call_id"]]: json.loads(message["content"])
        for message in messages
        if message["role"] == "tool"
    }
    return Heard(agent_of(document), json.loads(opening), told)
