"""The circuit breaker, and the log of what it and the checks had to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from hedgerow.domain.money import ZERO, percent
from hedgerow.domain.performance import is_won

_WARNING_SHARE: Final = Decimal("0.8")
_LOSSES_WORTH_A_WARNING: Final = 2


class RiskEventType(StrEnum):
    """What a risk event is about."""

    DRAWDOWN_WARNING = "drawdown_warning"
    CONSECUTIVE_LOSS = "consecutive_loss"
    CIRCUIT_BREAKER_TRIGGERED = "circuit_breaker_triggered"
    MAX_EXPOSURE_REACHED = "max_exposure_reached"
    KILL_SWITCH_ACTIVATED = "kill_switch_activated"
    ANOMALY_DETECTED = "anomaly_detected"


class Severity(StrEnum):
    """How urgent a risk event is."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alert:
    """A risk event before it has an id and a time."""

    event_type: RiskEventType
    severity: Severity
    message: str
    data: Mapping[str, str] = field(default_factory=dict)


def anomaly(order_id: UUID, position_id: UUID, text: str) -> Alert:
    """An alert that a person has to look at a position: the venue did what nobody asked for."""
    data = {"order_id": str(order_id), "position_id": str(position_id)}
    return Alert(RiskEventType.ANOMALY_DETECTED, Severity.CRITICAL, text, data)


@dataclass(frozen=True, slots=True)
class RiskEvent:
    """A risk alert as it is kept; only `acknowledged` may change later."""

    id: UUID
    user_id: UUID
    timestamp: datetime
    event_type: RiskEventType
    severity: Severity
    message: str
    data: Mapping[str, str]
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One pre-trade check: its name, what was found and what is allowed."""

    name: str
    passed: bool
    found: str
    allowed: str


TRADING_DAY: Final = timedelta(days=1)
"""From one 00:00 UTC to the next."""


def next_midnight(at: datetime) -> datetime:
    """The next 00:00 UTC after `at`."""
    return datetime.combine(at.astimezone(UTC).date() + TRADING_DAY, time(tzinfo=UTC))


@dataclass(slots=True)
class CircuitBreakerState:
    """A user's risk counters for the day; `max_daily_drawdown` and `*_percent` in per cent.

    Once triggered, positions may only be closed until `reset_at`, the next 00:00 UTC.
    `day_start_equity` (quote) is what the day's profit is measured from.
    """

    user_id: UUID
    max_daily_drawdown: Decimal
    max_consecutive_loss: int
    reset_at: datetime
    day_start_equity: Decimal
    is_enabled: bool = True
    is_triggered: bool = False
    triggered_at: datetime | None = None
    trigger_reason: str | None = None
    daily_pnl: Decimal = ZERO
    daily_pnl_percent: Decimal = ZERO
    daily_trade_count: int = 0
    daily_wins: int = 0
    daily_losses: int = 0
    consecutive_losses: int = 0
    drawdown_warned: bool = False

    def reset(self, at: datetime, equity: Decimal) -> None:
        """Begin a trading day: all counters at zero, trading allowed."""
        self.is_triggered = False
        self.triggered_at = None
        self.trigger_reason = None
        self.daily_trade_count = 0
        self.daily_wins = 0
        self.daily_losses = 0
        self.consecutive_losses = 0
        self.drawdown_warned = False
        self.day_start_equity = equity
        self.daily_pnl = ZERO
        self.daily_pnl_percent = ZERO
        self.reset_at = next_midnight(at)

    def mark_equity(self, equity: Decimal, at: datetime) -> list[Alert]:
        """Take the fund's equity; warns at 80 % of the drawdown limit, trips at all of it."""
        self.daily_pnl = equity - self.day_start_equity
        self.daily_pnl_percent = percent(self.daily_pnl, self.day_start_equity)
        if not self.is_enabled or self.is_triggered:
            return []
        if self.daily_pnl_percent <= -self.max_daily_drawdown:
            message = f"{self._drawdown} exceeds limit -{self.max_daily_drawdown}%"
            return [self._trip(at, "daily drawdown exceeded", message, self._drawdown_data)]
        warning_pct = self.max_daily_drawdown * _WARNING_SHARE
        if not self.drawdown_warned and self.daily_pnl_percent <= -warning_pct:
            self.drawdown_warned = True
            message = f"{self._drawdown} approaches limit -{self.max_daily_drawdown}%"
            event_type = RiskEventType.DRAWDOWN_WARNING
            return [Alert(event_type, Severity.WARNING, message, self._drawdown_data)]
        return []

    @property
    def _drawdown(self) -> str:
        return f"Daily drawdown {self.daily_pnl_percent:.2f}%"

    @property
    def _drawdown_data(self) -> Mapping[str, str]:
        return {
            "daily_pnl": str(self.daily_pnl),
            "daily_pnl_percent": str(self.daily_pnl_percent),
            "max_daily_drawdown": str(self.max_daily_drawdown),
        }

    @property
    def speaks_from_pct(self) -> Decimal | None:
        """The daily loss in per cent (above 0) at which it next says something; None if never."""
        if not self.is_enabled or self.is_triggered:
            return None
        share = Decimal(1) if self.drawdown_warned else _WARNING_SHARE
        return self.max_daily_drawdown * share

    def stays_silent(self, equity: Decimal) -> bool:
        """Whether `mark_equity` would neither warn nor trip at `equity`."""
        loss_pct = self.speaks_from_pct
        if loss_pct is None:
            return True
        return percent(equity - self.day_start_equity, self.day_start_equity) > -loss_pct

    def count_opening(self) -> None:
        """Count a trade that was opened."""
        self.daily_trade_count += 1

    def record_trade(self, net_pnl: Decimal, at: datetime) -> list[Alert]:
        """Count a closed trade; warns of losses in a row and trips at the limit.

        A trade that exactly breaks even is neither a win nor a loss and ends no streak.
        """
        if is_won(net_pnl):
            self.daily_wins += 1
            self.consecutive_losses = 0
        elif net_pnl < ZERO:
            self.daily_losses += 1
            self.consecutive_losses += 1
            return self._losses_in_a_row(at)
        return []

    def pull_kill_switch(self, reason: str, at: datetime) -> list[Alert]:
        """Stop trading at the user's word; works also when the breaker is switched off."""
        data = {"reason": reason}
        alert = Alert(
            RiskEventType.KILL_SWITCH_ACTIVATED,
            Severity.CRITICAL,
            f"Kill switch pulled: {reason}",
            data,
        )
        if self.is_triggered:
            return [alert]
        return [alert, self._trip(at, "kill switch", f"Kill switch pulled: {reason}", data)]

    def _losses_in_a_row(self, at: datetime) -> list[Alert]:
        losses, limit = self.consecutive_losses, self.max_consecutive_loss
        if losses < min(_LOSSES_WORTH_A_WARNING, limit):
            return []
        data = {"consecutive_losses": str(losses), "max_consecutive_loss": str(limit)}
        message = f"{losses} losing trades in a row, limit {limit}"
        alerts = [Alert(RiskEventType.CONSECUTIVE_LOSS, Severity.WARNING, message, data)]
        if self.is_enabled and not self.is_triggered and losses >= limit:
            alerts.append(self._trip(at, "consecutive losses", message, data))
        return alerts

    def _trip(self, at: datetime, reason: str, message: str, data: Mapping[str, str]) -> Alert:
        self.is_triggered = True
        self.triggered_at = at
        self.trigger_reason = reason
        return Alert(
            RiskEventType.CIRCUIT_BREAKER_TRIGGERED,
            Severity.CRITICAL,
            f"Trading halted until {self.reset_at:%Y-%m-%d %H:%M} UTC. {message}",
            data,
        )
