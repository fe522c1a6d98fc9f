"""Hidden reasoning goes back to its author only: no other provider can read or check it."""

from __future__ import annotations

from typing import Final

from google.genai import types

from hedgerow.domain.ai_usage import AIProvider

_AUTHOR: Final = "thought_by"


def signed(content: types.Content, author: AIProvider) -> types.Content:
    """The answer, each thought in it marked with who had it."""
    for part in content.parts or ():
        if part.thought or part.thought_signature:
            part.part_metadata = {**(part.part_metadata or {}), _AUTHOR: author.value}
    return content


def read_by(content: types.Content, reader: AIProvider) -> types.Content:
    """A copy for a model of `reader`: without the thoughts of others, and without marks."""
    parts = [_part_for(part, reader) for part in content.parts or ()]
    return types.Content(role=content.role, parts=[part for part in parts if part is not None])


def _part_for(part: types.Part, reader: AIProvider) -> types.Part | None:
    copy = part.model_copy(deep=True)
    metadata = copy.part_metadata or {}
    author = metadata.pop(_AUTHOR, None)
    copy.part_metadata = metadata or None
    if author == reader.value:
        return copy
    copy.thought_signature = None
    return None if copy.thought else copy
