"""Requests and answers of models as canonical JSON: the same content, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from pydantic import ValidationError

from hedgerow.domain.ai_usage import ModelChoice

Json = dict[str, Any]
NO_TOKENS: Final = types.GenerateContentResponseUsageMetadata(
    prompt_token_count=0, candidates_token_count=0, total_token_count=0
)
"""What an answer has used that no model was asked for."""


def canonical(document: object) -> bytes:
    """JSON with sorted keys and no spaces."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def request_bytes(choice: ModelChoice, request: LlmRequest, schema: Json) -> bytes:
    """All of a request that an answer can depend on."""
    config = request.config
    return canonical(
        {
            "model": str(choice),
            "system": config.system_instruction,
            "contents": [content_document(content) for content in request.contents],
            "tools": [
                declaration.model_dump(mode="json", exclude_none=True)
                for tool in config.tools or []
                for declaration in getattr(tool, "function_declarations", None) or []
            ],
            "schema": schema,
            "temperature": config.temperature,
            "max_output_tokens": config.max_output_tokens,
        }
    )


def response_bytes(response: LlmResponse) -> bytes:
    """What a model said."""
    assert response.content is not None, "an answer says something"
    return canonical({"content": content_document(response.content)})


def response_of(body: bytes) -> LlmResponse:
    """A recorded answer, as if it had just come, and had cost nothing."""
    content = types.Content.model_validate(json.loads(body)["content"])
    return LlmResponse(content=content, usage_metadata=NO_TOKENS)


def mended(response: LlmResponse) -> LlmResponse:
    """An answer as it can be written down: half letters (lone surrogates) become question marks.

    What an agent goes on with is what is on record. An answer without a part has an empty text.
    """
    content = response.content or types.Content(role="model")
    document = content.model_dump(mode="json", exclude_none=True)
    document["parts"] = document.get("parts") or [{"text": ""}]
    body = json.dumps(document, ensure_ascii=False).encode(errors="replace")
    return response.model_copy(update={"content": types.Content.model_validate_json(body)})


def content_document(content: types.Content) -> Json:
    """A message without the ids of its tool calls, which differ from run to run."""
    return {
        "role": content.role,
        "parts": [_part_document(part) for part in content.parts or []],
    }


def _part_document(part: types.Part) -> Json:
    document: Json = part.model_dump(mode="json", exclude_none=True)
    for kind in ("function_call", "function_response"):
        document.get(kind, {}).pop("id", None)
    return document


def text_of(response: LlmResponse) -> str:
    """The words of an answer, without hidden reasoning."""
    return "".join(part.text for part in _parts(response) if part.text and not part.thought)


def calls_of(response: LlmResponse) -> list[types.FunctionCall]:
    """The tools that an answer asks for."""
    return [part.function_call for part in _parts(response) if part.function_call]


def _parts(response: LlmResponse) -> Sequence[types.Part]:
    return (response.content.parts if response.content else None) or []


def problem_of(error: ValidationError, whole: str) -> str:
    """What a schema objects to first, in one sentence; `whole` is what it looked at."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or whole
    return f"{where}: {first['msg']}"


def saying(text: str) -> LlmResponse:
    """An answer in words."""
    return LlmResponse(content=types.Content(role="model", parts=[types.Part(text=text)]))
