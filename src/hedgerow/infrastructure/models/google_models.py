"""Google's models, through google-adk's own adapter and a client of our own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

import httpx2
from google.adk.models.base_llm import BaseLlm
from google.adk.models.google_llm import Gemini
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import Client, errors, types

from hedgerow.domain.ai_usage import AIProvider
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.models.faults import Fault, of_status, unreachable, unreadable
from hedgerow.infrastructure.models.provider import KEY_SETTINGS

URL: Final = "https://generativelanguage.googleapis.com"
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
# https://ai.google.dev/gemini-api/docs/thought-signatures
_UNSIGNED: Final = b"skip_thought_signature_validator"


class GoogleProvider:
    """Google's Gemini API (port Provider)."""

    name = AIProvider.GOOGLE
    errors: tuple[type[Exception], ...] = (errors.APIError, httpx2.HTTPError)

    def __init__(self, key: Secret, timeout_s: float, url: str = URL) -> None:
        self._http = httpx2.AsyncClient(timeout=timeout_s, follow_redirects=True)
        options = types.HttpOptions(base_url=url, httpx_async_client=self._http)
        # `vertexai` named, since the environment could choose another service by itself
        self._client = Client(api_key=key.reveal(), vertexai=False, http_options=options)

    def llm(self, model_id: str) -> BaseLlm:
        """One of its models."""
        return UncachedGemini(model=model_id, client=self._client)

    def fault(self, error: Exception) -> Fault:
        """What an error means; Google tells in the body how long to wait."""
        match error:
            case errors.APIError(code=int(code)):
                headers: Mapping[str, str] = getattr(error.response, "headers", {})
                status = 401 if _names_the_key(error.details) else code
                fault = of_status(status, headers, KEY_SETTINGS[self.name])
                return replace(fault, retry_after_s=fault.retry_after_s or _asked_s(error.details))
            case httpx2.HTTPError():
                return unreachable(error)
            case _:
                return unreadable(error)

    async def model_ids(self) -> Sequence[str]:
        """The models that it tells of first."""
        page = await self._client.aio.models.list()
        return [model.name.removeprefix("models/") for model in page.page if model.name]

    async def aclose(self) -> None:
        """End its connections."""
        await self._client.aio.aclose()
        self._client.close()
        await self._http.aclose()


class UncachedGemini(Gemini):
    """google-adk's adapter, without a cache of its own.

    Gemini finds beginnings that it has seen by itself; a cache that is asked for is a thing on its
    server, which costs by the hour.
    """

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """One answer, in pieces first where it streams."""
        contents = [_admitted(content) for content in llm_request.contents]
        plain = llm_request.model_copy(update={"cache_config": None, "contents": contents})
        async with aclosing(super().generate_content_async(plain, stream)) as responses:
            async for response in responses:
                yield response


def _admitted(content: types.Content) -> types.Content:
    """The content, with calls of tools that another model made marked as such.

    Gemini 3 refuses calls without its own signature, except for those that say they have none.
    """
    calls = [part for part in content.parts or () if part.function_call is not None]
    if not calls or any(part.thought_signature for part in content.parts or ()):
        return content
    admitted = content.model_copy(deep=True)
    # of several calls at once only the first is signed
    first = next(part for part in admitted.parts or () if part.function_call is not None)
    first.thought_signature = _UNSIGNED
    return admitted


def _details(document: Any) -> Sequence[Mapping[str, Any]]:
    error = document.get("error", {}) if isinstance(document, dict) else {}
    details = error.get("details", []) if isinstance(error, dict) else []
    return [each for each in details if isinstance(each, dict)]


def _names_the_key(document: Any) -> bool:
    """Google calls a wrong key a bad request."""
    return any(each.get("reason") == "API_KEY_INVALID" for each in _details(document))


def _asked_s(document: Any) -> float:
    for each in _details(document):
        delay = each.get("retryDelay")
        if each.get("@type") == _RETRY_INFO and isinstance(delay, str):
            seconds = delay.removesuffix("s")
            return float(seconds) if seconds.replace(".", "", 1).isdecimal() else 0.0
    return 0.0
