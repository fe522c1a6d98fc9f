"""What a backtest is asked for, in words that have been read but not yet looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from hedgerow.domain.market import Exchange, MarketType
from hedgerow.domain.money import ONE
from hedgerow.usecases.open_fund import POSITION_SHARE_MAX

HOUSE: Final = "house"
RECORDED: Final = "recorded"


@dataclass(frozen=True, slots=True)
class DeskRequest:
    """Who decides, and on which terms the venue trades.

    `analyst` is `house`, `FILE.py:Class` or a class; `params` are its own. `fee_tier`, `slippage`
    and `funding` are as the guide has them; `latency_ms` is how long an order is on its way.
    """

    analyst: str | type[Any] = HOUSE
    params: Mapping[str, object] = field(default_factory=dict)
    exchange: Exchange = Exchange.BINANCE
    market_type: MarketType = MarketType.SPOT
    leverage: int = 1
    fee_tier: str = "regular"
    slippage: str = "drawn:0.0005"
    latency_ms: int = 0
    funding: str | None = None
    seed: int = 7

    @property
    def position_share_max(self) -> Decimal:
        """The share of the capital that one position may take: as in paper runs for the house."""
        return POSITION_SHARE_MAX if self.analyst == HOUSE else ONE
