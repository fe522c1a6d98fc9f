"""One agent's voice in one meeting: asks its model, checks the answer, and stays silent if need be.

No failure of a model, a provider or a budget leaves this file as an exception: the agent abstains
with the reason, and the meeting goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from textwrap import shorten
from typing import Any, Final, Protocol

from google.adk.models._capabilities import LlmCapabilities
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.tools.set_model_response_tool import SetModelResponseTool
from google.genai import types
from pydantic import ConfigDict, ValidationError

from hedgerow.domain.ai_usage import AIProvider, ModelChoice, TokenUsage
from hedgerow.domain.errors import (
    AbstentionOnRecord,
    BudgetExhausted,
    ModelUnavailable,
)
from hedgerow.infrastructure.agents.desk import wire
from hedgerow.infrastructure.agents.desk.answers import Answer
from hedgerow.infrastructure.agents.desk.roster import Agent
from hedgerow.usecases.model_calls import (
    Caller,
    ModelCall,
    ModelReply,
    Reservation,
    exchange_of,
)
from hedgerow.usecases.ports.model_records import ModelExchange

# A turn of an agent: questions to its tools, the answer, and the answer asked for again.
CALLS_MAX: Final = 6
OUTPUT_TOKENS_MAX: Final = 2_000
# Latin text has three to four characters a token in every current tokenizer; the budget is
# reserved by the worst of them.
_CHARS_PER_TOKEN: Final = 3

_REASON_CHARS: Final = 300

_AGAIN: Final = (
    "Your answer was refused: {problem}. Answer again with one JSON object of the schema, nothing "
    "else."
)


class Clerk(Protocol):
    """Who keeps account of calls; as in ModelClerk."""

    async def known(self, call: ModelCall) -> ModelExchange | None:
        """The answer to exactly this request, if it was asked before.

        Raises AbstentionOnRecord where a meeting is held again and the agent abstained.
        """
        ...

    async def reserve(self, call: ModelCall) -> Reservation:
        """Set a call aside in the month's budget; raises BudgetExhausted."""
        ...

    async def release(self, call: ModelCall, reserved: Reservation) -> None:
        """Give back what a call had set aside that nobody can charge for."""
        ...

    async def forfeit(self, call: ModelCall, reserved: Reservation) -> None:
        """Count at its estimate a call that was not answered and may be charged for."""
        ...

    async def settle(
        self, call: ModelCall, reserved: Reservation, reply: ModelReply
    ) -> ModelExchange:
        """Count an answered call at what it cost, log it, and record both texts."""
        ...


class MeetingOver(Exception):
    """A meeting has lasted as long as it may: nobody is asked any more."""


@dataclass(slots=True)
class Minutes:
    """What was said in a meeting, for whoever keeps the record. `abstained` is by agent.

    A meeting is over `deadline_s` seconds after its first question to a model. `is_out_of_budget`
    once a question had no room in the month.
    """

    caller: Caller
    deadline_s: float
    exchanges: list[ModelExchange] = field(default_factory=list)
    abstained: dict[str, str] = field(default_factory=dict)
    steps: count[int] = field(default_factory=count)
    ends_at_s: float | None = None
    is_out_of_budget: bool = False

    def end_s(self) -> float:
        """When the meeting ends, by the clock of the event loop; raises MeetingOver."""
        now_s = asyncio.get_running_loop().time()
        if self.ends_at_s is None:
            self.ends_at_s = now_s + self.deadline_s
        if now_s >= self.ends_at_s:
            raise MeetingOver
        return self.ends_at_s


@dataclass(slots=True)
class Voice:
    """How one agent is heard in one meeting; `read_usage` tells the tokens of an answer."""

    agent: Agent
    choice: ModelChoice
    llm: BaseLlm
    clerk: Clerk
    minutes: Minutes
    read_usage: Callable[[LlmResponse], TokenUsage]
    numbers: count[int] = field(default_factory=count)

    async def answer(self, request: LlmRequest) -> LlmResponse:
        """The model's answer, or the agent's abstention."""
        try:
            response = await self._ask(request)
            problem = self._fault(response, request)
            if problem is not None:
                response = await self._ask(_asked_again(request, response, problem))
                problem = self._fault(response, request)
        except AbstentionOnRecord as error:
            return self._abstain(error.reason)
        except BudgetExhausted as error:
            self.minutes.is_out_of_budget = True
            return self._abstain(f"the month's budget is used up ({error.bound_by})")
        except ModelUnavailable as error:
            return self._abstain(f"{error.model} gave no answer: {error.problem}")
        except MeetingOver:
            return self._abstain(f"the meeting was over after {self.minutes.deadline_s:g} s")
        if problem is not None:
            return self._abstain(f"two malformed answers, the last one: {problem}")
        return response

    async def _ask(self, request: LlmRequest) -> LlmResponse:
        number = next(self.numbers)
        if number >= CALLS_MAX:
            problem = f"more than {CALLS_MAX} questions in one turn"
            raise ModelUnavailable(str(self.choice), problem, attempts=number)
        call = self._call(request, number)
        known = await self.clerk.known(call)
        if known is not None:
            again = exchange_of(call, known.answered_by, known.response)
            self.minutes.exchanges.append(again)
            return wire.response_of(known.response)
        # rules answer at once: no clock has a say in what they come to
        is_house = self.choice.provider is AIProvider.HOUSE
        end_s = None if is_house else self.minutes.end_s()
        reserved = await self.clerk.reserve(call)
        try:
            started = time.monotonic()
            async with asyncio.timeout_at(end_s):
                response = await _whole(self.llm, request)
            latency_ms = round((time.monotonic() - started) * 1000)
        except ModelUnavailable as error:
            unpaid = self.clerk.forfeit if error.may_be_charged else self.clerk.release
            await unpaid(call, reserved)
            raise
        except TimeoutError as error:
            await self.clerk.forfeit(call, reserved)
            raise MeetingOver from error
        reply = ModelReply(
            answered_by=_answered_by(response, self.choice),
            usage=self.read_usage(response),
            response=wire.response_bytes(response),
            latency_ms=latency_ms,
            tool_calls=len(wire.calls_of(response)),
        )
        self.minutes.exchanges.append(await self.clerk.settle(call, reserved, reply))
        return response

    def _call(self, request: LlmRequest, number: int) -> ModelCall:
        body = wire.request_bytes(self.choice, request, _schema_of(self.agent.answer))
        return ModelCall(
            caller=self.minutes.caller,
            agent_name=self.agent.name,
            number=number,
            step=next(self.minutes.steps),
            asked=self.choice,
            request=body,
            estimate=TokenUsage(len(body) // _CHARS_PER_TOKEN, OUTPUT_TOKENS_MAX),
        )

    def _fault(self, response: LlmResponse, request: LlmRequest) -> str | None:
        """What is wrong with an answer, in one sentence; None where nothing is."""
        calls = wire.calls_of(response)
        unknown = [str(call.name) for call in calls if call.name not in request.tools_dict]
        if unknown:
            return f"there is no tool {unknown[0]}, only {', '.join(request.tools_dict) or 'none'}"
        answer = next((call for call in calls if call.name == SetModelResponseTool.NAME), None)
        if calls and answer is None:
            return None
        try:
            if answer is not None:
                self.agent.answer.model_validate(answer.args or {})
            else:
                self.agent.answer.model_validate_json(wire.text_of(response))
        except ValidationError as error:
            return wire.problem_of(error, "the answer")
        return None

    def _abstain(self, reason: str) -> LlmResponse:
        # a provider may say much, and an answer has its length
        reason = shorten(reason, _REASON_CHARS, placeholder="…")
        self.minutes.abstained[self.agent.name] = reason
        answer = self.agent.answer.abstain(f"Abstained: {reason}.")
        response = wire.saying(answer.model_dump_json())
        response.custom_metadata = {"abstained": reason}
        response.usage_metadata = wire.NO_TOKENS
        return response


class SeatModel(BaseLlm):
    """A voice as ADK's agents know models."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    voice: Any

    @property
    def capabilities(self) -> LlmCapabilities:
        """Whether a schema and tools may be asked for at once, as the model behind it says."""
        capabilities: LlmCapabilities = self.voice.llm.capabilities
        return capabilities

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """One whole answer."""
        answer: LlmResponse = await self.voice.answer(llm_request)
        if answer.usage_metadata is None:
            # an abstention, or known already: google-adk warns of answers that tell no tokens
            answer.usage_metadata = wire.NO_TOKENS
        yield answer


@cache
def _schema_of(answer: type[Answer]) -> wire.Json:
    # a millisecond each time, and always the same
    return answer.model_json_schema()


async def _whole(llm: BaseLlm, request: LlmRequest) -> LlmResponse:
    """The one answer of a model that is not asked to stream; raises ModelUnavailable."""
    whole: LlmResponse | None = None
    async for response in llm.generate_content_async(request, stream=False):
        whole = response
    if whole is None or not (_has_parts(whole) or whole.usage_metadata is not None):
        problem = (whole.error_message or whole.error_code) if whole else None
        problem = problem or "an empty answer"
        raise ModelUnavailable(llm.model, problem, attempts=1, may_be_charged=True)
    # one without a word that has used tokens is paid for: it counts, as a malformed answer
    return wire.mended(whole)


def _has_parts(response: LlmResponse) -> bool:
    return response.content is not None and bool(response.content.parts)


def _answered_by(response: LlmResponse, asked: ModelChoice) -> ModelChoice:
    """Who answered, where a chain of models was asked."""
    told = response.custom_metadata or {}
    if "provider" not in told:
        return asked
    return ModelChoice(AIProvider(told["provider"]), str(told["model_id"]))


def _asked_again(request: LlmRequest, response: LlmResponse, problem: str) -> LlmRequest:
    again = request.model_copy(update={"contents": list(request.contents)})
    # a call of a tool that does not exist would have to be answered by it: only words are kept
    said = wire.text_of(response) or "(no answer in words)"
    again.contents.append(types.Content(role="model", parts=[types.Part(text=said)]))
    asks = _AGAIN.format(problem=problem)
    again.contents.append(types.Content(role="user", parts=[types.Part(text=asks)]))
    return again
