"""A service on loopback that speaks OpenAI's embeddings API, and can be told to misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Self

from pydantic import SecretStr

from hedgerow.infrastructure.openai_embedder import EmbeddingService

KEY = "sk-canary-3f1c9b"
MODEL = "text-embedding-3-large"
DIMENSIONS = 1536


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, after a delay in seconds; `body` is sent as it is."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


Request = Mapping[str, Any]
Script = Callable[[Request], Answer]


def embed_words(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Counts of words by hash: texts that share words are near each other. Not of length one."""
    vector = [0.0] * dimensions
    for word in text.lower().split():
        digest = blake2b(word.encode(), digest_size=4).digest()
        vector[int.from_bytes(digest, "big") % dimensions] += 1.0
    return vector


def well(request: Request) -> Answer:
    """The answer of a sound service; out of order, which the API allows."""
    data = [
        {"object": "embedding", "index": index, "embedding": embed_words(text)}
        for index, text in enumerate(request["input"])
    ]
    document = {"object": "list", "data": data[::-1], "model": request["model"]}
    return Answer(body=json.dumps(document).encode())


class EmbeddingsServer:
    """Answers each request by the next of `scripts`, and well once they are used up."""

    def __init__(self, scripts: Sequence[Script | Answer] = ()) -> None:
        self._scripts = list(scripts)
        self._writers: set[asyncio.StreamWriter] = set()
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.authorizations: list[str | None] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    def described(self, **changes: Any) -> EmbeddingService:
        """How to reach it."""
        values: dict[str, Any] = {
            "url": f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1/",
            "model": MODEL,
            "dimensions": DIMENSIONS,
            "key": SecretStr(KEY),
        }
        return EmbeddingService(**(values | changes))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode(), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The client has left, as a client may.
            pass
        finally:
            writer.close()

    async def _answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        request = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.requests.append(request)
        self.paths.append(first.split()[1])
        self.authorizations.append(headers.get("authorization"))
        script = self._scripts.pop(0) if self._scripts else well
        answer = script if isinstance(script, Answer) else script(request)
        await asyncio.sleep(answer.delay_s)
        sent = {"Content-Length": str(len(answer.body)), "Content-Type": "application/json"}
        lines = [f"{name}: {value}" for name, value in (sent | dict(answer.headers)).items()]
        writer.write(f"HTTP/1.1 {answer.status} X\r\n".encode())
        writer.write("\r\n".join([*lines, "", ""]).encode() + answer.body)
        await writer.drain()
