"""Servers that take less of OpenAI's protocol than OpenAI does, and those that break it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from pydantic import BaseModel, Field

from hedgerow.domain.ai_usage import AIProvider, ModelChoice, TokenUsage
from hedgerow.domain.errors import ModelUnavailable
from hedgerow.infrastructure.models.book import ModelBook
from hedgerow.infrastructure.models.json_schemas import strict
from hedgerow.infrastructure.models.openai_chat import OpenAIProvider
from hedgerow.infrastructure.models.patience import Patience
from hedgerow.infrastructure.models.usage import token_usage
from model_servers import SPEAKERS, Answer, Heard, ModelServer, Said

ONCE = Patience(attempts=1, timeout_s=30.0)


class Stop(BaseModel):
    price: float = Field(gt=0)


class View(BaseModel):
    stance: str
    confidence: float = 0.5
    stop: Stop | None = Field(default=None, description="Where to leave.")
    others: list[Stop] = []


@asynccontextmanager
async def served(name: str, *scripts: Any) -> AsyncIterator[tuple[ModelServer, BaseLlm]]:
    async with ModelServer(SPEAKERS[name](), scripts) as server:
        provider = server.speaker.client(server.url, 30.0)
        async with ModelBook({provider.name: provider}, ONCE) as book:
            yield server, book.llm([ModelChoice(provider.name, "m")])


async def ask(llm: BaseLlm, *contents: types.Content, **config: Any) -> LlmResponse:
    asked = list(contents) or [types.UserContent("How is it?")]
    request = LlmRequest(contents=asked, config=types.GenerateContentConfig(**config))
    (answer,) = [each async for each in llm.generate_content_async(request)]
    return answer


def without(*names: str) -> Any:
    """A server that refuses requests with such fields, formats or roles."""

    def answer(heard: Heard) -> Answer:
        format_ = (heard.document.get("response_format") or {}).get("type")
        for name in names:
            if name in heard.document or name == format_:
                is_field = name in heard.document
                error = {"message": f"no {name}", "param": name if is_field else None}
                return Answer(400, json.dumps({"error": error}).encode())
        server = ModelServer(SPEAKERS["compatible"]())
        return server.answer_of(Said('{"stance": "long"}'), heard)

    return answer


class TestSchemas:
    @pytest.mark.parametrize(
        ("lacks", "format_"),
        [
            ((), "json_schema"),
            (("json_schema",), "json_object"),
            (("json_schema", "json_object"), None),
        ],
    )
    async def test_are_told_as_the_server_takes_them(
        self, lacks: tuple[str, ...], format_: str | None
    ) -> None:
        script = without(*lacks)
        async with served("compatible", *[script] * 6) as (server, llm):
            await ask(llm, response_schema=View)
            asked = len(server.heard)
            await ask(llm, response_schema=View)
        assert asked == len(lacks) + 1
        # what it does not take is tried once
        assert len(server.heard) == asked + 1
        last = server.documents[-1]
        assert last.get("response_format", {}).get("type") == format_
        assert ("stance" in json.dumps(last["messages"])) == (format_ != "json_schema")

    async def test_a_refusal_for_another_reason_is_not_held_against_the_schema(self) -> None:
        script = without("messages")
        async with served("compatible", script) as (server, llm):
            with pytest.raises(ModelUnavailable, match="answered 400"):
                await ask(llm, response_schema=View)
            await ask(llm, response_schema=View)
        assert [each["response_format"]["type"] for each in server.documents] == ["json_schema"] * 2

    async def test_deepseek_is_told_in_words(self) -> None:
        async with served("deepseek") as (server, llm):
            await ask(llm, response_schema=View)
        (heard,) = server.documents
        assert heard["response_format"] == {"type": "json_object"}
        assert "JSON Schema" in heard["messages"][0]["content"]

    async def test_openai_is_held_to_them(self) -> None:
        async with served("openai") as (server, llm):
            await ask(llm, response_schema=View)
        given = server.documents[0]["response_format"]["json_schema"]
        assert given["strict"] is True
        assert given["schema"]["required"] == ["stance", "confidence", "stop", "others"]
        assert given["schema"]["additionalProperties"] is False
        assert given["schema"]["$defs"]["Stop"]["additionalProperties"] is False
        assert "default" not in json.dumps(given["schema"])

    def test_free_keys_cannot_be_held_to(self) -> None:
        class Free(BaseModel):
            by_name: dict[str, float]

        assert strict(Free.model_json_schema()) is None

    def test_a_property_may_be_called_as_a_keyword(self) -> None:
        class Odd(BaseModel):
            default: int
            items: str

        bound = strict(Odd.model_json_schema())
        assert bound is not None
        assert bound["required"] == ["default", "items"]
        assert set(bound["properties"]) == {"default", "items"}

    @pytest.mark.parametrize(
        "schema",
        [
            View,
            View.model_json_schema(),
            types.Schema(type=types.Type.OBJECT, properties={"stance": {"type": "STRING"}}),  # type: ignore[dict-item]
        ],
    )
    async def test_are_taken_in_every_form_that_google_adk_gives(self, schema: Any) -> None:
        async with served("compatible") as (server, llm):
            await ask(llm, response_schema=schema)
        given = server.documents[0]["response_format"]["json_schema"]["schema"]
        assert given["properties"]["stance"]["type"] == "string"


class TestDispensableFields:
    async def test_are_left_out_once_they_are_refused(self) -> None:
        script = without("temperature")
        async with served("openai", *[script] * 3) as (server, llm):
            await ask(llm, temperature=0.0, seed=7, max_output_tokens=100)
            await ask(llm, temperature=0.0, seed=7, max_output_tokens=100)
        assert ["temperature" in each for each in server.documents] == [True, False, False]
        assert all(each["seed"] == 7 for each in server.documents)

    @pytest.mark.parametrize(
        ("name", "field"),
        [
            ("openai", "max_completion_tokens"),
            ("deepseek", "max_tokens"),
            ("compatible", "max_tokens"),
        ],
    )
    async def test_the_limit_is_called_as_the_server_calls_it(self, name: str, field: str) -> None:
        async with served(name) as (server, llm):
            await ask(llm, max_output_tokens=100)
        assert server.documents[0][field] == 100

    async def test_effort_is_passed_on(self) -> None:
        thinking = types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW)
        async with served("openai") as (server, llm):
            await ask(llm, thinking_config=thinking)
        assert server.documents[0]["reasoning_effort"] == "low"


class TestServersOfOnesOwn:
    async def test_without_a_key_none_is_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
        async with ModelServer(SPEAKERS["compatible"]()) as server:
            provider = OpenAIProvider(AIProvider.COMPATIBLE, None, 30.0, f"{server.url}/v1")
            async with ModelBook({provider.name: provider}, ONCE) as book:
                await ask(book.llm([ModelChoice(AIProvider.COMPATIBLE, "m")]))
        assert "authorization" not in server.heard[0].headers
        assert server.heard[0].path == "/v1/chat/completions"

    async def test_that_count_nothing_count_as_nothing(self) -> None:
        def uncounted(heard: Heard) -> Answer:
            document = SPEAKERS["compatible"]().whole(Said("yes"), heard)
            return Answer(body=json.dumps({**document, "usage": None}).encode())

        async with served("compatible", uncounted) as (_, llm):
            assert token_usage(await ask(llm)) == TokenUsage(0, 0)

    async def test_calls_without_ids_are_paired_by_name_and_order(self) -> None:
        names = ("look_up", "count", "look_up")
        calls = [
            types.Part(function_call=types.FunctionCall(name=name, args={"n": number}))
            for number, name in enumerate(names)
        ]
        answers = [
            types.Part(function_response=types.FunctionResponse(name=name, response={"n": number}))
            for number, name in ((1, "count"), (0, "look_up"), (2, "look_up"))
            for name in (names[number],)
        ]
        contents = (
            types.UserContent("How is it?"),
            types.Content(role="model", parts=calls),
            types.Content(role="user", parts=answers),
        )
        async with served("compatible") as (server, llm):
            await ask(llm, *contents)
        messages = server.documents[0]["messages"]
        asked = {
            call["id"]: json.loads(call["function"]["arguments"])
            for call in messages[1]["tool_calls"]
        }
        told = {each["tool_call_id"]: json.loads(each["content"]) for each in messages[2:]}
        assert told == asked
        assert len(told) == 3

    @pytest.mark.parametrize("arguments", ['{"of": "BT', "[1]", '"BTC"'])
    async def test_a_call_with_broken_arguments_is_no_answer(self, arguments: str) -> None:
        def broken(heard: Heard) -> Answer:
            document = SPEAKERS["compatible"]().whole(Said(calls=[("look_up", {})]), heard)
            call = document["choices"][0]["message"]["tool_calls"][0]
            call["function"]["arguments"] = arguments
            return Answer(body=json.dumps(document).encode())

        async with served("compatible", broken) as (_, llm):
            with pytest.raises(ModelUnavailable, match="cannot be read"):
                await ask(llm)

    async def test_a_picture_is_refused_before_it_is_sent(self) -> None:
        picture = types.Part(inline_data=types.Blob(data=b"x", mime_type="image/png"))
        async with served("compatible") as (server, llm):
            with pytest.raises(ModelUnavailable, match="cannot be asked this") as caught:
                await ask(llm, types.Content(role="user", parts=[picture]))
        assert server.heard == []
        assert not caught.value.may_be_charged
