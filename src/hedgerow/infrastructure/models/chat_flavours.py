"""How servers that speak OpenAI's chat completions differ from each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from openai import APIStatusError

from hedgerow.domain.ai_usage import AIProvider


class Format(StrEnum):
    """How an answer in JSON is asked for, the most binding first."""

    STRICT = "strict"
    """The server holds the model to the schema."""
    SCHEMA = "json_schema"
    """The server is given the schema."""
    OBJECT = "json_object"
    """The server holds the model to JSON; the prompt tells the schema."""
    WORDS = "words"
    """The prompt alone asks for it."""


@dataclass(frozen=True, slots=True)
class Flavour:
    """What a provider takes: `formats` in the order in which they are tried.

    `max_tokens` is the field that limits the answer. `keeps_reasoning` where reasoning that led to
    calls of tools has to be sent back with them.
    """

    url: str
    max_tokens: str
    formats: tuple[Format, ...]
    output_schema_and_tools: bool = False
    keeps_reasoning: bool = False


FLAVOURS: Final[Mapping[AIProvider, Flavour]] = {
    AIProvider.OPENAI: Flavour(
        url="https://api.openai.com/v1",
        max_tokens="max_completion_tokens",
        formats=(Format.STRICT, Format.SCHEMA, Format.OBJECT),
        output_schema_and_tools=True,
    ),
    AIProvider.DEEPSEEK: Flavour(
        url="https://api.deepseek.com",
        max_tokens="max_tokens",
        formats=(Format.OBJECT, Format.WORDS),
        keeps_reasoning=True,
    ),
    AIProvider.COMPATIBLE: Flavour(
        url="http://127.0.0.1:8000/v1",
        max_tokens="max_tokens",
        formats=(Format.SCHEMA, Format.OBJECT, Format.WORDS),
    ),
}

# Reasoning models take some of these at one value only, and servers of one's own lack some.
_DISPENSABLE: Final = frozenset({"temperature", "top_p", "stop", "seed", "reasoning_effort"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a model has turned out to take: the rest of its formats, and what it goes without."""

    formats: tuple[Format, ...]
    dropped: frozenset[str] = frozenset()

    def after(self, refusal: APIStatusError, wants_json: bool) -> Dialect | None:
        """A humbler way to ask, or None where the refusal is about something else."""
        if refusal.param in _DISPENSABLE and refusal.param not in self.dropped:
            return replace(self, dropped=self.dropped | {refusal.param})
        is_about_format = not refusal.param or refusal.param.startswith("response_format")
        if wants_json and is_about_format and len(self.formats) > 1:
            return replace(self, formats=self.formats[1:])
        return None
