"""The specification's field list, as data: what `hedgerow db check` holds a live schema against.

It is written down apart from the tables on purpose: a column lost from both would not be missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Field:
    """A specified field: its type as PostgreSQL names it, or `choice` for one of `values`.

    `refers_to` is the table that a foreign key has to lead to.
    """

    type: str
    values: tuple[str, ...] = ()
    refers_to: str | None = None


SPECIFIED: Final[Mapping[str, Mapping[str, Field]]] = {
    "users": {
        "id": Field("uuid"),
        "telegram_id": Field("bigint"),
        "telegram_username": Field("text"),
        "first_name": Field("text"),
        "last_name": Field("text"),
        "is_active": Field("boolean"),
        "is_premium": Field("boolean"),
        "limit_profile_id": Field("uuid", refers_to="limit_profiles"),
        "settings": Field("jsonb"),
    },
    "limit_profiles": {
        "id": Field("uuid"),
        "name": Field("text"),
        "description": Field("text"),
        "limits": Field("jsonb"),
        "is_active": Field("boolean"),
    },
    "exchange_accounts": {
        "id": Field("uuid"),
        "user_id": Field("uuid", refers_to="users"),
        "exchange": Field(
            "choice",
            values=(
                "binance",
                "bybit",
                "okx",
                "kucoin",
                "gate",
            ),
        ),
        "label": Field("text"),
        "api_key_encrypted": Field("bytea"),
        "secret_encrypted": Field("bytea"),
        "passphrase": Field("bytea"),
        "is_testnet": Field("boolean"),
        "permissions": Field("text[]"),
        "is_active": Field("boolean"),
        "last_sync_at": Field("timestamptz"),
        "listen_key_encrypted": Field("bytea"),
        "listen_key_expires_at": Field("timestamptz"),
    },
    "strategies": {
        "id": Field("uuid"),
        "user_id": Field("uuid", refers_to="users"),
        "name": Field("text"),
        "description": Field("text"),
        "status": Field(
            "choice",
            values=(
                "active",
                "paused",
                "closed",
            ),
        ),
        "allocated_capital": Field("numeric"),
        "current_equity": Field("numeric"),
        "cash_reserve": Field("numeric"),
        "market_type": Field(
            "choice",
            values=(
                "spot",
                "futures",
            ),
        ),
        "risk_tolerance": Field(
            "choice",
            values=(
                "conservative",
                "moderate",
                "aggressive",
            ),
        ),
        "rebalance_frequency": Field(
            "choice",
            values=(
                "daily",
                "weekly",
                "monthly",
                "never",
            ),
        ),
        "target_allocations": Field("jsonb"),
        "total_pnl": Field("numeric"),
        "total_pnl_percent": Field("numeric"),
        "sharpe_ratio": Field("numeric"),
        "max_drawdown": Field("numeric"),
        "win_rate": Field("numeric"),
        "reasoning_log": Field("jsonb"),
    },
    "positions": {
        "id": Field("uuid"),
        "user_id": Field("uuid", refers_to="users"),
        "trading_pair_id": Field("uuid", refers_to="trading_pairs"),
        "exchange_account_id": Field("uuid", refers_to="exchange_accounts"),
        "strategy_id": Field("uuid", refers_to="strategies"),
        "symbol": Field("text"),
        "market_type": Field(
            "choice",
            values=(
                "spot",
                "futures",
            ),
        ),
        "side": Field(
            "choice",
            values=(
                "long",
                "short",
            ),
        ),
        "size": Field("numeric"),
        "entry_price": Field("numeric"),
        "current_price": Field("numeric"),
        "liquidation_price": Field("numeric"),
        "leverage": Field("integer"),
        "margin_mode": Field(
            "choice",
            values=(
                "cross",
                "isolated",
            ),
        ),
        "unrealized_pnl": Field("numeric"),
        "unrealized_pnl_pct": Field("numeric"),
        "realized_pnl": Field("numeric"),
        "stop_loss_price": Field("numeric"),
        "take_profit_price": Field("numeric"),
        "trailing_stop_pct": Field("numeric"),
        "stop_loss_order_id": Field("uuid", refers_to="orders"),
        "take_profit_order_id": Field("uuid", refers_to="orders"),
        "open_reasoning": Field("text"),
        "status": Field(
            "choice",
            values=(
                "open",
                "closed",
                "liquidated",
            ),
        ),
        "opened_at": Field("timestamptz"),
        "closed_at": Field("timestamptz"),
    },
    "orders": {
        "id": Field("uuid"),
        "exchange_order_id": Field("text"),
        "user_id": Field("uuid", refers_to="users"),
        "trading_pair_id": Field("uuid", refers_to="trading_pairs"),
        "exchange_account_id": Field("uuid", refers_to="exchange_accounts"),
        "symbol": Field("text"),
        "market_type": Field(
            "choice",
            values=(
                "spot",
                "futures",
            ),
        ),
        "side": Field(
            "choice",
            values=(
                "buy",
                "sell",
            ),
        ),
        "type": Field(
            "choice",
            values=(
                "market",
                "limit",
                "stop_market",
                "stop_limit",
            ),
        ),
        "status": Field(
            "choice",
            values=(
                "pending",
                "open",
                "filled",
                "partial",
                "canceled",
                "rejected",
                "expired",
            ),
        ),
        "price": Field("numeric"),
        "amount": Field("numeric"),
        "filled_amount": Field("numeric"),
        "avg_fill_price": Field("numeric"),
        "stop_price": Field("numeric"),
        "reduce_only": Field("boolean"),
        "agent_id": Field("text"),
        "reasoning": Field("text"),
        "parent_order_id": Field("uuid", refers_to="orders"),
        "fee": Field("numeric"),
        "fee_currency": Field("text"),
        "created_at": Field("timestamptz"),
        "filled_at": Field("timestamptz"),
    },
    "trading_pairs": {
        "id": Field("uuid"),
        "user_id": Field("uuid", refers_to="users"),
        "strategy_id": Field("uuid", refers_to="strategies"),
        "exchange_account_id": Field("uuid", refers_to="exchange_accounts"),
        "symbol": Field("text"),
        "market_type": Field(
            "choice",
            values=(
                "spot",
                "futures",
            ),
        ),
        "budget": Field("numeric"),
        "max_position_size": Field("numeric"),
        "max_leverage": Field("integer"),
        "stop_loss_percent": Field("numeric"),
        "take_profit_percent": Field("numeric"),
        "ai_provider": Field("text"),
        "strategy_mode": Field(
            "choice",
            values=(
                "auto",
                "semi_auto",
                "signals",
            ),
        ),
        "timeframes": Field("text[]"),
        "is_active": Field("boolean"),
        "is_paused": Field("boolean"),
        "paused_reason": Field("text"),
    },
    "circuit_breaker_states": {
        "user_id": Field("uuid", refers_to="users"),
        "is_triggered": Field("boolean"),
        "triggered_at": Field("timestamptz"),
        "trigger_reason": Field("text"),
        "daily_pnl": Field("numeric"),
        "daily_pnl_percent": Field("numeric"),
        "daily_trade_count": Field("integer"),
        "daily_wins": Field("integer"),
        "daily_losses": Field("integer"),
        "consecutive_losses": Field("integer"),
        "max_daily_drawdown": Field("numeric"),
        "max_consecutive_loss": Field("integer"),
        "reset_at": Field("timestamptz"),
    },
    "risk_events": {
        "id": Field("uuid"),
        "user_id": Field("uuid", refers_to="users"),
        "timestamp": Field("timestamptz"),
        "event_type": Field(
            "choice",
            values=(
                "drawdown_warning",
                "consecutive_loss",
                "circuit_breaker_triggered",
                "max_exposure_reached",
                "kill_switch_activated",
                "anomaly_detected",
            ),
        ),
        "severity": Field(
            "choice",
            values=(
                "warning",
                "critical",
            ),
        ),
        "message": Field("text"),
        "data": Field("jsonb"),
        "acknowledged": Field("boolean"),
    },
    "memories": {
        "id": Field("uuid"),
        "scope": Field(
            "choice",
            values=(
                "user",
                "collective",
                "working",
            ),
        ),
        "user_id": Field("uuid"),
        "agent_id": Field("text"),
        "session_id": Field("text"),
        "type": Field(
            "choice",
            values=(
                "observation",
                "decision",
                "trade",
                "lesson",
                "regime",
                "pattern",
            ),
        ),
        "content": Field("text"),
        "embedding": Field("vector(1536)"),
        "embedding_model": Field("text"),
        "embedding_dimensions": Field("integer"),
        "validation_score": Field("double precision"),
        "validation_trades": Field("integer"),
        "symbol": Field("text"),
        "timeframe": Field("text"),
        "importance": Field("double precision"),
        "tags": Field("text[]"),
        "metadata": Field("jsonb"),
        "personality": Field("text"),
        "source_user_id": Field("uuid"),
        "source_trade_id": Field("uuid"),
        "expires_at": Field("timestamptz"),
    },
    "sessions": {
        "id": Field("uuid"),
        "app_name": Field("text"),
        "user_id": Field("text"),
        "session_id": Field("text"),
        "state": Field("jsonb"),
        "events": Field("jsonb"),
        "updated_at": Field("timestamptz"),
        "created_at": Field("timestamptz"),
    },
    "journal_entries": {
        "id": Field("uuid"),
        "user_id": Field("uuid", refers_to="users"),
        "trade_id": Field("uuid", refers_to="positions"),
        "symbol": Field("text"),
        "side": Field(
            "choice",
            values=(
                "long",
                "short",
            ),
        ),
        "entry_price": Field("numeric"),
        "exit_price": Field("numeric"),
        "size": Field("numeric"),
        "pnl": Field("numeric"),
        "pnl_percent": Field("numeric"),
        "strategy_used": Field("text"),
        "timeframe": Field("text"),
        "setup_type": Field(
            "choice",
            values=(
                "breakout",
                "reversal",
                "trend_follow",
            ),
        ),
        "market_regime": Field(
            "choice",
            values=(
                "trend",
                "range",
                "volatile",
            ),
        ),
        "entry_reasoning": Field("text"),
        "exit_reasoning": Field("text"),
        "confidence_score": Field("double precision"),
        "rsi_at_entry": Field("double precision"),
        "atr_at_entry": Field("double precision"),
        "volume_at_entry": Field("double precision"),
        "was_correct_entry": Field("boolean"),
        "was_correct_exit": Field("boolean"),
        "max_drawdown": Field("numeric"),
        "max_profit": Field("numeric"),
        "hold_duration": Field("bigint"),
        "lessons_learned": Field("text"),
        "improvement_tips": Field("text"),
    },
    "regime_classifications": {
        "id": Field("uuid"),
        "symbol": Field("text"),
        "timeframe": Field("text"),
        "timestamp": Field("timestamptz"),
        "regime": Field(
            "choice",
            values=(
                "trend_up",
                "trend_down",
                "range",
                "volatile",
                "transition",
            ),
        ),
        "confidence": Field("double precision"),
        "indicators": Field("jsonb"),
        "model_version": Field("text"),
    },
}
