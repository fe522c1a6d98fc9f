"""Models behind OpenAI's chat completions: OpenAI's, DeepSeek's, and servers of one's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import httpx2
import openai
from google.adk.models import LlmCapabilities
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic import PrivateAttr

from hedgerow.domain.ai_usage import AIProvider
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.models.chat_answer import Draft, whole_answer
from hedgerow.infrastructure.models.chat_flavours import FLAVOURS, Dialect, Flavour
from hedgerow.infrastructure.models.chat_request import arguments_of, wants_json
from hedgerow.infrastructure.models.faults import Fault, of_status, unreachable, unreadable
from hedgerow.infrastructure.models.provider import KEY_SETTINGS

_NO_CREDIT: Final = Fault("answered 429: its account has no credit left", is_passing=False)


class OpenAIProvider:
    """OpenAI, DeepSeek or a server of one's own (port Provider), by name and `url`.

    A server that wants no key is given none.
    """

    errors: tuple[type[Exception], ...] = (openai.APIError, httpx2.HTTPError)

    def __init__(
        self, name: AIProvider, key: Secret | None, timeout_s: float, url: str | None = None
    ) -> None:
        self.name = name
        self._flavour = FLAVOURS[name]
        hooks = {"request": [_without_key]} if key is None else {}
        self._client = AsyncOpenAI(
            # without one the environment would be searched for a key, which is another server's
            api_key="none" if key is None else key.reveal(),
            http_client=DefaultAsyncHttpxClient(event_hooks=hooks),
            base_url=url or self._flavour.url,
            timeout=timeout_s,
            max_retries=0,
        )

    def llm(self, model_id: str) -> BaseLlm:
        """One of its models."""
        return OpenAIChat(model_id, self._client, self._flavour)

    def fault(self, error: Exception) -> Fault:
        """What an error means."""
        match error:
            case openai.RateLimitError(code="insufficient_quota"):
                return _NO_CREDIT
            case openai.APIStatusError():
                return of_status(error.status_code, error.response.headers, KEY_SETTINGS[self.name])
            case openai.APIConnectionError() | httpx2.HTTPError():
                return unreachable(error)
            case _:
                return unreadable(error)

    async def model_ids(self) -> Sequence[str]:
        """The models that it tells of first."""
        return [model.id for model in (await self._client.models.list()).data]

    async def aclose(self) -> None:
        """End its connections."""
        await self._client.close()


async def _without_key(request: httpx2.Request) -> None:
    del request.headers["Authorization"]


class OpenAIChat(BaseLlm):
    """One model. What it has turned out not to take it is not sent again."""

    _client: AsyncOpenAI = PrivateAttr()
    _flavour: Flavour = PrivateAttr()
    _dialect: Dialect = PrivateAttr()

    def __init__(self, model_id: str, client: AsyncOpenAI, flavour: Flavour) -> None:
        super().__init__(model=model_id)
        self._client = client
        self._flavour = flavour
        self._dialect = Dialect(flavour.formats)

    @property
    def capabilities(self) -> LlmCapabilities:
        """Whether an answer can be bound to a schema while there are tools."""
        can = self._flavour.output_schema_and_tools
        return LlmCapabilities(output_schema_and_tools=can)

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """One answer, in pieces first where it streams."""
        answer = await self._create(llm_request, stream)
        if not stream:
            yield whole_answer(answer)
            return
        draft = Draft()
        async with answer:
            async for chunk in answer:
                for piece in draft.add(chunk):
                    yield piece
        yield draft.whole()

    async def _create(self, request: LlmRequest, stream: bool) -> Any:
        """Ask, more humbly as long as the server refuses how it was asked."""
        dialect = self._dialect
        while True:
            arguments = arguments_of(request, self._flavour, dialect, stream)
            try:
                answer = await self._client.chat.completions.create(**arguments)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                humbler = dialect.after(error, wants_json(request))
                if humbler is None:
                    raise
                dialect = humbler
            else:
                self._dialect = dialect
                return answer
