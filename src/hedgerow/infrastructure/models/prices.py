"""Prices of models from genai-prices: bundled, without network, and by date."""

from __future__ import annotations

from datetime import datetime

from genai_prices import Usage, calc_price

from hedgerow.domain.ai_usage import AIProvider, CallCost, ModelChoice, TokenUsage
from hedgerow.domain.money import ZERO, exact

_FREE = CallCost(ZERO, ZERO)


class BundledPrices:
    """Prices as the installed genai-prices knows them (port PriceList)."""

    def price(self, choice: ModelChoice, usage: TokenUsage, at: datetime) -> CallCost | None:
        """What a call cost at `at`; None where nobody knows a price."""
        match choice.provider:
            case AIProvider.HOUSE:
                return _FREE
            case AIProvider.COMPATIBLE:
                # what a server of one's own costs is on no list, whatever its model is called
                return None
        tokens = Usage(
            input_tokens=usage.prompt_tokens,
            cache_read_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.completion_tokens,
        )
        try:
            with exact():
                found = calc_price(
                    tokens,
                    choice.model_id,
                    provider_id=choice.provider.value,
                    genai_request_timestamp=at,
                )
        except LookupError:
            return None
        # as fine as costs are kept
        return CallCost(round(found.input_price, 18), round(found.output_price, 18))

    def estimate(
        self, choice: ModelChoice, prompt_tokens: int, output_tokens_max: int, at: datetime
    ) -> CallCost | None:
        """The most that a call can cost: some providers charge more for what they cache."""
        usages = (
            TokenUsage(prompt_tokens, output_tokens_max),
            TokenUsage(prompt_tokens, output_tokens_max, cache_write_tokens=prompt_tokens),
        )
        costs = [self.price(choice, usage, at) for usage in usages]
        return max((cost for cost in costs if cost), key=lambda cost: cost.total_usd, default=None)
