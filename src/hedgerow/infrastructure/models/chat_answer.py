"""What OpenAI's chat completions answer, as google-adk reads it.

Whatever is not as the protocol says raises what Python raises of it, and is asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from google.adk.models.llm_response import LlmResponse
from google.genai import types
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from hedgerow.infrastructure.models.usage import CACHE_WRITE_TOKENS

_ENDS: Final = {
    "stop": types.FinishReason.STOP,
    "tool_calls": types.FinishReason.STOP,
    "function_call": types.FinishReason.STOP,
    "length": types.FinishReason.MAX_TOKENS,
    "content_filter": types.FinishReason.SAFETY,
}


@dataclass(slots=True)
class _Call:
    """A call of a tool, its arguments as far as they have come."""

    id: str | None = None
    name: str = ""
    arguments: str = ""

    def part(self) -> types.Part:
        arguments = json.loads(self.arguments or "{}")
        if not isinstance(arguments, dict):
            raise ValueError("the arguments of a call are no object")
        call = types.FunctionCall(id=self.id, name=self.name, args=arguments)
        return types.Part(function_call=call)


@dataclass(slots=True)
class Draft:
    """An answer as far as it has come."""

    text: str = ""
    reasoning: str = ""
    calls: dict[int, _Call] = field(default_factory=dict)
    end: str | None = None
    usage: Any = None
    model: str | None = None

    def add(self, chunk: ChatCompletionChunk) -> Iterator[LlmResponse]:
        """Take in a piece of a stream; gives what of it is worth showing at once."""
        self.model = chunk.model or self.model
        self.usage = chunk.usage or self.usage
        for choice in chunk.choices[:1]:
            self.end = choice.finish_reason or self.end
            reasoning = _reasoning(choice.delta)
            text = choice.delta.content or choice.delta.refusal or ""
            self.reasoning += reasoning
            self.text += text
            for call in choice.delta.tool_calls or ():
                drafted = self.calls.setdefault(call.index, _Call())
                drafted.id = call.id or drafted.id
                if call.function is not None:
                    drafted.name += call.function.name or ""
                    drafted.arguments += call.function.arguments or ""
            if reasoning:
                yield self._piece(types.Part(text=reasoning, thought=True))
            if text:
                yield self._piece(types.Part(text=text))

    def whole(self) -> LlmResponse:
        """The complete answer; raises ValueError where its end is missing."""
        if self.end is None:
            raise ValueError("the answer has no end")
        parts = [call.part() for _, call in sorted(self.calls.items())]
        if self.text:
            parts.insert(0, types.Part(text=self.text))
        if self.reasoning:
            parts.insert(0, types.Part(text=self.reasoning, thought=True))
        return LlmResponse(
            content=types.Content(role="model", parts=parts),
            usage_metadata=None if self.usage is None else _usage(self.usage),
            custom_metadata=None if self.usage is None else _written(self.usage),
            finish_reason=_ENDS.get(self.end, types.FinishReason.OTHER),
            model_version=self.model,
            partial=False,
        )

    def _piece(self, part: types.Part) -> LlmResponse:
        content = types.Content(role="model", parts=[part])
        return LlmResponse(content=content, model_version=self.model, partial=True)


def whole_answer(completion: ChatCompletion) -> LlmResponse:
    """An answer that came in one piece."""
    choice = completion.choices[0]
    message = choice.message
    calls = {
        number: _Call(call.id, call.function.name, call.function.arguments)
        for number, call in enumerate(message.tool_calls or ())
        if call.type == "function"
    }
    return Draft(
        text=message.content or message.refusal or "",
        reasoning=_reasoning(message),
        calls=calls,
        end=choice.finish_reason,
        usage=completion.usage,
        model=completion.model,
    ).whole()


def _reasoning(message: object) -> str:
    """Reasoning that is shown: DeepSeek and vLLM, and others, name it differently."""
    names = ("reasoning_content", "reasoning")
    shown = (getattr(message, name, None) for name in names)
    return next((text for text in shown if isinstance(text, str)), "")


def _usage(usage: Any) -> types.GenerateContentResponseUsageMetadata:
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    details = getattr(usage, "completion_tokens_details", None)
    thinking = min(_count(details, "reasoning_tokens"), completion)
    return types.GenerateContentResponseUsageMetadata(
        prompt_token_count=prompt,
        candidates_token_count=completion - thinking,
        thoughts_token_count=thinking,
        cached_content_token_count=_cached(usage),
        total_token_count=prompt + completion,
    )


def _cached(usage: Any) -> int:
    details = getattr(usage, "prompt_tokens_details", None)
    return _count(details, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens")


def _written(usage: Any) -> dict[str, Any]:
    details = getattr(usage, "prompt_tokens_details", None)
    return {CACHE_WRITE_TOKENS: _count(details, "cache_write_tokens")}


def _count(holder: object, name: str) -> int:
    """A count that some servers leave out, or leave empty."""
    count = getattr(holder, name, None)
    return max(count, 0) if isinstance(count, int) else 0
