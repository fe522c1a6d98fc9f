"""What every provider of models must do, asked over real sockets in its own protocol."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from pydantic import BaseModel

from hedgerow.domain.ai_usage import ModelChoice, TokenUsage
from hedgerow.domain.errors import ModelUnavailable
from hedgerow.entrypoints.words import sentence
from hedgerow.infrastructure.models.book import ModelBook
from hedgerow.infrastructure.models.patience import Pace, Patience
from hedgerow.infrastructure.models.usage import token_usage
from model_servers import KEY, SPEAKERS, Answer, Heard, ModelServer, Said, Script

# no answer is late because the machine is busy
CALM = Patience(attempts=3, timeout_s=30.0, failures_max=100)
HASTY = Patience(attempts=3, timeout_s=1.0, failures_max=100)
MODEL = "some-model"
Scripts = Sequence[Script | Answer | Said]


class Pauses:
    """Takes the place of sleeping, and keeps how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


class Desk:
    """A server, a model behind it, and what it was asked."""

    def __init__(self, server: ModelServer, llm: BaseLlm, pauses: Pauses) -> None:
        self.server = server
        self.llm = llm
        self.pauses = pauses

    async def ask(self, request: LlmRequest, *, stream: bool = False) -> list[LlmResponse]:
        return [each async for each in self.llm.generate_content_async(request, stream)]

    async def answer(self, request: LlmRequest) -> LlmResponse:
        (response,) = await self.ask(request)
        return response


@asynccontextmanager
async def desk_with(
    name: str, scripts: Scripts = (), patience: Patience = CALM
) -> AsyncIterator[Desk]:
    pauses = Pauses()
    async with ModelServer(SPEAKERS[name](), scripts) as server:
        provider = server.speaker.client(server.url, patience.timeout_s)
        pace = Pace(sleep=pauses, draw=lambda least, most: most)
        async with ModelBook({provider.name: provider}, patience, pace) as book:
            yield Desk(server, book.llm([ModelChoice(provider.name, MODEL)]), pauses)


@pytest.fixture(params=SPEAKERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def desk(name: str) -> AsyncIterator[Desk]:
    async with desk_with(name) as desk:
        yield desk


def look_up(symbol: str) -> types.FunctionDeclaration:
    schema = {"type": "object", "properties": {symbol: {"type": "string"}}, "required": [symbol]}
    return types.FunctionDeclaration(
        name="look_up", description="Looks it up.", parameters_json_schema=schema
    )


def request_of(*contents: types.Content, **config: Any) -> LlmRequest:
    given = types.GenerateContentConfig(system_instruction="You are careful.", **config)
    asked = contents or (types.UserContent("How is it?"),)
    return LlmRequest(model="of the agent", contents=list(asked), config=given)


def text_of(response: LlmResponse) -> str:
    assert response.content is not None
    parts = response.content.parts or []
    return "".join(part.text or "" for part in parts if not part.thought)


def thought_of(response: LlmResponse) -> str:
    assert response.content is not None
    return "".join(part.text or "" for part in response.content.parts or [] if part.thought)


class TestAnswers:
    async def test_the_model_is_asked_with_its_instruction(self, desk: Desk) -> None:
        response = await desk.answer(request_of())
        assert text_of(response) == "all is well"
        assert response.finish_reason == types.FinishReason.STOP
        assert response.error_code is None
        (heard,) = desk.server.heard
        assert desk.server.speaker.system(heard.document) == "You are careful."
        assert MODEL in heard.path + str(heard.document.get("model"))
        assert "How is it?" in json.dumps(heard.document)

    async def test_an_answer_says_who_gave_it(self, desk: Desk) -> None:
        told = (await desk.answer(request_of())).custom_metadata
        assert told is not None
        assert (told["provider"], told["model_id"]) == (desk.server.speaker.provider, MODEL)
        assert told["attempts"] == 1
        assert 0 <= told["latency_ms"] < CALM.timeout_s * 1000

    async def test_what_was_asked_stays_as_it_was(self, desk: Desk) -> None:
        request = request_of(tools=[types.Tool(function_declarations=[look_up("of")])])
        before = request.model_dump()
        await desk.answer(request)
        assert request.model_dump() == before

    async def test_a_streamed_answer_comes_in_pieces_and_then_whole(self, desk: Desk) -> None:
        *pieces, whole = await desk.ask(request_of(), stream=True)
        assert len(pieces) > 1
        assert all(piece.partial for piece in pieces)
        assert not whole.partial
        assert "".join(map(text_of, pieces)) == text_of(whole) == "all is well"
        assert token_usage(whole) == TokenUsage(20, 5)
        assert whole.custom_metadata is not None
        assert whole.custom_metadata["attempts"] == 1

    async def test_an_answer_in_json_fits_its_schema(self, desk: Desk) -> None:
        class View(BaseModel):
            stance: str

        desk.server.scripts = [Said('{"stance": "long"}')]
        request = request_of(response_schema=View, response_mime_type="application/json")
        response = await desk.answer(request)
        assert View.model_validate_json(text_of(response)) == View(stance="long")
        assert "stance" in json.dumps(desk.server.documents[0])

    async def test_the_models_are_listed(self, desk: Desk, name: str) -> None:
        provider = desk.server.speaker.client(desk.server.url, 1.0)
        assert list(await provider.model_ids()) == ["one", "two"]
        await provider.aclose()


class TestTools:
    @pytest.mark.parametrize("stream", [False, True])
    async def test_are_called_and_their_answers_heard(self, desk: Desk, stream: bool) -> None:
        desk.server.scripts = [Said(calls=[("look_up", {"of": "BTC"}), ("look_up", {"of": "ETH"})])]
        tools = [types.Tool(function_declarations=[look_up("of")])]
        question = types.UserContent("How is it?")
        asked = await desk.ask(request_of(question, tools=tools), stream=stream)
        calls = asked[-1].get_function_calls()
        assert [(call.name, call.args) for call in calls] == [
            ("look_up", {"of": "BTC"}),
            ("look_up", {"of": "ETH"}),
        ]
        found = answers_to(calls, [{"price": "1.5"}, {"price": "2.5"}])
        assert asked[-1].content is not None
        second = request_of(question, asked[-1].content, found, tools=tools)
        assert text_of(await desk.answer(second)) == "all is well"
        speaker, (_, heard) = desk.server.speaker, desk.server.documents
        assert speaker.tools(heard) == ["look_up"]
        assert [id_ for id_, _ in speaker.tool_answers(heard)] == [call.id for call in calls]
        assert [json.loads(said) for _, said in speaker.tool_answers(heard)] == [
            {"price": "1.5"},
            {"price": "2.5"},
        ]


def answers_to(
    calls: Sequence[types.FunctionCall], answers: Sequence[dict[str, Any]]
) -> types.Content:
    parts = [
        types.Part(
            function_response=types.FunctionResponse(id=call.id, name=call.name, response=answer)
        )
        for call, answer in zip(calls, answers, strict=True)
    ]
    return types.Content(role="user", parts=parts)


class TestUsage:
    @pytest.mark.parametrize("stream", [False, True])
    async def test_parts_are_told_apart(self, desk: Desk, name: str, stream: bool) -> None:
        # only these two say what was written to their caches
        written = 30 if name in {"anthropic", "openai", "compatible"} else 0
        usage = TokenUsage(100, 50, cached_tokens=40, cache_write_tokens=written, thinking_tokens=8)
        desk.server.scripts = [Said("yes", usage=usage)]
        whole = (await desk.ask(request_of(), stream=stream))[-1]
        assert token_usage(whole) == usage
        # as stored and loaded again
        assert token_usage(LlmResponse.model_validate_json(whole.model_dump_json())) == usage


class TestThoughts:
    @pytest.mark.parametrize("stream", [False, True])
    async def test_are_no_part_of_the_answer(self, desk: Desk, stream: bool) -> None:
        desk.server.scripts = [Said("yes", thought="hmm, perhaps")]
        *pieces, whole = await desk.ask(request_of(), stream=stream)
        assert (text_of(whole), thought_of(whole)) == ("yes", "hmm, perhaps")
        if stream:
            assert "".join(map(thought_of, pieces)) == "hmm, perhaps"

    async def test_go_back_to_their_author_where_it_wants_them(self, desk: Desk, name: str) -> None:
        desk.server.scripts = [Said(thought="hmm, perhaps", calls=[("look_up", {"of": "BTC"})])]
        tools = [types.Tool(function_declarations=[look_up("of")])]
        first = await desk.answer(request_of(tools=tools))
        assert first.content is not None
        # as stored and loaded again
        spoken = types.Content.model_validate_json(first.content.model_dump_json())
        found = answers_to(first.get_function_calls(), [{"price": "1.5"}])
        question = types.UserContent("How is it?")
        await desk.answer(request_of(question, spoken, found, tools=tools))
        heard = json.dumps(desk.server.documents[1])
        assert ("hmm, perhaps" in heard) == (name in {"anthropic", "deepseek", "google"})
        assert "thought_by" not in heard


def fault_scripts(server: ModelServer) -> dict[str, Answer]:
    return {
        "429": server.refusing(429),
        "500": server.refusing(500),
        "503": Answer(503, b"<html>down</html>", {"Content-Type": "text/html"}),
        "529": server.refusing(529),
        "broken JSON": Answer(body=b'{"choices": [{"ind'),
        "other JSON": Answer(body=b'{"hello": "there"}'),
        "a list": Answer(body=b"[]"),
        "a page": Answer(body=b"<html>hello</html>", headers={"Content-Type": "text/html"}),
        "closed": Answer(cut=0, body=b"{}"),
        "cut short": Answer(cut=5, body=b'{"choices": []}'),
    }


FAULTS = tuple(fault_scripts(ModelServer(SPEAKERS["openai"]())))


class TestFaultsThatPass:
    @pytest.mark.parametrize("fault", FAULTS)
    async def test_are_got_over(self, desk: Desk, fault: str) -> None:
        script = fault_scripts(desk.server)[fault]
        desk.server.scripts = [script, script]
        response = await desk.answer(request_of())
        assert text_of(response) == "all is well"
        assert response.custom_metadata is not None
        assert response.custom_metadata["attempts"] == 3
        assert desk.pauses.seconds == [1.0, 2.0]

    @pytest.mark.parametrize("fault", FAULTS)
    async def test_may_be_charged_for_unless_they_are_refusals(
        self, desk: Desk, fault: str
    ) -> None:
        desk.server.scripts = [fault_scripts(desk.server)[fault]] * 3
        with pytest.raises(ModelUnavailable) as caught:
            await desk.answer(request_of())
        assert caught.value.may_be_charged == (not fault.isdecimal())

    async def test_lateness_is_got_over(self, name: str) -> None:
        async with desk_with(name, patience=HASTY) as desk:
            # what is imported by the first call takes time as well
            await desk.answer(request_of())
            desk.server.scripts = [Answer(delay_s=60.0)]
            response = await desk.answer(request_of())
        assert response.custom_metadata is not None
        assert response.custom_metadata["attempts"] == 2

    async def test_lateness_is_called_so(self, name: str) -> None:
        patience = Patience(attempts=1, timeout_s=0.05)
        async with desk_with(name, [Answer(delay_s=60.0)], patience) as desk:
            with pytest.raises(
                ModelUnavailable, match=r"within 0\.05 s|cannot be reached"
            ) as caught:
                await desk.answer(request_of())
        assert caught.value.may_be_charged

    async def test_end_in_a_refusal_where_they_do_not_pass(self, desk: Desk) -> None:
        desk.server.scripts = [desk.server.refusing(529)] * 3
        with pytest.raises(ModelUnavailable) as caught:
            await desk.answer(request_of())
        assert caught.value.attempts == len(desk.server.heard) == 3
        assert "overloaded" in sentence(caught.value)
        assert MODEL in sentence(caught.value)

    async def test_a_server_that_is_not_there(self, name: str) -> None:
        async with desk_with(name) as desk:
            await desk.server.__aexit__()
            with pytest.raises(ModelUnavailable, match="cannot be reached") as caught:
                await desk.answer(request_of())
        assert not caught.value.may_be_charged, "nothing was sent"


class TestRetryAfter:
    async def test_seconds_are_waited_out(self, desk: Desk) -> None:
        desk.server.scripts = [desk.server.refusing(429, headers={"Retry-After": "7"})]
        await desk.answer(request_of())
        assert desk.pauses.seconds == [8.0]

    async def test_a_date_is_waited_for(self, desk: Desk) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
        desk.server.scripts = [desk.server.refusing(429, headers={"Retry-After": date})]
        await desk.answer(request_of())
        (pause,) = desk.pauses.seconds
        assert 18.0 <= pause <= 21.0

    async def test_nobody_is_waited_for_forever(self, desk: Desk) -> None:
        desk.server.scripts = [desk.server.refusing(429, headers={"Retry-After": "3600"})]
        with pytest.raises(ModelUnavailable, match="too many requests"):
            await desk.answer(request_of())
        assert (desk.pauses.seconds, len(desk.server.heard)) == ([], 1)


class TestFaultsThatStay:
    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    async def test_are_not_repeated(self, desk: Desk, name: str, status: int) -> None:
        desk.server.scripts = [desk.server.refusing(status)] * 3
        with pytest.raises(ModelUnavailable) as caught:
            await desk.answer(request_of())
        assert (caught.value.attempts, len(desk.server.heard)) == (1, 1)
        assert not caught.value.may_be_charged
        said = sentence(caught.value)
        assert f"answered {status}" in said
        if status in {401, 403}:
            assert f"HEDGEROW_{name.upper()}_API_KEY" in said


class TestStreams:
    async def test_a_fault_before_the_first_piece_is_got_over(self, desk: Desk) -> None:
        desk.server.scripts = [desk.server.refusing(500)]
        assert text_of((await desk.ask(request_of(), stream=True))[-1]) == "all is well"

    async def test_nobody_goes_on_with_the_answer_of_another(self, desk: Desk) -> None:
        def cut(heard: Heard) -> Answer:
            whole = desk.server.answer_of(Said("first half, second half"), heard)
            middle = whole.body.index(b"second half")
            return Answer(body=whole.body, headers=whole.headers, cut=middle)

        desk.server.scripts = [cut]
        pieces: list[LlmResponse] = []
        with pytest.raises(ModelUnavailable, match="in the middle of its answer"):
            await collect(desk.llm.generate_content_async(request_of(), True), pieces)
        assert pieces
        assert len(desk.server.heard) == 1


async def collect(responses: AsyncIterator[LlmResponse], into: list[LlmResponse]) -> None:
    async for response in responses:
        into.append(response)  # noqa: PERF401 - what came before it failed is what matters


def echo(status: int) -> Script:
    """A server that repeats the key, as real ones do in part."""

    def answer(heard: Heard) -> Answer:
        message = f"Incorrect API key provided: {KEY}"
        body = {"error": {"message": message, "type": "error", "code": status}}
        return Answer(status, json.dumps(body).encode())

    return answer


@pytest.mark.parametrize(
    "scripts", [[echo(401)], [echo(500)] * 3, [echo(200)] * 3, [], [Answer(cut=0)]]
)
async def test_the_key_is_never_told(
    name: str, scripts: list[Script | Answer], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    async with desk_with(name, scripts) as desk:
        said += [repr(desk.llm), str(desk.llm), repr(vars(desk.llm))]
        try:
            said.append((await desk.answer(request_of())).model_dump_json())
        except ModelUnavailable as error:
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            said += [repr(error), sentence(error), *shown.format()]
            said += [repr(error.__cause__), repr(error.__context__)]
        (heard, *_) = desk.server.heard
        assert KEY in json.dumps(dict(heard.headers))
    said.append(caplog.text)
    assert KEY not in "\n".join(said)
