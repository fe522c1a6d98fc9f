"""The circuit breaker of each user, and the log of what risk had to say."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, Table

from hedgerow.domain.risk import RiskEventType, Severity
from hedgerow.infrastructure.postgres.tables.columns import (
    choice,
    count,
    document,
    flag,
    metadata,
    moment,
    not_negative,
    number,
    positive,
    primary_id,
    stamps,
    text,
    user,
    user_key,
)

circuit_breaker_states = Table(
    "circuit_breaker_states",
    metadata,
    user_key("the user whose trading it halts"),
    flag("is_triggered", "whether new positions are halted"),
    moment("triggered_at", "when it tripped", nullable=True),
    text("trigger_reason", "why it tripped", nullable=True),
    number("daily_pnl", "the day's profit, quote currency"),
    number("daily_pnl_percent", "the same, in per cent of the day's first equity"),
    count("daily_trade_count", "trades opened today"),
    count("daily_wins", "trades closed with a profit today"),
    count("daily_losses", "trades closed with a loss today"),
    count("consecutive_losses", "losing trades in a row"),
    number("max_daily_drawdown", "the threshold, in per cent"),
    count("max_consecutive_loss", "the threshold, in trades"),
    moment("reset_at", "the next 00:00 UTC"),
    number("day_start_equity", "what the day's profit is measured from"),
    flag("is_enabled", "whether it trips by itself"),
    flag("drawdown_warned", "whether today's warning was given"),
    *stamps(),
    CheckConstraint("is_triggered = (triggered_at is not null)", "triggered_has_time"),
    CheckConstraint("is_triggered = (trigger_reason is not null)", "triggered_has_reason"),
    CheckConstraint("max_daily_drawdown > 0 and max_daily_drawdown <= 100", "max_daily_drawdown"),
    *positive("max_consecutive_loss"),
    *not_negative("daily_trade_count", "daily_wins", "daily_losses", "consecutive_losses"),
    comment="One circuit breaker for each user.",
)

risk_events = Table(
    "risk_events",
    metadata,
    primary_id(),
    user(),
    moment("timestamp", "when it was raised"),
    choice("event_type", RiskEventType, "what it is about"),
    choice("severity", Severity, "how urgent it is"),
    text("message", "what the user is told"),
    document("data", "the figures behind it, as texts by name"),
    flag("acknowledged", "whether the user has seen it; the one thing that may change"),
    CheckConstraint("jsonb_typeof(data) = 'object'", "data"),
    Index(None, "user_id", "timestamp"),
    Index(
        "ix_risk_events_unacknowledged",
        "user_id",
        "timestamp",
        postgresql_where="not acknowledged",
    ),
    comment="Risk alerts. Append-only but for their acknowledgement.",
)
