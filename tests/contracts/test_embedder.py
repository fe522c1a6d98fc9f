"""What every Embedder must do."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from embeddings_server import EmbeddingsServer
from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.memory import EMBEDDING_DIMENSIONS
from hedgerow.infrastructure.embedders import WordLlamaEmbedder
from hedgerow.infrastructure.openai_embedder import OpenAIEmbedder
from hedgerow.usecases.ports.desk import Embedder

TREND = "long trend_follow setup in a trend market on BTC/USDT 4h, RSI strong"
TREND_RETOLD = "buying the BTC/USDT uptrend on the 4h chart, trend_follow setup, long"
KITCHEN = "simmer the onions gently in butter until they turn golden"


@pytest.fixture(params=["wordllama", "openai"])
async def embedder(request: pytest.FixtureRequest) -> AsyncIterator[Embedder]:
    if request.param == "wordllama":
        yield WordLlamaEmbedder()
        return
    service = EmbeddingsServer()
    async with service, OpenAIEmbedder(service.described()) as embedder:
        yield embedder


def cosine(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


class TestEmbedder:
    async def test_gives_one_unit_vector_of_its_dimensions_per_text(
        self, embedder: Embedder
    ) -> None:
        vectors = await embedder.embed([TREND, KITCHEN, "x"])
        assert [len(vector) for vector in vectors] == [embedder.dimensions] * 3
        for vector in vectors:
            assert cosine(vector, vector) == pytest.approx(1.0, abs=1e-12)

    def test_fits_the_store_and_names_its_model(self, embedder: Embedder) -> None:
        assert 0 < embedder.dimensions <= EMBEDDING_DIMENSIONS
        assert embedder.model

    async def test_no_texts_have_no_vectors(self, embedder: Embedder) -> None:
        assert await embedder.embed([]) == []

    async def test_the_same_text_has_the_same_vector_in_any_company(
        self, embedder: Embedder
    ) -> None:
        (alone,) = await embedder.embed([TREND])
        among = (await embedder.embed([KITCHEN * 20, TREND]))[1]
        assert among == pytest.approx(alone, abs=1e-6)

    async def test_texts_of_one_meaning_are_nearer_than_strangers(self, embedder: Embedder) -> None:
        trend, retold, kitchen = await embedder.embed([TREND, TREND_RETOLD, KITCHEN])
        assert cosine(trend, retold) > cosine(trend, kitchen) + 0.3

    async def test_a_text_without_a_word_is_refused(self, embedder: Embedder) -> None:
        with pytest.raises(InvalidValue) as refusal:
            await embedder.embed([TREND, ""])
        assert refusal.value.value == ""


def test_wordllama_says_which_model_made_a_vector() -> None:
    embedder = WordLlamaEmbedder()
    assert (embedder.model, embedder.dimensions) == ("wordllama-256", 256)


# In a process of its own: the package configures the root logger once, when first imported.
LOADS_QUIETLY = """
import logging, sys
from hedgerow.infrastructure.embedders import WordLlamaEmbedder
assert "wordllama" not in sys.modules
WordLlamaEmbedder()
root = logging.getLogger()
assert "wordllama" in sys.modules
assert (root.handlers, root.level) == ([], logging.WARNING), (root.handlers, root.level)
"""


def test_wordllama_is_imported_late_and_leaves_the_root_logger_alone() -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOADS_QUIETLY], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
