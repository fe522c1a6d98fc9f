"""What calls of models cost, and who is meant by a name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.domain.ai_usage import (
    HOUSE,
    AIProvider,
    CallCost,
    ModelChoice,
    TokenUsage,
    model_chain,
    model_choice,
)
from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.money import ZERO
from hedgerow.infrastructure.models.prices import BundledPrices
from hedgerow.infrastructure.models.usage import token_usage

PRICES = BundledPrices()
AT = datetime(2026, 11, 20, tzinfo=UTC)
SONNET = model_choice("claude", "claude-sonnet-4-5")
CHOICES = [
    SONNET,
    model_choice("openai", "gpt-5"),
    model_choice("google", "gemini-2.5-flash"),
    model_choice("deepseek", "deepseek-chat"),
]
MILLION = 1_000_000


def cost(choice: ModelChoice, usage: TokenUsage, at: datetime = AT) -> CallCost:
    found = PRICES.price(choice, usage, at)
    assert found is not None
    return found


class TestPrices:
    def test_are_those_that_the_provider_publishes(self) -> None:
        # 3 and 15 dollars a million, a tenth for what was cached, a quarter more to cache it
        usage = TokenUsage(1000, 500, cached_tokens=400, cache_write_tokens=100)
        assert cost(SONNET, usage) == CallCost(
            Decimal("0.0015") + Decimal("0.00012") + Decimal("0.000375"), Decimal("0.0075")
        )

    def test_are_those_of_the_time(self) -> None:
        o3, usage = model_choice("openai", "o3"), TokenUsage(MILLION, MILLION)
        before = cost(o3, usage, datetime(2025, 6, 9, tzinfo=UTC))
        after = cost(o3, usage, datetime(2025, 6, 11, tzinfo=UTC))
        assert before == CallCost(Decimal(10), Decimal(40))
        assert after == CallCost(Decimal(2), Decimal(8))

    def test_of_the_house_are_nothing(self) -> None:
        assert PRICES.price(HOUSE, TokenUsage(MILLION, MILLION), AT) == CallCost(ZERO, ZERO)
        assert PRICES.estimate(HOUSE, MILLION, MILLION, AT) == CallCost(ZERO, ZERO)

    @pytest.mark.parametrize(
        "choice",
        [
            model_choice("anthropic", "claude-of-tomorrow-x"),
            model_choice("openai", "no-such-model"),
            # a server of one's own may call its model what it likes
            model_choice("compatible", "gpt-5"),
        ],
    )
    def test_that_nobody_knows_are_none(self, choice: ModelChoice) -> None:
        assert PRICES.price(choice, TokenUsage(1, 1), AT) is None
        assert PRICES.estimate(choice, 1, 1, AT) is None

    @given(
        choice=st.sampled_from(CHOICES),
        prompt=st.integers(0, 150_000),
        cached=st.floats(0, 1),
        written=st.floats(0, 1),
        completion=st.integers(0, 50_000),
    )
    def test_are_never_above_the_estimate(
        self, choice: ModelChoice, prompt: int, cached: float, written: float, completion: int
    ) -> None:
        read = int(prompt * cached)
        usage = TokenUsage(prompt, completion, read, int((prompt - read) * written))
        estimate = PRICES.estimate(choice, prompt, completion, AT)
        assert estimate is not None
        assert ZERO <= cost(choice, usage).total_usd <= estimate.total_usd


class TestTokenUsage:
    @given(counts=st.lists(st.one_of(st.none(), st.integers(0, MILLION)), min_size=5, max_size=5))
    def test_no_part_is_greater_than_its_whole(self, counts: list[int | None]) -> None:
        names = ("prompt_token_count", "candidates_token_count", "thoughts_token_count")
        values: dict[str, Any] = dict(zip(names, counts, strict=False))
        metadata = types.GenerateContentResponseUsageMetadata(
            **values, cached_content_token_count=counts[3]
        )
        response = LlmResponse(
            usage_metadata=metadata, custom_metadata={"cache_write_tokens": counts[4]}
        )
        usage = token_usage(response)
        assert usage.cached_tokens + usage.cache_write_tokens <= usage.prompt_tokens
        assert usage.thinking_tokens <= usage.completion_tokens

    def test_what_googles_tools_read_is_part_of_the_prompt(self) -> None:
        metadata = types.GenerateContentResponseUsageMetadata(
            prompt_token_count=10, tool_use_prompt_token_count=5, candidates_token_count=1
        )
        assert token_usage(LlmResponse(usage_metadata=metadata)) == TokenUsage(15, 1)

    def test_a_server_that_counts_nothing_counts_as_nothing(self) -> None:
        assert token_usage(LlmResponse()) == TokenUsage(0, 0)


class TestChoices:
    @pytest.mark.parametrize("text", ["claude", "anthropic", " Claude "])
    def test_claude_means_anthropic(self, text: str) -> None:
        choice = model_choice(text, "claude-sonnet-4-5")
        assert choice == ModelChoice(AIProvider.ANTHROPIC, "claude-sonnet-4-5")

    @pytest.mark.parametrize("model", [None, "", "whatever"])
    def test_the_house_needs_no_model(self, model: str | None) -> None:
        assert model_choice("house", model) is HOUSE

    @pytest.mark.parametrize(
        ("provider", "model"),
        [("oracle", "x"), ("", "x"), ("openai", ""), ("openai", None), ("openai", "a b")],
    )
    def test_what_names_no_model_is_refused(self, provider: str, model: str | None) -> None:
        with pytest.raises(InvalidValue):
            model_choice(provider, model)

    def test_a_chain_keeps_its_order_and_slashes_in_names(self) -> None:
        chain = model_chain("claude/claude-x, compatible/meta-llama/Llama-3.3 ,")
        assert [str(choice) for choice in chain] == [
            "anthropic/claude-x",
            "compatible/meta-llama/Llama-3.3",
        ]

    def test_a_chain_names_a_model_for_each(self) -> None:
        with pytest.raises(InvalidValue):
            model_chain("openai/gpt-5,deepseek")
