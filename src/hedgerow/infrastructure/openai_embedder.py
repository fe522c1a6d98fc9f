"""Text to vectors by an HTTP service that speaks OpenAI's embeddings API, as many do.

The key is put into each request's header and kept nowhere else. Failures are values until they
are raised outside of any `except`, so that no error drags along a request, or an answer that
repeats the key.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr

from hedgerow.domain.errors import EmbeddingFailed, InputRefused, InvalidValue
from hedgerow.usecases.pauses import retry_after_s

_URL_SETTING: Final = "HEDGEROW_EMBEDDINGS_URL"
_TRY_AGAIN: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_DENIED: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class EmbeddingService:
    """Where vectors come from: `url` without `/embeddings`, and the `model` asked for."""

    url: str
    model: str
    dimensions: int
    key: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a service is asked. Seconds throughout.

    Before attempt n + 1 there is a pause drawn evenly from 0 to min(pause_s_max, pause_s x 2^n)
    ("full jitter": Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), and at
    least what the service asks for in Retry-After, up to retry_after_s_max.
    """

    attempts: int = 5
    timeout_s: float = 20.0
    pause_s: float = 0.5
    pause_s_max: float = 15.0
    retry_after_s_max: float = 60.0
    batch: int = 128


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that failed; `fix` is set where another attempt would fail as well."""

    problem: str
    retry_after_s: float = 0.0
    fix: str | None = None


class OpenAIEmbedder:
    """Vectors of an embeddings service (port Embedder), inside an `async with` block."""

    def __init__(
        self,
        service: EmbeddingService,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._service = service
        self._patience = patience or Patience()
        self._sleep = sleep
        self._client = httpx2.AsyncClient(timeout=self._patience.timeout_s)

    def __repr__(self) -> str:
        return f"OpenAIEmbedder({self.model} at {self._name})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.aclose()

    @property
    def model(self) -> str:
        """The name stored beside each vector."""
        return self._service.model

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has, before it is padded for storage."""
        return self._service.dimensions

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text.

        Raises InvalidValue for a text without a word, InputRefused where the settings are wrong,
        and EmbeddingFailed where the service fails in every attempt.
        """
        for text in texts:
            if not any(character.isalnum() for character in text):
                raise InvalidValue(field="text", value=text, allowed="at least one word")
        size = self._patience.batch
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]
        return [vector for batch in batches for vector in await self._embed_batch(batch)]

    async def _embed_batch(self, texts: Sequence[str]) -> list[list[float]]:
        last = _Failure("was not asked")
        for attempt in range(self._patience.attempts):
            if attempt:
                await self._sleep(self._pause_s(attempt, last))
            answer = await self._ask(texts)
            if not isinstance(answer, _Failure):
                return answer
            if answer.fix is not None:
                raise InputRefused(answer.problem, self._name, answer.fix)
            last = answer
        raise EmbeddingFailed(self._name, last.problem, self._patience.attempts)

    def _pause_s(self, attempt: int, last: _Failure) -> float:
        patience = self._patience
        most = min(patience.pause_s_max, patience.pause_s * 2.0**attempt)
        wanted = min(last.retry_after_s, patience.retry_after_s_max)
        return wanted + random.uniform(0.0, most)

    async def _ask(self, texts: Sequence[str]) -> list[list[float]] | _Failure:
        service = self._service
        body = {
            "model": service.model,
            "input": list(texts),
            "dimensions": service.dimensions,
            "encoding_format": "float",
        }
        key = service.key
        headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
        try:
            # The whole answer within the time: a service may also trickle.
            async with asyncio.timeout(self._patience.timeout_s):
                answer = await self._client.post(
                    f"{service.url.rstrip('/')}/embeddings", json=body, headers=headers
                )
            document = answer.json() if answer.status_code == httpx2.codes.OK else None
        except (TimeoutError, httpx2.TimeoutException):
            return _Failure(f"did not answer within {self._patience.timeout_s:g} s")
        except httpx2.TransportError as error:
            return _Failure(f"cannot be reached ({type(error).__name__})")
        except ValueError:
            return _Failure("answered with what is not JSON")
        if document is None:
            return _refusal(answer)
        return _vectors(document, len(texts), service.dimensions)

    @property
    def _name(self) -> str:
        """The service without path, query or anything else that could hold a secret."""
        parts = urlsplit(self._service.url)
        return f"{_URL_SETTING} ({parts.hostname}:{parts.port or parts.scheme})"


def _refusal(answer: httpx2.Response) -> _Failure:
    status = answer.status_code
    problem = f"answered {status}"
    if status in _TRY_AGAIN:
        return _Failure(
            problem, retry_after_s(answer.headers.get("Retry-After"), datetime.now(UTC))
        )
    if status in _DENIED:
        return _Failure(problem, fix="set HEDGEROW_EMBEDDINGS_KEY to a key that may use the model")
    fix = f"check {_URL_SETTING}, HEDGEROW_EMBEDDINGS_MODEL and HEDGEROW_EMBEDDINGS_DIMENSIONS"
    return _Failure(problem, fix=fix)


def _vectors(document: Any, count: int, dimensions: int) -> list[list[float]] | _Failure:
    """The unit vectors of an answer, in the order of the texts."""
    try:
        data = sorted(document["data"], key=lambda item: int(item["index"]))
        vectors = [[float(number) for number in item["embedding"]] for item in data]
        indices = [int(item["index"]) for item in data]
    except (KeyError, TypeError, ValueError):
        return _Failure("answered with JSON that is no list of embeddings")
    if indices != list(range(count)):
        return _Failure(f"answered with {len(indices)} vectors for {count} texts")
    wrong = next((len(vector) for vector in vectors if len(vector) != dimensions), None)
    if wrong is not None:
        return _Failure(
            f"gives vectors of {wrong} dimensions instead of {dimensions}",
            fix="set HEDGEROW_EMBEDDINGS_DIMENSIONS to what the model gives, at most 1536",
        )
    lengths = [math.hypot(*vector) for vector in vectors]
    if not all(0.0 < length < math.inf for length in lengths):
        return _Failure("answered with a vector that has no direction")
    return [
        [number / length for number in vector]
        for vector, length in zip(vectors, lengths, strict=True)
    ]
