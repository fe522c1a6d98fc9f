"""Anthropic's models, through google-adk's own adapter and a client of our own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

import anthropic
import httpx2
from anthropic import AsyncAnthropic
from google.adk.agents.context_cache_config import ContextCacheConfig
from google.adk.models import LlmCapabilities
from google.adk.models.anthropic_llm import AnthropicLlm
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from hedgerow.domain.ai_usage import AIProvider
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.models.faults import Fault, of_status, unreachable, unreadable
from hedgerow.infrastructure.models.provider import KEY_SETTINGS

URL: Final = "https://api.anthropic.com"
# five minutes, the only lifetime that costs nothing extra to renew
_CACHE: Final = ContextCacheConfig(ttl_seconds=300)


class AnthropicProvider:
    """Anthropic (port Provider)."""

    name = AIProvider.ANTHROPIC
    errors: tuple[type[Exception], ...] = (anthropic.APIError, httpx2.HTTPError)

    def __init__(self, key: Secret, timeout_s: float, url: str = URL) -> None:
        self._client = AsyncAnthropic(
            api_key=key.reveal(), base_url=url, timeout=timeout_s, max_retries=0
        )

    def llm(self, model_id: str) -> BaseLlm:
        """One of its models."""
        return CachingAnthropic(model=model_id, client=self._client)

    def fault(self, error: Exception) -> Fault:
        """What an error means."""
        match error:
            case anthropic.APIStatusError() if error.status_code < 400:
                # an answer that began well, and whose stream told of an error
                problem = "was overloaded in the middle of its answer"
                return Fault(problem, is_passing=True, may_be_charged=True)
            case anthropic.APIStatusError():
                return of_status(error.status_code, error.response.headers, KEY_SETTINGS[self.name])
            case anthropic.APIConnectionError() | httpx2.HTTPError():
                return unreachable(error)
            case _:
                return unreadable(error)

    async def model_ids(self) -> Sequence[str]:
        """The models that it tells of first."""
        return [model.id for model in (await self._client.models.list()).data]

    async def aclose(self) -> None:
        """End its connections."""
        await self._client.close()


class CachingAnthropic(AnthropicLlm):
    """google-adk's adapter, with Anthropic's cache for the beginning that stays the same.

    Tools and the system instruction are always put there. The conversation is only where there are
    tools, whose answers come back in the next request: writing to the cache costs a quarter more
    than reading a prompt, and a question that is asked once is never read again.
    """

    @property
    def capabilities(self) -> LlmCapabilities:
        """A schema is a tool to be called here, so it does not go together with others."""
        return LlmCapabilities(output_schema_and_tools=False)

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """One answer, in pieces first where it streams."""
        cached = llm_request.model_copy(update={"cache_config": _CACHE})
        async with aclosing(super().generate_content_async(cached, stream)) as responses:
            async for response in responses:
                yield response

    def _build_anthropic_kwargs(self, llm_request: LlmRequest, *args: Any) -> dict[str, Any]:
        arguments = super()._build_anthropic_kwargs(llm_request, *args)
        if not _has_tools(llm_request.config):
            for message in arguments["messages"]:
                for block in message["content"]:
                    block.pop("cache_control", None)
        return arguments


def _has_tools(config: types.GenerateContentConfig) -> bool:
    return any(
        isinstance(tool, types.Tool) and tool.function_declarations for tool in config.tools or ()
    )
