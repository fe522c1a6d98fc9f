"""Chains of models over real sockets: one fails, another answers, and who fails is left alone."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from hedgerow.domain.ai_usage import HOUSE, AIProvider, ModelChoice
from hedgerow.domain.errors import InputRefused, InvalidValue, ModelUnavailable
from hedgerow.infrastructure.models.book import ModelBook
from hedgerow.infrastructure.models.patience import Pace, Patience
from model_servers import SPEAKERS, Answer, Heard, ModelServer, Said

PATIENCE = Patience(attempts=2, timeout_s=30.0, failures_max=4, rest_s=30.0)
CLAUDE = ModelChoice(AIProvider.ANTHROPIC, "claude-x")
OTHER_CLAUDE = ModelChoice(AIProvider.ANTHROPIC, "claude-y")
GPT = ModelChoice(AIProvider.OPENAI, "gpt-x")
GEMINI = ModelChoice(AIProvider.GOOGLE, "gemini-x")


class Clock:
    """Goes forward when it is slept by, and when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Desk:
    """Servers by provider, the book over them, and its clock."""

    def __init__(self, servers: dict[AIProvider, ModelServer], book: ModelBook, clock: Clock):
        self.servers = servers
        self.book = book
        self.clock = clock

    def script(self, choice: ModelChoice, *scripts: Any) -> ModelServer:
        server = self.servers[choice.provider]
        server.scripts = list(scripts)
        return server

    def asked(self, choice: ModelChoice) -> int:
        return len(self.servers[choice.provider].heard)

    def down(self, choice: ModelChoice, times: int = 99) -> None:
        server = self.servers[choice.provider]
        server.scripts = [server.refusing(529)] * times


@asynccontextmanager
async def open_desk(patience: Patience = PATIENCE) -> AsyncIterator[Desk]:
    clock = Clock()
    pace = Pace(clock=clock, sleep=clock.sleep, draw=lambda least, most: most)
    async with AsyncExitStack() as stack:
        servers = {}
        for name in ("anthropic", "openai", "google"):
            server = await stack.enter_async_context(ModelServer(SPEAKERS[name]()))
            servers[server.speaker.provider] = server
        providers = {
            name: server.speaker.client(server.url, patience.timeout_s)
            for name, server in servers.items()
        }
        book = await stack.enter_async_context(ModelBook(providers, patience, pace))
        yield Desk(servers, book, clock)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        yield desk


def request_of(*contents: types.Content, **config: Any) -> LlmRequest:
    asked = list(contents) or [types.UserContent("How is it?")]
    return LlmRequest(contents=asked, config=types.GenerateContentConfig(**config))


async def ask(llm: BaseLlm, request: LlmRequest | None = None) -> LlmResponse:
    answers = llm.generate_content_async(request or request_of())
    (answer,) = [each async for each in answers]
    return answer


def told(answer: LlmResponse) -> tuple[Any, Any, Any]:
    metadata = answer.custom_metadata or {}
    return metadata["provider"], metadata["model_id"], metadata["attempts"]


class TestFallingBack:
    async def test_the_first_model_answers_while_it_can(self, desk: Desk) -> None:
        answer = await ask(desk.book.llm([CLAUDE, GPT]))
        assert told(answer) == ("anthropic", "claude-x", 1)
        assert desk.asked(GPT) == 0

    async def test_the_next_one_answers_where_the_first_fails(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        desk.down(CLAUDE)
        with caplog.at_level(logging.WARNING):
            answer = await ask(desk.book.llm([CLAUDE, GPT]))
        assert told(answer) == ("openai", "gpt-x", 3)
        assert desk.servers[AIProvider.OPENAI].documents[0]["model"] == "gpt-x"
        assert "anthropic/claude-x gives no answer" in caplog.text

    async def test_also_where_a_key_is_wrong(self, desk: Desk) -> None:
        desk.script(CLAUDE, desk.servers[AIProvider.ANTHROPIC].refusing(401))
        assert told(await ask(desk.book.llm([CLAUDE, GPT]))) == ("openai", "gpt-x", 2)

    async def test_whoever_asks_for_too_long_a_wait_is_passed_over_at_once(
        self, desk: Desk
    ) -> None:
        server = desk.servers[AIProvider.ANTHROPIC]
        desk.script(CLAUDE, server.refusing(429, headers={"Retry-After": "300"}))
        llm = desk.book.llm([CLAUDE, GPT])
        assert told(await ask(llm)) == ("openai", "gpt-x", 2)
        assert desk.clock.now_s == 1000.0
        # and is not asked again before that
        assert told(await ask(llm)) == ("openai", "gpt-x", 1)
        desk.clock.now_s += 300.0
        assert told(await ask(llm)) == ("anthropic", "claude-x", 1)

    async def test_google_says_in_words_how_long_to_wait(self, desk: Desk) -> None:
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.5s"}
        error = {"error": {"code": 429, "message": "slower", "details": [info]}}
        desk.script(GEMINI, Answer(429, json.dumps(error).encode()))
        await ask(desk.book.llm([GEMINI]))
        assert desk.clock.now_s == 1000.0 + 17.5 + 1.0

    async def test_a_wrong_key_of_google_is_called_one(self, desk: Desk) -> None:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        error = {"error": {"code": 400, "message": "bad", "details": [info]}}
        desk.script(GEMINI, Answer(400, json.dumps(error).encode()))
        with pytest.raises(ModelUnavailable, match="HEDGEROW_GOOGLE_API_KEY"):
            await ask(desk.book.llm([GEMINI]))

    async def test_an_empty_account_is_not_asked_again(self, desk: Desk) -> None:
        error = {"error": {"message": "pay", "code": "insufficient_quota"}}
        desk.script(GPT, Answer(429, json.dumps(error).encode()))
        with pytest.raises(ModelUnavailable, match="no credit left"):
            await ask(desk.book.llm([GPT]))
        assert desk.asked(GPT) == 1

    async def test_where_all_fail_each_is_told(self, desk: Desk) -> None:
        desk.down(CLAUDE)
        desk.script(GPT, desk.servers[AIProvider.OPENAI].refusing(401))
        with pytest.raises(ModelUnavailable) as caught:
            await ask(desk.book.llm([CLAUDE, GPT]))
        assert (caught.value.model, caught.value.attempts) == ("openai/gpt-x", 3)
        assert "HEDGEROW_OPENAI_API_KEY" in caught.value.problem
        assert "anthropic/claude-x answered 529" in caught.value.problem

    async def test_a_schema_goes_with_tools_only_where_all_can(self, desk: Desk) -> None:
        both = desk.book.llm([GPT, CLAUDE]).capabilities.output_schema_and_tools
        alone = desk.book.llm([GPT]).capabilities.output_schema_and_tools
        assert (both, alone) == (False, True)


class TestCircuits:
    async def test_a_provider_that_fails_on_is_left_alone(self, desk: Desk) -> None:
        desk.down(CLAUDE)
        llm = desk.book.llm([CLAUDE, GPT])
        await ask(llm)
        await ask(llm)
        assert desk.asked(CLAUDE) == 4
        assert told(await ask(llm)) == ("openai", "gpt-x", 1)
        # its other models are left alone as well
        assert told(await ask(desk.book.llm([OTHER_CLAUDE, GPT]))) == ("openai", "gpt-x", 1)
        assert desk.asked(CLAUDE) == 4

    async def test_and_said_to_be_where_there_is_no_other(self, desk: Desk) -> None:
        desk.down(CLAUDE)
        llm = desk.book.llm([CLAUDE])
        for _ in range(2):
            with pytest.raises(ModelUnavailable):
                await ask(llm)
        with pytest.raises(ModelUnavailable, match="left alone") as caught:
            await ask(llm)
        assert caught.value.attempts == 0

    async def test_a_probe_finds_it_well_again(self, desk: Desk) -> None:
        desk.down(CLAUDE, times=4)
        llm = desk.book.llm([CLAUDE, GPT])
        for _ in range(2):
            await ask(llm)
        desk.clock.now_s += 30.0
        assert told(await ask(llm)) == ("anthropic", "claude-x", 1)

    async def test_a_probe_that_fails_is_the_only_one(self, desk: Desk) -> None:
        desk.down(CLAUDE)
        llm = desk.book.llm([CLAUDE, GPT])
        for _ in range(2):
            await ask(llm)
        desk.clock.now_s += 30.0
        assert told(await ask(llm)) == ("openai", "gpt-x", 2)
        assert desk.asked(CLAUDE) == 5

    async def test_of_many_at_once_one_probes(self, desk: Desk) -> None:
        desk.down(CLAUDE, times=4)
        llm = desk.book.llm([CLAUDE, GPT])
        for _ in range(2):
            await ask(llm)
        desk.clock.now_s += 30.0
        answers = await asyncio.gather(*(ask(llm) for _ in range(5)))
        assert sorted(told(answer)[0] for answer in answers) == ["anthropic"] + ["openai"] * 4

    async def test_a_call_that_is_broken_off_leaves_no_probe_behind(self) -> None:
        async with open_desk(Patience(attempts=1, timeout_s=30.0, failures_max=1)) as desk:
            desk.down(CLAUDE, times=1)
            llm = desk.book.llm([CLAUDE, GPT])
            await ask(llm)
            desk.clock.now_s += 30.0
            server = desk.servers[AIProvider.ANTHROPIC]
            desk.script(CLAUDE, server.refusing(500, delay_s=60.0))
            server.is_asked.clear()
            probe = asyncio.create_task(ask(llm))
            await server.is_asked.wait()
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe
            assert told(await ask(llm)) == ("anthropic", "claude-x", 1)

    async def test_refusals_of_a_request_do_not_count(self, desk: Desk) -> None:
        server = desk.servers[AIProvider.ANTHROPIC]
        desk.script(CLAUDE, *[server.refusing(400)] * 6)
        llm = desk.book.llm([CLAUDE, GPT])
        for _ in range(6):
            assert told(await ask(llm)) == ("openai", "gpt-x", 2)
        assert desk.asked(CLAUDE) == 6


class TestConversations:
    @pytest.mark.parametrize("first", [CLAUDE, GPT, GEMINI])
    @pytest.mark.parametrize("second", [CLAUDE, GPT, GEMINI])
    async def test_go_on_with_another_model(
        self, desk: Desk, first: ModelChoice, second: ModelChoice
    ) -> None:
        said = Said("let me see", thought="secretly", calls=[("look_up", {"of": "BTC"})])
        desk.script(first, said)
        function = types.FunctionDeclaration(name="look_up", description="It looks.")
        tools = [types.Tool(function_declarations=[function])]
        spoken = (await ask(desk.book.llm([first]), request_of(tools=tools))).content
        assert spoken is not None
        (call,) = [part.function_call for part in spoken.parts or [] if part.function_call]
        found = types.FunctionResponse(id=call.id, name="look_up", response={"price": "1"})
        content = types.Content(role="user", parts=[types.Part(function_response=found)])
        question = types.UserContent("How is it?")
        request = request_of(question, spoken, content, tools=tools)
        await ask(desk.book.llm([second]), request)
        heard = json.dumps(desk.servers[second.provider].documents[-1])
        assert "let me see" in heard
        assert "price" in heard
        assert ("secretly" in heard) == (first == second and first is not GPT)
        signature = "c2lnbmVk" if first == CLAUDE else "gIGC"
        assert (signature in heard) == (first == second and first is not GPT)
        # Gemini takes no calls without a signature
        unsigned = base64.b64encode(b"skip_thought_signature_validator").decode()
        assert (unsigned in heard) == (second is GEMINI and first is not GEMINI)


class TestStreams:
    async def test_leaving_in_the_middle_ends_the_connection(self, desk: Desk) -> None:
        llm = desk.book.llm([CLAUDE])
        answers = llm.generate_content_async(request_of(), True)
        async with aclosing(answers):
            first = await anext(answers)
        assert first.partial
        assert told(await ask(llm)) == ("anthropic", "claude-x", 1)


class TestCaching:
    def breakpoints(self, heard: Heard) -> dict[str, bool]:
        document = heard.document
        return {
            part: "cache_control" in json.dumps(document.get(part))
            for part in ("tools", "system", "messages")
        }

    async def test_a_question_asked_once_is_not_written_to_the_cache(self, desk: Desk) -> None:
        await ask(desk.book.llm([CLAUDE]), request_of(system_instruction="Be careful."))
        (heard,) = desk.servers[AIProvider.ANTHROPIC].heard
        assert self.breakpoints(heard) == {"tools": False, "system": True, "messages": False}

    async def test_a_conversation_with_tools_is(self, desk: Desk) -> None:
        tools = [
            types.Tool(
                function_declarations=[types.FunctionDeclaration(name=name, description="It.")]
            )
            for name in ("look_up", "count")
        ]
        request = request_of(system_instruction="Be careful.", tools=tools)
        await ask(desk.book.llm([CLAUDE]), request)
        (heard,) = desk.servers[AIProvider.ANTHROPIC].heard
        assert self.breakpoints(heard) == {"tools": True, "system": True, "messages": True}


class TestTheBook:
    async def test_a_provider_without_a_key_is_refused_by_its_setting(self, desk: Desk) -> None:
        with pytest.raises(InputRefused) as refusal:
            desk.book.llm([ModelChoice(AIProvider.DEEPSEEK, "deepseek-chat")])
        assert refusal.value.where == "HEDGEROW_DEEPSEEK_API_KEY"

    async def test_a_server_without_an_address_as_well(self, desk: Desk) -> None:
        with pytest.raises(InputRefused) as refusal:
            desk.book.llm([ModelChoice(AIProvider.COMPATIBLE, "llama")])
        assert refusal.value.where == "HEDGEROW_COMPATIBLE_URL"

    @pytest.mark.parametrize("chain", [(), (HOUSE,), (CLAUDE, HOUSE)])
    async def test_the_house_and_nobody_are_no_models(
        self, desk: Desk, chain: Sequence[ModelChoice]
    ) -> None:
        with pytest.raises(InvalidValue):
            desk.book.llm(chain)
