"""What models cost, by the price lists of those who run them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from hedgerow.domain.ai_usage import CallCost, ModelChoice, TokenUsage


class PriceList(Protocol):
    """Prices of models, as they were at a time."""

    def price(self, choice: ModelChoice, usage: TokenUsage, at: datetime) -> CallCost | None:
        """What a call cost, exactly; None where the model has no known price."""
        ...
