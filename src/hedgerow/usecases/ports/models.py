"""What models cost."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from hedgerow.domain.ai_usage import CallCost, ModelChoice, TokenUsage


class PriceList(Protocol):
    """Prices of models in US dollars, as they were at a moment.

    None means that nobody knows a price: such a call counts as nothing, and the person who runs
    Hedgerow is told. The house costs nothing.
    """

    def price(self, choice: ModelChoice, usage: TokenUsage, at: datetime) -> CallCost | None:
        """What a call cost that was made at `at`."""
        ...

    def estimate(
        self, choice: ModelChoice, prompt_tokens: int, output_tokens_max: int, at: datetime
    ) -> CallCost | None:
        """The most that a call can cost that is about to be made."""
        ...
