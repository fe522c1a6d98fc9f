"""A user's watchlist: which symbols a strategy may trade, and within which bounds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hedgerow.domain.market import MarketType, Timeframe
from hedgerow.domain.money import require_exact


class StrategyMode(StrEnum):
    """How far the desk may go by itself."""

    AUTO = "auto"
    SEMI_AUTO = "semi_auto"
    SIGNALS = "signals"


@dataclass(slots=True)
class TradingPair:
    """A symbol on the watchlist.

    `budget` and `max_position_size` are in quote currency, `stop_loss_percent` and
    `take_profit_percent` the defaults in per cent of the entry price.
    """

    id: UUID
    user_id: UUID
    strategy_id: UUID
    exchange_account_id: UUID
    symbol: str
    market_type: MarketType
    budget: Decimal
    max_position_size: Decimal
    max_leverage: int
    stop_loss_percent: Decimal
    take_profit_percent: Decimal
    ai_provider: str
    strategy_mode: StrategyMode
    timeframes: tuple[Timeframe, ...]
    is_active: bool = True
    is_paused: bool = False
    paused_reason: str | None = None

    def __post_init__(self) -> None:
        require_exact(
            budget=self.budget,
            max_position_size=self.max_position_size,
            stop_loss_percent=self.stop_loss_percent,
            take_profit_percent=self.take_profit_percent,
        )
