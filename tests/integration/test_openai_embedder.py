"""The HTTP embedder against a service that fails in every way services do."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from embeddings_server import (
    DIMENSIONS,
    KEY,
    MODEL,
    Answer,
    EmbeddingsServer,
    Request,
    Script,
    embed_words,
    well,
)
from hedgerow.domain.errors import EmbeddingFailed, HedgerowError, InputRefused
from hedgerow.entrypoints.words import sentence
from hedgerow.infrastructure.openai_embedder import OpenAIEmbedder, Patience

HASTY = Patience(attempts=3, timeout_s=0.3, pause_s=0.5, pause_s_max=4.0, batch=2)


class Pauses:
    """Takes the place of sleeping, and keeps how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def embed(
    scripts: Sequence[Script | Answer], texts: Sequence[str] = ("one",), **changes: Any
) -> tuple[list[list[float]], EmbeddingsServer, list[float]]:
    pauses, server = Pauses(), EmbeddingsServer(scripts)
    async with server:
        service = server.described(**changes)
        async with OpenAIEmbedder(service, HASTY, pauses) as embedder:
            return await embedder.embed(texts), server, pauses.seconds


def with_data(data: object) -> Answer:
    return Answer(body=json.dumps({"data": data}).encode())


async def test_asks_as_the_api_is_documented() -> None:
    _, server, _ = await embed([])
    assert server.paths == ["/v1/embeddings"]
    assert server.authorizations == [f"Bearer {KEY}"]
    assert server.requests == [
        {
            "model": MODEL,
            "input": ["one"],
            "dimensions": DIMENSIONS,
            "encoding_format": "float",
        }
    ]


async def test_a_service_without_keys_is_sent_none() -> None:
    _, server, _ = await embed([], key=None)
    assert server.authorizations == [None]


async def test_asks_in_batches_and_keeps_the_order() -> None:
    texts = ["one", "two", "three", "four", "five"]
    vectors, server, _ = await embed([], texts)
    assert [len(request["input"]) for request in server.requests] == [2, 2, 1]
    assert vectors == [embed_words(text) for text in texts]


async def test_makes_unit_vectors_of_whatever_length_it_is_given() -> None:
    (vector,), _, _ = await embed([], ["twice twice and and"])
    assert sorted(vector)[-2:] == pytest.approx([0.5**0.5, 0.5**0.5])


@pytest.mark.parametrize(
    "failure",
    [
        Answer(429),
        Answer(500),
        Answer(503, b"<html>"),
        Answer(body=b'{"data": [{"ind'),
        Answer(body=b"[]"),
        with_data([{"index": 0, "embedding": "AAAA"}]),
        with_data([]),
        with_data([{"index": 1, "embedding": [1.0] * DIMENSIONS}]),
        with_data([{"index": 0, "embedding": [0.0] * DIMENSIONS}]),
        Answer(delay_s=5.0),
    ],
    ids=[
        "429",
        "500",
        "503",
        "cut short",
        "a list",
        "no numbers",
        "too few",
        "another index",
        "no direction",
        "slow",
    ],
)
class TestFailuresThatPass:
    async def test_are_tried_again(self, failure: Answer) -> None:
        vectors, server, pauses = await embed([failure, failure])
        assert vectors == [embed_words("one")]
        assert len(server.requests) == 3
        assert len(pauses) == 2
        assert 0.0 <= pauses[0] <= 1.0
        assert 0.0 <= pauses[1] <= 2.0

    async def test_end_in_a_refusal_when_they_do_not_pass(self, failure: Answer) -> None:
        with pytest.raises(EmbeddingFailed) as caught:
            await embed([failure] * 3)
        assert caught.value.attempts == 3
        assert "127.0.0.1" in sentence(caught.value)


class TestRetryAfter:
    async def test_seconds_are_waited_out(self) -> None:
        _, _, (pause,) = await embed([Answer(429, headers={"Retry-After": "7"})])
        assert 7.0 <= pause <= 8.0

    async def test_a_date_is_waited_for(self) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        _, _, (pause,) = await embed([Answer(503, headers={"Retry-After": date})])
        assert 28.0 <= pause <= 31.0

    @pytest.mark.parametrize("value", ["soon", "-5", "nan", "Wed, 21 Oct 2015 07:28:00 GMT"])
    async def test_nonsense_and_the_past_ask_for_nothing(self, value: str) -> None:
        _, _, (pause,) = await embed([Answer(429, headers={"Retry-After": value})])
        assert pause <= 1.0

    async def test_nobody_is_waited_for_forever(self) -> None:
        _, _, (pause,) = await embed([Answer(429, headers={"Retry-After": "86400"})])
        assert pause <= HASTY.retry_after_s_max + 1.0


class TestFailuresThatStay:
    @pytest.mark.parametrize(
        ("status", "setting"),
        [(401, "_KEY"), (403, "_KEY"), (404, "_URL"), (400, "_MODEL"), (302, "_URL")],
    )
    async def test_name_the_setting_and_are_not_repeated(self, status: int, setting: str) -> None:
        server = EmbeddingsServer([Answer(status)])
        async with server, OpenAIEmbedder(server.described(), HASTY, Pauses()) as embedder:
            with pytest.raises(InputRefused) as refusal:
                await embedder.embed(["one"])
        assert f"HEDGEROW_EMBEDDINGS{setting}" in refusal.value.fix
        assert len(server.requests) == 1

    async def test_vectors_of_other_dimensions_are_refused(self) -> None:
        wrong = with_data([{"index": 0, "embedding": [1.0] * 3072}])
        with pytest.raises(InputRefused, match="3072 dimensions instead of 1536"):
            await embed([wrong])

    async def test_a_service_that_is_not_there(self) -> None:
        server = EmbeddingsServer()
        async with server:
            service = server.described()
        async with OpenAIEmbedder(service, HASTY, Pauses()) as embedder:
            with pytest.raises(EmbeddingFailed, match="cannot be reached"):
                await embedder.embed(["one"])


def echo(status: int) -> Script:
    """A service that repeats the key, as real ones do in part."""

    def answer(request: Request) -> Answer:
        return Answer(status, f'{{"error": "Incorrect API key provided: {KEY}"}}'.encode())

    return answer


@pytest.mark.parametrize("scripts", [[echo(401)], [echo(500)] * 3, [echo(200)] * 3, [well]])
async def test_the_key_is_never_told(
    scripts: list[Script], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    server = EmbeddingsServer(scripts)
    async with server, OpenAIEmbedder(server.described(), HASTY, Pauses()) as embedder:
        said += [repr(embedder), str(embedder), repr(server.described())]
        try:
            await embedder.embed(["one"])
        except HedgerowError as error:
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            said += [repr(error), sentence(error), *shown.format()]
            said += [repr(error.__cause__), repr(error.__context__)]
    said.append(caplog.text)
    assert KEY not in "\n".join(said)
    assert server.authorizations[0] == f"Bearer {KEY}"
