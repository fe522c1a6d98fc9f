"""The tables of a fund that trades, remembers and can be audited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move forward."""
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "instruments",
        sa.Column(
            "exchange",
            sa.Enum(
                "binance",
                "bybit",
                "okx",
                "kucoin",
                "gate",
                name="exchange",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column(
            "market_type",
            sa.Enum(
                "spot",
                "futures",
                name="market_type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("price_tick", sa.Numeric(), nullable=False),
        sa.Column("quantity_step", sa.Numeric(), nullable=False),
        sa.Column("notional_quote_min", sa.Numeric(), nullable=False),
        sa.Column("maintenance_margin_ratio", sa.Numeric(), nullable=False),
        sa.Column("leverage_max", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("exchange", "symbol", "market_type", name=op.f("pk_instruments")),
    )
    op.create_table(
        "limit_profiles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "name",
            sa.Enum(
                "free",
                "basic",
                "premium",
                "enterprise",
                name="name",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_profiles")),
        sa.UniqueConstraint("name", name=op.f("uq_limit_profiles_name")),
    )
    op.create_table(
        "regime_classifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column(
            "timeframe",
            sa.Enum(
                "1m",
                "5m",
                "15m",
                "1h",
                "4h",
                "1d",
                name="timeframe",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "regime",
            sa.Enum(
                "trend_up",
                "trend_down",
                "range",
                "volatile",
                "transition",
                name="regime",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("indicators", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "confidence between 0 and 1", name=op.f("ck_regime_classifications_confidence")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regime_classifications")),
        sa.UniqueConstraint(
            "symbol",
            "timeframe",
            "timestamp",
            "model_version",
            name=op.f("uq_regime_classifications_symbol_timeframe_timestamp_model_version"),
        ),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=True),
        sa.Column("telegram_username", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_premium", sa.Boolean(), nullable=False),
        sa.Column("limit_profile_id", sa.Uuid(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["limit_profile_id"], ["limit_profiles.id"], name=op.f("fk_users_limit_profile_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("telegram_id", name=op.f("uq_users_telegram_id")),
    )
    op.create_table(
        "circuit_breaker_states",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("is_triggered", sa.Boolean(), nullable=False),
        sa.Column("triggered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trigger_reason", sa.Text(), nullable=True),
        sa.Column("daily_pnl", sa.Numeric(), nullable=False),
        sa.Column("daily_pnl_percent", sa.Numeric(), nullable=False),
        sa.Column("daily_trade_count", sa.Integer(), nullable=False),
        sa.Column("daily_wins", sa.Integer(), nullable=False),
        sa.Column("daily_losses", sa.Integer(), nullable=False),
        sa.Column("consecutive_losses", sa.Integer(), nullable=False),
        sa.Column("max_daily_drawdown", sa.Numeric(), nullable=False),
        sa.Column("max_consecutive_loss", sa.Integer(), nullable=False),
        sa.Column("reset_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day_start_equity", sa.Numeric(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("drawdown_warned", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_circuit_breaker_states_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_circuit_breaker_states")),
    )
    op.create_table(
        "events",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_events_user_id")),
        sa.PrimaryKeyConstraint("user_id", "sequence", name=op.f("pk_events")),
    )
    op.create_index(
        op.f("ix_events_user_id_kind_sequence"),
        "events",
        ["user_id", "kind", "sequence"],
        unique=False,
    )
    op.create_index(
        op.f("ix_events_user_id_subject_id"), "events", ["user_id", "subject_id"], unique=False
    )
    op.create_table(
        "exchange_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "exchange",
            sa.Enum(
                "binance",
                "bybit",
                "okx",
                "kucoin",
                "gate",
                name="exchange",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("api_key_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("secret_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("passphrase", sa.LargeBinary(), nullable=True),
        sa.Column("is_testnet", sa.Boolean(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("last_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("listen_key_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("listen_key_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_exchange_accounts_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_accounts")),
    )
    op.create_index(
        op.f("ix_exchange_accounts_user_id"), "exchange_accounts", ["user_id"], unique=False
    )
    op.create_table(
        "funds",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("ids_issued", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trades_month", sa.Text(), nullable=False),
        sa.Column("trades_month_count", sa.Integer(), nullable=False),
        sa.Column("event_sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_funds_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_funds")),
    )
    op.create_table(
        "risk_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "event_type",
            sa.Enum(
                "drawdown_warning",
                "consecutive_loss",
                "circuit_breaker_triggered",
                "max_exposure_reached",
                "kill_switch_activated",
                "anomaly_detected",
                name="event_type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.Enum(
                "warning",
                "critical",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_risk_events_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_events")),
    )
    op.create_index(
        op.f("ix_risk_events_user_id_timestamp"),
        "risk_events",
        ["user_id", "timestamp"],
        unique=False,
    )
    op.create_table(
        "strategies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "paused",
                "closed",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("quote_currency", sa.Text(), nullable=False),
        sa.Column("allocated_capital", sa.Numeric(), nullable=False),
        sa.Column("current_equity", sa.Numeric(), nullable=False),
        sa.Column("cash_reserve", sa.Numeric(), nullable=False),
        sa.Column(
            "market_type",
            sa.Enum(
                "spot",
                "futures",
                name="market_type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "risk_tolerance",
            sa.Enum(
                "conservative",
                "moderate",
                "aggressive",
                name="risk_tolerance",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "rebalance_frequency",
            sa.Enum(
                "daily",
                "weekly",
                "monthly",
                "never",
                name="rebalance_frequency",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("target_allocations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total_pnl", sa.Numeric(), nullable=False),
        sa.Column("total_pnl_percent", sa.Numeric(), nullable=False),
        sa.Column("sharpe_ratio", sa.Numeric(), nullable=False),
        sa.Column("max_drawdown", sa.Numeric(), nullable=False),
        sa.Column("win_rate", sa.Numeric(), nullable=False),
        sa.Column("reasoning_log", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("peak_equity", sa.Numeric(), nullable=False),
        sa.Column("trades_won", sa.Integer(), nullable=False),
        sa.Column("trades_lost", sa.Integer(), nullable=False),
        sa.Column("day_start_equity", sa.Numeric(), nullable=False),
        sa.Column("daily_returns_count", sa.Integer(), nullable=False),
        sa.Column("daily_returns_mean", sa.Numeric(), nullable=False),
        sa.Column("daily_returns_squared_deviation", sa.Numeric(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_strategies_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
    )
    op.create_index(op.f("ix_strategies_user_id"), "strategies", ["user_id"], unique=False)
    op.create_table(
        "wishes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_wishes_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wishes")),
    )
    op.create_index(
        "ix_wishes_pending",
        "wishes",
        ["user_id", "id"],
        unique=False,
        postgresql_where="done_at is null",
    )
    op.create_table(
        "ledger_balances",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column(
            "account",
            sa.Enum(
                "capital",
                "cash",
                "reserved",
                "positions",
                "fees",
                "realized_profit",
                "funding",
                name="account",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("balance", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_ledger_balances_strategy_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ledger_balances_user_id")),
        sa.PrimaryKeyConstraint(
            "strategy_id", "account", "currency", name=op.f("pk_ledger_balances")
        ),
    )
    op.create_table(
        "paper_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("venue", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("closed_through", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_paper_runs_strategy_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_paper_runs_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_runs")),
        sa.UniqueConstraint("number", name=op.f("uq_paper_runs_number")),
    )
    op.create_index(op.f("ix_paper_runs_fingerprint"), "paper_runs", ["fingerprint"], unique=False)
    op.create_index(op.f("ix_paper_runs_user_id"), "paper_runs", ["user_id"], unique=False)
    op.create_table(
        "trading_pairs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column(
            "market_type",
            sa.Enum(
                "spot",
                "futures",
                name="market_type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("budget", sa.Numeric(), nullable=False),
        sa.Column("max_position_size", sa.Numeric(), nullable=False),
        sa.Column("max_leverage", sa.Integer(), nullable=False),
        sa.Column("stop_loss_percent", sa.Numeric(), nullable=False),
        sa.Column("take_profit_percent", sa.Numeric(), nullable=False),
        sa.Column("ai_provider", sa.Text(), nullable=False),
        sa.Column(
            "strategy_mode",
            sa.Enum(
                "auto",
                "semi_auto",
                "signals",
                name="strategy_mode",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("timeframes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["exchange_account_id"],
            ["exchange_accounts.id"],
            name=op.f("fk_trading_pairs_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_trading_pairs_strategy_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_trading_pairs_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trading_pairs")),
        sa.UniqueConstraint(
            "strategy_id",
            "symbol",
            "market_type",
            name=op.f("uq_trading_pairs_strategy_id_symbol_market_type"),
        ),
    )
    op.create_index(op.f("ix_trading_pairs_user_id"), "trading_pairs", ["user_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column("trading_pair_id", sa.Uuid(), nullable=False),
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("exchange_order_id", sa.Text(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column(
            "market_type",
            sa.Enum(
                "spot",
                "futures",
                name="market_type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "side",
            sa.Enum(
                "buy", "sell", name="side", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "type",
            sa.Enum(
                "market",
                "limit",
                "stop_market",
                "stop_limit",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "purpose",
            sa.Enum(
                "entry",
                "stop_loss",
                "take_profit",
                "exit",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "open",
                "partial",
                "filled",
                "canceled",
                "rejected",
                "expired",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(), nullable=True),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("filled_amount", sa.Numeric(), nullable=False),
        sa.Column("filled_quote", sa.Numeric(), nullable=False),
        sa.Column("avg_fill_price", sa.Numeric(), nullable=True),
        sa.Column("stop_price", sa.Numeric(), nullable=True),
        sa.Column("reserved_quote", sa.Numeric(), nullable=False),
        sa.Column("reduce_only", sa.Boolean(), nullable=False),
        sa.Column("leverage", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("parent_order_id", sa.Uuid(), nullable=True),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("bracket", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("fee", sa.Numeric(), nullable=False),
        sa.Column("fee_currency", sa.Text(), nullable=True),
        sa.Column("fees", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(type in ('limit', 'stop_limit')) = (price is not null)", name=op.f("ck_orders_price")
        ),
        sa.CheckConstraint(
            "(type in ('stop_market', 'stop_limit')) = (stop_price is not null)",
            name=op.f("ck_orders_stop"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_orders_amount")),
        sa.CheckConstraint(
            "filled_amount between 0 and amount", name=op.f("ck_orders_filled_amount")
        ),
        sa.ForeignKeyConstraint(
            ["exchange_account_id"],
            ["exchange_accounts.id"],
            name=op.f("fk_orders_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["parent_order_id"], ["orders.id"], name=op.f("fk_orders_parent_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_orders_strategy_id")
        ),
        sa.ForeignKeyConstraint(
            ["trading_pair_id"], ["trading_pairs.id"], name=op.f("fk_orders_trading_pair_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_orders_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "exchange_account_id",
            "client_order_id",
            name=op.f("uq_orders_exchange_account_id_client_order_id"),
        ),
    )
    op.create_index(
        op.f("ix_orders_user_id_position_id"), "orders", ["user_id", "position_id"], unique=False
    )
    op.create_index(op.f("ix_orders_user_id_status"), "orders", ["user_id", "status"], unique=False)
    op.create_table(
        "fills",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("venue_trade_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("fee", sa.Numeric(), nullable=False),
        sa.Column("fee_currency", sa.Text(), nullable=False),
        sa.Column("is_maker", sa.Boolean(), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_account_id"],
            ["exchange_accounts.id"],
            name=op.f("fk_fills_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_fills_order_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_fills_user_id")),
        sa.PrimaryKeyConstraint("order_id", "venue_trade_id", name=op.f("pk_fills")),
        sa.UniqueConstraint(
            "exchange_account_id",
            "symbol",
            "venue_trade_id",
            name=op.f("uq_fills_exchange_account_id_symbol_venue_trade_id"),
        ),
    )
    op.create_index(
        op.f("ix_fills_user_id_filled_at"), "fills", ["user_id", "filled_at"], unique=False
    )
    op.create_table(
        "positions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column("trading_pair_id", sa.Uuid(), nullable=False),
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False),
        sa.Column("entry_order_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column(
            "market_type",
            sa.Enum(
                "spot",
                "futures",
                name="market_type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "side",
            sa.Enum(
                "long", "short", name="side", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("size", sa.Numeric(), nullable=False),
        sa.Column("size_opened", sa.Numeric(), nullable=False),
        sa.Column("entry_cost", sa.Numeric(), nullable=False),
        sa.Column("entry_price", sa.Numeric(), nullable=False),
        sa.Column("current_price", sa.Numeric(), nullable=False),
        sa.Column("liquidation_price", sa.Numeric(), nullable=True),
        sa.Column("leverage", sa.Integer(), nullable=False),
        sa.Column(
            "margin_mode",
            sa.Enum(
                "cross",
                "isolated",
                name="margin_mode",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("maintenance_margin_ratio", sa.Numeric(), nullable=False),
        sa.Column("margin", sa.Numeric(), nullable=False),
        sa.Column("unrealized_pnl", sa.Numeric(), nullable=False),
        sa.Column("unrealized_pnl_pct", sa.Numeric(), nullable=False),
        sa.Column("realized_pnl", sa.Numeric(), nullable=False),
        sa.Column("exit_value", sa.Numeric(), nullable=False),
        sa.Column("fees", sa.Numeric(), nullable=False),
        sa.Column("funding", sa.Numeric(), nullable=False),
        sa.Column("best_pnl", sa.Numeric(), nullable=False),
        sa.Column("worst_pnl", sa.Numeric(), nullable=False),
        sa.Column("stop_loss_price", sa.Numeric(), nullable=True),
        sa.Column("take_profit_price", sa.Numeric(), nullable=True),
        sa.Column("trailing_stop_pct", sa.Numeric(), nullable=True),
        sa.Column("stop_loss_order_id", sa.Uuid(), nullable=True),
        sa.Column("take_profit_order_id", sa.Uuid(), nullable=True),
        sa.Column("open_reasoning", sa.Text(), nullable=False),
        sa.Column("close_reasoning", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "closed",
                "liquidated",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'open') = (closed_at is null)", name=op.f("ck_positions_closed_at")
        ),
        sa.CheckConstraint("leverage between 1 and 125", name=op.f("ck_positions_leverage")),
        sa.CheckConstraint("size >= 0", name=op.f("ck_positions_size")),
        sa.ForeignKeyConstraint(
            ["entry_order_id"], ["orders.id"], name=op.f("fk_positions_entry_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["exchange_account_id"],
            ["exchange_accounts.id"],
            name=op.f("fk_positions_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["stop_loss_order_id"], ["orders.id"], name=op.f("fk_positions_stop_loss_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_positions_strategy_id")
        ),
        sa.ForeignKeyConstraint(
            ["take_profit_order_id"], ["orders.id"], name=op.f("fk_positions_take_profit_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["trading_pair_id"], ["trading_pairs.id"], name=op.f("fk_positions_trading_pair_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_positions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_positions")),
    )
    op.create_index(
        op.f("ix_positions_user_id_status_symbol"),
        "positions",
        ["user_id", "status", "symbol"],
        unique=False,
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "deposit",
                "reserve",
                "release",
                "entry",
                "exit",
                "fee",
                "funding",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_transfers_order_id")),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_transfers_strategy_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_transfers_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(op.f("ix_transfers_user_id_at"), "transfers", ["user_id", "at"], unique=False)
    op.create_table(
        "journal_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("trade_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column(
            "side",
            sa.Enum(
                "long", "short", name="side", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("entry_price", sa.Numeric(), nullable=False),
        sa.Column("exit_price", sa.Numeric(), nullable=False),
        sa.Column("size", sa.Numeric(), nullable=False),
        sa.Column("pnl", sa.Numeric(), nullable=False),
        sa.Column("pnl_percent", sa.Numeric(), nullable=False),
        sa.Column("fees", sa.Numeric(), nullable=False),
        sa.Column("strategy_used", sa.Text(), nullable=False),
        sa.Column(
            "timeframe",
            sa.Enum(
                "1m",
                "5m",
                "15m",
                "1h",
                "4h",
                "1d",
                name="timeframe",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "setup_type",
            sa.Enum(
                "breakout",
                "reversal",
                "trend_follow",
                name="setup_type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "market_regime",
            sa.Enum(
                "trend",
                "range",
                "volatile",
                name="market_regime",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("entry_reasoning", sa.Text(), nullable=False),
        sa.Column("exit_reasoning", sa.Text(), nullable=False),
        sa.Column("confidence_score", sa.Double(), nullable=False),
        sa.Column("rsi_at_entry", sa.Double(), nullable=False),
        sa.Column("atr_at_entry", sa.Double(), nullable=False),
        sa.Column("volume_at_entry", sa.Double(), nullable=False),
        sa.Column("was_correct_entry", sa.Boolean(), nullable=False),
        sa.Column("was_correct_exit", sa.Boolean(), nullable=True),
        sa.Column("max_drawdown", sa.Numeric(), nullable=False),
        sa.Column("max_profit", sa.Numeric(), nullable=False),
        sa.Column("hold_duration", sa.BigInteger(), nullable=False),
        sa.Column("lessons_learned", sa.Text(), nullable=False),
        sa.Column("improvement_tips", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trade_id"], ["positions.id"], name=op.f("fk_journal_entries_trade_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_journal_entries_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entries")),
        sa.UniqueConstraint("trade_id", name=op.f("uq_journal_entries_trade_id")),
    )
    op.create_index(
        op.f("ix_journal_entries_user_id_created_at"),
        "journal_entries",
        ["user_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "ledger_entries",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column(
            "account",
            sa.Enum(
                "capital",
                "cash",
                "reserved",
                "positions",
                "fees",
                "realized_profit",
                "funding",
                name="account",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_entries_amount")),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_ledger_entries_strategy_id")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_ledger_entries_transfer_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ledger_entries_user_id")),
        sa.PrimaryKeyConstraint("transfer_id", "line", name=op.f("pk_ledger_entries")),
    )
    op.create_index(
        op.f("ix_ledger_entries_user_id_strategy_id"),
        "ledger_entries",
        ["user_id", "strategy_id"],
        unique=False,
    )
    op.create_table(
        "memories",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "scope",
            sa.Enum(
                "user",
                "collective",
                "working",
                name="scope",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column(
            "type",
            sa.Enum(
                "observation",
                "decision",
                "trade",
                "lesson",
                "regime",
                "pattern",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("embedding", Vector(1536), nullable=False),
        sa.Column("embedding_model", sa.Text(), nullable=False),
        sa.Column("embedding_dimensions", sa.Integer(), nullable=False),
        sa.Column("validation_score", sa.Double(), nullable=False),
        sa.Column("validation_trades", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column(
            "timeframe",
            sa.Enum(
                "1m",
                "5m",
                "15m",
                "1h",
                "4h",
                "1d",
                name="timeframe",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("importance", sa.Double(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("personality", sa.Text(), nullable=True),
        sa.Column("source_user_id", sa.Uuid(), nullable=True),
        sa.Column("source_trade_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(scope = 'collective') = (user_id is null)", name=op.f("ck_memories_owner")
        ),
        sa.CheckConstraint("importance between 0 and 1", name=op.f("ck_memories_importance")),
        sa.CheckConstraint(
            "validation_score between 0 and 1", name=op.f("ck_memories_validation_score")
        ),
        sa.ForeignKeyConstraint(
            ["source_trade_id"], ["positions.id"], name=op.f("fk_memories_source_trade_id")
        ),
        sa.ForeignKeyConstraint(
            ["source_user_id"], ["users.id"], name=op.f("fk_memories_source_user_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memories_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memories")),
    )
    op.create_index(
        op.f("ix_memories_user_id_type_symbol"),
        "memories",
        ["user_id", "type", "symbol"],
        unique=False,
    )
    op.create_table(
        "memory_validations",
        sa.Column("memory_id", sa.Uuid(), nullable=False),
        sa.Column("trade_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("was_right", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name=op.f("fk_memory_validations_memory_id")
        ),
        sa.ForeignKeyConstraint(
            ["trade_id"], ["positions.id"], name=op.f("fk_memory_validations_trade_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_memory_validations_user_id")
        ),
        sa.PrimaryKeyConstraint("memory_id", "trade_id", name=op.f("pk_memory_validations")),
    )
    op.create_index(
        op.f("ix_memory_validations_user_id"), "memory_validations", ["user_id"], unique=False
    )
