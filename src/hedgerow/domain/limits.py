"""What a tier allows, and the tighter of it and the user's own settings."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hedgerow.domain.money import require_exact
from hedgerow.domain.users import UserSettings


class TierName(StrEnum):
    """The subscription tiers."""

    FREE = "free"
    BASIC = "basic"
    PREMIUM = "premium"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class Limits:
    """A tier's limits: counts are maxima, `*_usd` in quote currency.

    Read from the specified JSON with documents.read_json; every key must be there.
    """

    exchanges_count: int
    active_positions: int
    daily_trades_count: int
    monthly_trades_count: int
    trading_pairs_count: int
    monthly_ai_requests: int
    max_agents_count: int
    advanced_agents_access: bool
    max_leverage: Decimal
    max_position_size_usd: Decimal
    max_total_exposure_usd: Decimal
    backtesting_allowed: bool
    live_trading_allowed: bool
    realtime_data_access: bool
    priority_support: bool

    def __post_init__(self) -> None:
        require_exact(
            max_leverage=self.max_leverage,
            max_position_size_usd=self.max_position_size_usd,
            max_total_exposure_usd=self.max_total_exposure_usd,
        )


@dataclass(frozen=True, slots=True)
class LimitProfile:
    """A tier and its limits."""

    id: UUID
    name: TierName
    description: str
    limits: Limits
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class TradingBounds:
    """The tighter of what the user set and the tier allows; units as in UserSettings."""

    positions_max: int
    daily_trades_max: int
    monthly_trades_max: int
    leverage_max: Decimal
    position_size_usd_max: Decimal
    position_size_usd_min: Decimal
    total_exposure_usd_max: Decimal
    portfolio_risk_pct_max: Decimal
    allowed_exchanges: tuple[str, ...]
    live_trading_allowed: bool


def trading_bounds(settings: UserSettings, limits: Limits) -> TradingBounds:
    """The tighter of user and tier, field by field."""
    return TradingBounds(
        positions_max=min(settings.max_positions, limits.active_positions),
        daily_trades_max=limits.daily_trades_count,
        monthly_trades_max=limits.monthly_trades_count,
        leverage_max=min(settings.max_leverage_multiple, limits.max_leverage),
        position_size_usd_max=min(settings.max_position_size_usd, limits.max_position_size_usd),
        position_size_usd_min=settings.min_position_size_usd,
        total_exposure_usd_max=min(settings.max_total_exposure_usd, limits.max_total_exposure_usd),
        portfolio_risk_pct_max=settings.max_portfolio_risk,
        allowed_exchanges=settings.allowed_exchanges,
        live_trading_allowed=limits.live_trading_allowed,
    )
