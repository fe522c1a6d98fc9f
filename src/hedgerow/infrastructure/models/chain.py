"""Several models behind one: each asked with patience, the next where one gives no answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from google.adk.models import LlmCapabilities
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from pydantic import PrivateAttr

from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.domain.errors import InvalidValue, ModelUnavailable
from hedgerow.infrastructure.models.circuit import Admission, Circuit
from hedgerow.infrastructure.models.faults import STUMBLES, Fault, late, unreadable, unsayable
from hedgerow.infrastructure.models.patience import Pace, Patience
from hedgerow.infrastructure.models.provider import Provider
from hedgerow.infrastructure.models.thoughts import read_by, signed
from hedgerow.infrastructure.models.usage import CACHE_WRITE_TOKENS, cache_write_tokens

_log = logging.getLogger(__name__)
_RESTING: Final = Fault("is left alone for a while, having failed again and again", False)
_SILENT: Final = Fault("ended without an answer", is_passing=True, may_be_charged=True)


@dataclass(slots=True)
class Tally:
    """How often the models of a chain were asked for one answer, and what may have come of it."""

    attempts: int = 0
    may_be_charged: bool = False

    def unavailable(self, model: str, problem: str) -> ModelUnavailable:
        """What to say after these attempts."""
        return ModelUnavailable(model, problem, self.attempts, self.may_be_charged)


@dataclass(frozen=True, slots=True)
class Link:
    """One model of a chain; its provider's circuit is shared with other models of that provider."""

    choice: ModelChoice
    provider: Provider
    llm: BaseLlm
    circuit: Circuit
    patience: Patience
    pace: Pace

    async def answers(
        self, request: LlmRequest, stream: bool, tally: Tally
    ) -> AsyncGenerator[LlmResponse | Fault, None]:
        """The answer of the first attempt that gets one, or the fault of the last."""
        fault = _RESTING
        before = tally.attempts
        while (admission := self._admission()) is not Admission.REFUSED:
            tally.attempts += 1
            failure: Fault | None = None
            async with aclosing(self._attempt(request, stream, tally, admission)) as answers:
                async for answer in answers:
                    if isinstance(answer, Fault):
                        failure = answer
                    else:
                        yield answer
            if failure is None:
                return
            fault = failure
            pause_s = self.patience.pause_after(fault, tally.attempts - before, self.pace)
            if pause_s is None:
                break
            await self.pace.sleep(pause_s)
        yield fault

    async def _attempt(
        self, request: LlmRequest, stream: bool, tally: Tally, admission: Admission
    ) -> AsyncGenerator[LlmResponse | Fault, None]:
        """One request: answers, the last of them complete, or a fault in place of them."""
        start_s = self.pace.clock()
        fault: Fault | None = _SILENT
        has_begun = False
        own = _copy_for(self.choice, request)
        try:
            async with aclosing(self.llm.generate_content_async(own, stream)) as answers:
                async for answer in self._in_time(answers):
                    if isinstance(answer, Fault):
                        fault = answer
                        break
                    if _is_nothing(answer):
                        break
                    if not answer.partial:
                        fault = None
                        self.circuit.answered()
                        self._tell(answer, tally.attempts, self.pace.clock() - start_s)
                    has_begun = True
                    yield answer
            if fault is not None:
                self._count(fault)
                tally.may_be_charged |= fault.may_be_charged or has_begun
        finally:
            self.circuit.left(admission)
        if fault is not None and has_begun:
            problem = f"broke off in the middle of its answer: it {fault.problem}"
            raise tally.unavailable(str(self.choice), problem)
        if fault is not None:
            yield fault

    def _admission(self) -> Admission:
        return self.circuit.admit(self.pace.clock())

    async def _in_time(
        self, answers: AsyncGenerator[LlmResponse, None]
    ) -> AsyncGenerator[LlmResponse | Fault, None]:
        timeout_s = self.patience.timeout_s
        while True:
            # a fault is yielded outside of the except, so that it drags no request along
            answer: LlmResponse | Fault | None
            try:
                async with asyncio.timeout(timeout_s):
                    answer = await anext(answers, None)
            except TimeoutError:
                answer = late(timeout_s)
            except self.provider.errors as error:
                answer = self.provider.fault(error)
            except InvalidValue as error:
                answer = unsayable(error)
            except STUMBLES as error:
                answer = unreadable(error)
            if answer is None:
                return
            yield answer

    def _tell(self, answer: LlmResponse, asked: int, latency_s: float) -> None:
        """Who answered, and what google-adk would not keep."""
        if answer.content is not None:
            signed(answer.content, self.choice.provider)
        answer.custom_metadata = {
            **(answer.custom_metadata or {}),
            "provider": self.choice.provider.value,
            "model_id": self.choice.model_id,
            "attempts": asked,
            "latency_ms": round(latency_s * 1000.0),
            CACHE_WRITE_TOKENS: cache_write_tokens(answer),
        }

    def _count(self, fault: Fault) -> None:
        now_s = self.pace.clock()
        if not fault.is_passing:
            self.circuit.answered()
        elif fault.retry_after_s > self.patience.retry_after_s_max:
            self.circuit.rest(now_s, min(fault.retry_after_s, self.patience.rest_s_max))
        else:
            self.circuit.failed(now_s)


class ChainLlm(BaseLlm):
    """The first model of a chain that answers; raises ModelUnavailable where none does.

    Once part of an answer has been handed out, nobody else can go on with it: a failure then ends
    the call.
    """

    _links: Sequence[Link] = PrivateAttr()

    def __init__(self, links: Sequence[Link]) -> None:
        super().__init__(model=str(links[0].choice))
        self._links = links

    @property
    def capabilities(self) -> LlmCapabilities:
        """What every model of the chain can do: any of them may have to."""
        can = all(link.llm.capabilities.output_schema_and_tools for link in self._links)
        return LlmCapabilities(output_schema_and_tools=can)

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """The answer of the first model that gives one."""
        tally = Tally()
        problems: list[str] = []
        for link in self._links:
            problem = None
            async with aclosing(link.answers(llm_request, stream, tally)) as answers:
                async for answer in answers:
                    if isinstance(answer, Fault):
                        problem = answer.problem
                    else:
                        yield answer
            if problem is None:
                return
            _log.warning("%s gives no answer: it %s", link.choice, problem)
            problems.append(f"{link.choice} {problem}")
        last = str(self._links[-1].choice)
        raise tally.unavailable(last, _of_all(problems, last))


def _is_nothing(answer: LlmResponse) -> bool:
    """Whether it neither says anything nor why; google-adk lets such answers pass as empty ones."""
    has_parts = answer.content is not None and bool(answer.content.parts)
    return not (has_parts or answer.finish_reason or answer.error_code)


def _of_all(problems: Sequence[str], last: str) -> str:
    """What the last one said, and before it what the others said."""
    *others, final = problems
    said = final.removeprefix(f"{last} ")
    return f"{said} (before: {'; '.join(others)})" if others else said


def _copy_for(choice: ModelChoice, request: LlmRequest) -> LlmRequest:
    """The request for one model, which may edit it; tools are looked up and never edited."""
    read = [read_by(content, choice.provider) for content in request.contents]
    # what held nothing but the thoughts of another
    contents = [content for content in read if content.parts]
    return request.model_copy(
        update={
            "model": choice.model_id,
            "contents": contents,
            "config": request.config.model_copy(deep=True),
        }
    )
