"""Tokens of an answer, by the same meaning for every provider."""

from __future__ import annotations

from typing import Final

from google.adk.models.llm_response import LlmResponse

from hedgerow.domain.ai_usage import TokenUsage

CACHE_WRITE_TOKENS: Final = "cache_write_tokens"
"""The key in `custom_metadata` that keeps what google-adk loses when it stores an answer."""


def token_usage(response: LlmResponse) -> TokenUsage:
    """The tokens of a call; all zero where the server counts none, as some local ones.

    No part is greater than the whole it belongs to, whatever the server says.
    """
    usage = response.usage_metadata
    if usage is None:
        return TokenUsage(0, 0)
    # Google counts what its own tools read apart from the prompt
    prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    thinking = usage.thoughts_token_count or 0
    cached = min(usage.cached_content_token_count or 0, prompt)
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=(usage.candidates_token_count or 0) + thinking,
        cached_tokens=cached,
        cache_write_tokens=min(cache_write_tokens(response), prompt - cached),
        thinking_tokens=thinking,
    )


def cache_write_tokens(response: LlmResponse) -> int:
    """Tokens put into the provider's cache, told by a fresh answer and by a stored one."""
    kept = (response.custom_metadata or {}).get(CACHE_WRITE_TOKENS)
    # google-adk sets an attribute that its type does not declare and that is never serialised
    fresh = getattr(response.usage_metadata, "cache_creation_input_tokens", None)
    return next((count for count in (kept, fresh) if isinstance(count, int)), 0)
