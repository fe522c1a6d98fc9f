"""Requests and answers as bytes: the same content is the same bytes, and comes back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from builders import reproducible
from desk_scenes import PLAYED
from hedgerow.domain.ai_usage import HOUSE, AIProvider, ModelChoice
from hedgerow.infrastructure.agents.desk.answers import Allocation, Finding
from hedgerow.infrastructure.agents.desk.wire import (
    calls_of,
    canonical,
    mended,
    request_bytes,
    response_bytes,
    response_of,
    saying,
    text_of,
)

SCHEMA = Finding.model_json_schema()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXT,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(TEXT, JSON, max_size=3)
PARTS = st.one_of(
    st.builds(types.Part, text=TEXT),
    st.builds(types.Part, text=TEXT, thought=st.just(True), thought_signature=st.binary()),
    st.builds(
        types.Part,
        function_call=st.builds(types.FunctionCall, name=TEXT, args=ARGUMENTS),
        thought_signature=st.one_of(st.none(), st.binary(min_size=1)),
    ),
)
CONTENTS = st.builds(types.Content, role=st.just("model"), parts=st.lists(PARTS, min_size=1))


def turn(call_id: str | None, **arguments: Any) -> list[types.Content]:
    """A question, a tool's call, and what it told."""
    call = types.FunctionCall(id=call_id, name="read_news", args=arguments)
    told = types.FunctionResponse(id=call_id, name="read_news", response={"known": False})
    return [
        types.Content(role="user", parts=[types.Part(text="what now?")]),
        types.Content(role="model", parts=[types.Part(function_call=call)]),
        types.Content(role="user", parts=[types.Part(function_response=told)]),
    ]


def request(contents: list[types.Content], **config: Any) -> LlmRequest:
    values: dict[str, Any] = {"system_instruction": "you are", "max_output_tokens": 9}
    return LlmRequest(contents=contents, config=types.GenerateContentConfig(**(values | config)))


class TestRequests:
    @reproducible
    @given(one=st.one_of(st.none(), TEXT), other=st.one_of(st.none(), TEXT), told=ARGUMENTS)
    def test_ids_of_calls_do_not_matter(
        self, one: str | None, other: str | None, told: dict[str, Any]
    ) -> None:
        bodies = {
            request_bytes(PLAYED, request(turn(call_id, told=told)), SCHEMA)
            for call_id in (one, other)
        }
        assert len(bodies) == 1

    def test_the_order_of_keys_does_not_matter(self) -> None:
        one, other = turn(None, a=1, b=2), turn(None, b=2, a=1)
        assert request_bytes(PLAYED, request(one), SCHEMA) == request_bytes(
            PLAYED, request(other), SCHEMA
        )

    @pytest.mark.parametrize(
        "other",
        [
            request_bytes(HOUSE, request(turn(None)), SCHEMA),
            request_bytes(
                ModelChoice(AIProvider.OPENAI, PLAYED.model_id), request(turn(None)), SCHEMA
            ),
            request_bytes(PLAYED, request(turn(None, hours=2)), SCHEMA),
            request_bytes(PLAYED, request(turn(None)[:2]), SCHEMA),
            request_bytes(PLAYED, request(turn(None), system_instruction="you were"), SCHEMA),
            request_bytes(PLAYED, request(turn(None), temperature=0.5), SCHEMA),
            request_bytes(PLAYED, request(turn(None), max_output_tokens=8), SCHEMA),
            request_bytes(PLAYED, request(turn(None)), Allocation.model_json_schema()),
            request_bytes(
                PLAYED,
                request(
                    turn(None),
                    tools=[
                        types.Tool(function_declarations=[types.FunctionDeclaration(name="read")])
                    ],
                ),
                SCHEMA,
            ),
        ],
    )
    def test_all_that_an_answer_can_depend_on_does(self, other: bytes) -> None:
        assert request_bytes(PLAYED, request(turn(None)), SCHEMA) != other

    def test_it_is_json_without_spaces_in_its_own_letters(self) -> None:
        body = canonical({"b": "é", "a": [1, 2.5, None]})
        assert body == '{"a":[1,2.5,null],"b":"é"}'.encode()
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical(float("nan"))


class TestAnswers:
    @reproducible
    @given(content=CONTENTS)
    def test_they_come_back_as_they_were(self, content: types.Content) -> None:
        body = response_bytes(LlmResponse(content=content))
        back = response_of(body)
        assert back.content == content
        assert response_bytes(back) == body

    @reproducible
    @given(content=CONTENTS)
    def test_a_sound_one_needs_no_mending(self, content: types.Content) -> None:
        response = LlmResponse(content=content, custom_metadata={"provider": "openai"})
        assert mended(response) == response

    @pytest.mark.parametrize(
        "part",
        [
            types.Part(text="half \ud800 a letter"),
            types.Part(function_call=types.FunctionCall(name="a", args={"x": ["\udfff"]})),
            types.Part(function_call=types.FunctionCall(name="a", args={"x": float("nan")})),
        ],
    )
    def test_what_is_gone_on_with_is_what_is_written_down(self, part: types.Part) -> None:
        whole = mended(LlmResponse(content=types.Content(role="model", parts=[part])))
        assert response_of(response_bytes(whole)).content == whole.content

    def test_ids_of_calls_are_kept_for_who_goes_on(self) -> None:
        call = types.FunctionCall(id="toolu_1", name="a", args={})
        part = types.Part(function_call=call)
        whole = mended(LlmResponse(content=types.Content(role="model", parts=[part])))
        assert [each.id for each in calls_of(whole)] == ["toolu_1"]
        assert b"toolu_1" not in response_bytes(whole)

    def test_one_without_parts_has_an_empty_text(self) -> None:
        for content in (None, types.Content(), types.Content(role="model", parts=[])):
            whole = mended(LlmResponse(content=content))
            assert text_of(whole) == ""
            assert json.loads(response_bytes(whole))["content"]["parts"] == [{"text": ""}]

    def test_hidden_reasoning_is_not_among_its_words(self) -> None:
        parts = [types.Part(text="hm", thought=True), types.Part(text="a"), types.Part(text="b")]
        response = LlmResponse(content=types.Content(role="model", parts=parts))
        assert text_of(response) == "ab"
        assert text_of(saying("c")) == "c"
        assert calls_of(response) == []
