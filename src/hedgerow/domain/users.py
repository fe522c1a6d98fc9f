"""A participant, and the settings they chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from hedgerow.domain.errors import DocumentRefused
from hedgerow.domain.market import Exchange
from hedgerow.domain.money import HUNDRED, ZERO, require_exact
from hedgerow.domain.strategies import RiskTolerance


@dataclass(frozen=True, slots=True)
class UserSettings:
    """A user's own bounds: `*_usd` in quote currency, risk and drawdown in per cent of equity.

    `max_monthly_ai_usd` is what models may cost in a calendar month, in US dollars; None leaves
    that to the tier. Read from the specified JSON with documents.read_json; a missing key has its
    default.
    """

    default_ai_provider: str = "house"
    default_ai_model: str = "house"
    risk_level: RiskTolerance = RiskTolerance.MODERATE
    max_positions: int = 3
    max_portfolio_risk: Decimal = Decimal("10.0")
    max_daily_drawdown: Decimal = Decimal("5.0")
    max_consecutive_loss: int = 3
    notifications_on: bool = True
    circuit_breaker_on: bool = True
    max_position_size_usd: Decimal = Decimal("1000.0")
    max_total_exposure_usd: Decimal = Decimal("5000.0")
    min_position_size_usd: Decimal = Decimal("10.0")
    max_leverage_multiple: Decimal = Decimal("1.0")
    allowed_exchanges: tuple[str, ...] = ("binance", "bybit")
    max_monthly_ai_usd: Decimal | None = None

    def __post_init__(self) -> None:
        require_exact(
            max_portfolio_risk=self.max_portfolio_risk,
            max_daily_drawdown=self.max_daily_drawdown,
            max_position_size_usd=self.max_position_size_usd,
            max_total_exposure_usd=self.max_total_exposure_usd,
            min_position_size_usd=self.min_position_size_usd,
            max_leverage_multiple=self.max_leverage_multiple,
            max_monthly_ai_usd=self.max_monthly_ai_usd,
        )
        for key in ("max_portfolio_risk", "max_daily_drawdown"):
            if not ZERO < getattr(self, key) <= HUNDRED:
                raise DocumentRefused("UserSettings", key, "must be above 0 and at most 100")
        for key in ("max_positions", "max_consecutive_loss", "max_leverage_multiple"):
            if getattr(self, key) < 1:
                raise DocumentRefused("UserSettings", key, "must be at least 1")
        for key in (
            *("max_position_size_usd", "max_total_exposure_usd", "min_position_size_usd"),
            "max_monthly_ai_usd",
        ):
            value: Decimal | None = getattr(self, key)
            if value is not None and value <= ZERO:
                raise DocumentRefused("UserSettings", key, "must be above 0")
        known = {str(exchange) for exchange in Exchange}
        for name in self.allowed_exchanges:
            if name not in known:
                raise DocumentRefused(
                    "UserSettings", "allowed_exchanges", f"{name!r} is none of {sorted(known)}"
                )


@dataclass(slots=True)
class User:
    """A participant; each runs one fund. `telegram_id` is None until a chat is linked."""

    id: UUID
    first_name: str
    last_name: str
    limit_profile_id: UUID
    settings: UserSettings
    created_at: datetime
    updated_at: datetime
    telegram_id: int | None = None
    telegram_username: str | None = None
    is_active: bool = True
    is_premium: bool = False
