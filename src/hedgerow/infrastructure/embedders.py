"""Text to vectors on this machine, without network or key."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from hedgerow.domain.errors import EmbeddingFailed, InvalidValue

_DIMENSIONS: Final = 256


class WordLlamaEmbedder:
    """Averages of WordLlama word vectors, whose weights come inside the package (port Embedder).

    Loading takes a fifth of a second and happens on construction.
    """

    def __init__(self) -> None:
        self._words = _load()

    @property
    def model(self) -> str:
        """The name stored beside each vector."""
        return f"wordllama-{_DIMENSIONS}"

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has, before it is padded for storage."""
        return _DIMENSIONS

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text; raises InvalidValue for a text without a single word."""
        vectors = np.asarray(self._words.embed(list(texts)), dtype=np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        for text, length in zip(texts, lengths[:, 0], strict=True):
            if not length > 0.0:
                raise InvalidValue(field="text", value=text, allowed="at least one word")
        unit: list[list[float]] = (vectors / lengths).tolist()
        return unit


class UnaskedEmbedder:
    """Stands in for a service that is not to be asked (port Embedder)."""

    def __init__(self, model: str, dimensions: int) -> None:
        self._model = model
        self._dimensions = dimensions

    @property
    def model(self) -> str:
        """The name stored beside each vector."""
        return self._model

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has, before it is padded for storage."""
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """No vectors; raises EmbeddingFailed."""
        raise EmbeddingFailed(self._model, "a replay asks no service", attempts=0)


def _load() -> Any:  # the package has no types
    with _root_logger_kept():
        # Late: importing it takes longer than most commands, which embed nothing, run.
        import wordllama  # noqa: PLC0415

    return wordllama.WordLlama.load(
        # Where the weights are: nothing may be looked for, or fetched, elsewhere.
        cache_dir=Path(wordllama.__file__).parent,
        dim=_DIMENSIONS,
        disable_download=True,
    )


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """Undo what is done to the root logger inside: the package configures it when imported."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
