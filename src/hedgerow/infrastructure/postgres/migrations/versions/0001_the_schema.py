"""The tables of a fund that trades, remembers and can be audited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0001_the_schema"
down_revision = None
branch_labels = None
depends_on = None

PARTITIONED = ("orders", "fills", "transfers", "ledger_entries", "events")


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
            comment="the exchange that sets these rules",
        ),
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
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
            comment="spot or futures",
        ),
        sa.Column(
            "price_tick", sa.Numeric(), nullable=False, comment="the grid of prices, quote currency"
        ),
        sa.Column(
            "quantity_step",
            sa.Numeric(),
            nullable=False,
            comment="the grid of quantities, base currency",
        ),
        sa.Column(
            "notional_quote_min",
            sa.Numeric(),
            nullable=False,
            comment="the smallest order, quote currency",
        ),
        sa.Column(
            "maintenance_margin_ratio",
            sa.Numeric(),
            nullable=False,
            comment="margin below which a position is liquidated, of notional",
        ),
        sa.Column(
            "leverage_max",
            sa.Integer(),
            nullable=False,
            comment="the highest leverage the exchange gives",
        ),
        sa.CheckConstraint(
            "leverage_max between 1 and 125", name=op.f("ck_instruments_leverage_max")
        ),
        sa.CheckConstraint(
            "maintenance_margin_ratio between 0 and 1",
            name=op.f("ck_instruments_maintenance_margin_ratio"),
        ),
        sa.CheckConstraint(
            "notional_quote_min >= 0", name=op.f("ck_instruments_notional_quote_min")
        ),
        sa.CheckConstraint("price_tick > 0", name=op.f("ck_instruments_price_tick")),
        sa.CheckConstraint("quantity_step > 0", name=op.f("ck_instruments_quantity_step")),
        sa.PrimaryKeyConstraint("exchange", "symbol", "market_type", name=op.f("pk_instruments")),
        comment="The trading rules of exchanges; shared by all users.",
    )
    op.create_table(
        "limit_profiles",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
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
            comment="the tier",
        ),
        sa.Column("description", sa.Text(), nullable=False, comment="what the tier is for"),
        sa.Column(
            "limits",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="maxima by name, in counts and USD; see domain/limits.py",
        ),
        sa.Column(
            "is_active",
            sa.Boolean(),
            nullable=False,
            comment="whether users may be given this tier",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row was made, by the clock of the database",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row last changed, by the clock of the database",
        ),
        sa.CheckConstraint(
            "jsonb_typeof(limits) = 'object'", name=op.f("ck_limit_profiles_limits")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_profiles")),
        comment="Usage limits by subscription tier; shared by all users.",
    )
    op.create_index("uq_limit_profiles_name", "limit_profiles", ["name"], unique=True)
    op.create_table(
        "regime_classifications",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
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
            comment="the candles that were read",
        ),
        sa.Column(
            "timestamp",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="from when it was known: the close of the last candle",
        ),
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
            comment="what the market was doing",
        ),
        sa.Column(
            "confidence", sa.Double(), nullable=False, comment="how sure the model was, 0 to 1"
        ),
        sa.Column(
            "indicators",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what the model read, by name (float64)",
        ),
        sa.Column("model_version", sa.Text(), nullable=False, comment="the model that judged"),
        sa.CheckConstraint(
            "jsonb_typeof(indicators) = 'object'", name=op.f("ck_regime_classifications_indicators")
        ),
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
        comment="Market regimes as they were known; shared by all users.",
    )
    op.create_table(
        "sessions",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("app_name", sa.Text(), nullable=False, comment="the ADK application"),
        sa.Column("user_id", sa.Text(), nullable=False, comment="the user's id, as text"),
        sa.Column("session_id", sa.Text(), nullable=False, comment="the ADK session"),
        sa.Column(
            "state",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="variables; see domain/sessions.py for their prefixes",
        ),
        sa.Column(
            "events",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the conversation, oldest first",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, comment="when it began"
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), nullable=False, comment="its last event"
        ),
        sa.CheckConstraint("jsonb_typeof(events) = 'array'", name=op.f("ck_sessions_events")),
        sa.CheckConstraint("jsonb_typeof(state) = 'object'", name=op.f("ck_sessions_state")),
        sa.CheckConstraint(
            "user_id = cast(cast(user_id as uuid) as text)", name=op.f("ck_sessions_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint(
            "user_id",
            "app_name",
            "session_id",
            name=op.f("uq_sessions_user_id_app_name_session_id"),
        ),
        comment="Conversations of agents.",
    )
    op.create_table(
        "users",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column(
            "telegram_id", sa.BigInteger(), nullable=True, comment="the linked Telegram chat"
        ),
        sa.Column("telegram_username", sa.Text(), nullable=True, comment="as Telegram shows it"),
        sa.Column("first_name", sa.Text(), nullable=False, comment="as the user gave it"),
        sa.Column("last_name", sa.Text(), nullable=False, comment="as the user gave it"),
        sa.Column(
            "is_active", sa.Boolean(), nullable=False, comment="whether the account may be used"
        ),
        sa.Column(
            "is_premium", sa.Boolean(), nullable=False, comment="whether the tier is paid for"
        ),
        sa.Column(
            "limit_profile_id",
            sa.Uuid(),
            nullable=False,
            comment="the tier that bounds the user's fund",
        ),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the user's own bounds and preferences; see domain/users.py",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, comment="when the user joined"
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the user's row last changed",
        ),
        sa.CheckConstraint("jsonb_typeof(settings) = 'object'", name=op.f("ck_users_settings")),
        sa.ForeignKeyConstraint(
            ["limit_profile_id"], ["limit_profiles.id"], name=op.f("fk_users_limit_profile_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("telegram_id", name=op.f("uq_users_telegram_id")),
        comment="Participants; each runs one fund.",
    )
    op.create_index(op.f("ix_users_limit_profile_id"), "users", ["limit_profile_id"], unique=False)
    op.create_table(
        "circuit_breaker_states",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user whose trading it halts"),
        sa.Column(
            "is_triggered", sa.Boolean(), nullable=False, comment="whether new positions are halted"
        ),
        sa.Column(
            "triggered_at", sa.DateTime(timezone=True), nullable=True, comment="when it tripped"
        ),
        sa.Column("trigger_reason", sa.Text(), nullable=True, comment="why it tripped"),
        sa.Column(
            "daily_pnl", sa.Numeric(), nullable=False, comment="the day's profit, quote currency"
        ),
        sa.Column(
            "daily_pnl_percent",
            sa.Numeric(),
            nullable=False,
            comment="the same, in per cent of the day's first equity",
        ),
        sa.Column("daily_trade_count", sa.Integer(), nullable=False, comment="trades opened today"),
        sa.Column(
            "daily_wins", sa.Integer(), nullable=False, comment="trades closed with a profit today"
        ),
        sa.Column(
            "daily_losses", sa.Integer(), nullable=False, comment="trades closed with a loss today"
        ),
        sa.Column(
            "consecutive_losses", sa.Integer(), nullable=False, comment="losing trades in a row"
        ),
        sa.Column(
            "max_daily_drawdown", sa.Numeric(), nullable=False, comment="the threshold, in per cent"
        ),
        sa.Column(
            "max_consecutive_loss", sa.Integer(), nullable=False, comment="the threshold, in trades"
        ),
        sa.Column(
            "reset_at", sa.DateTime(timezone=True), nullable=False, comment="the next 00:00 UTC"
        ),
        sa.Column(
            "day_start_equity",
            sa.Numeric(),
            nullable=False,
            comment="what the day's profit is measured from",
        ),
        sa.Column("is_enabled", sa.Boolean(), nullable=False, comment="whether it trips by itself"),
        sa.Column(
            "drawdown_warned",
            sa.Boolean(),
            nullable=False,
            comment="whether today's warning was given",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row was made, by the clock of the database",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row last changed, by the clock of the database",
        ),
        sa.CheckConstraint(
            "consecutive_losses >= 0", name=op.f("ck_circuit_breaker_states_consecutive_losses")
        ),
        sa.CheckConstraint(
            "daily_losses >= 0", name=op.f("ck_circuit_breaker_states_daily_losses")
        ),
        sa.CheckConstraint(
            "daily_trade_count >= 0", name=op.f("ck_circuit_breaker_states_daily_trade_count")
        ),
        sa.CheckConstraint("daily_wins >= 0", name=op.f("ck_circuit_breaker_states_daily_wins")),
        sa.CheckConstraint(
            "is_triggered = (trigger_reason is not null)",
            name=op.f("ck_circuit_breaker_states_triggered_has_reason"),
        ),
        sa.CheckConstraint(
            "is_triggered = (triggered_at is not null)",
            name=op.f("ck_circuit_breaker_states_triggered_has_time"),
        ),
        sa.CheckConstraint(
            "max_consecutive_loss > 0", name=op.f("ck_circuit_breaker_states_max_consecutive_loss")
        ),
        sa.CheckConstraint(
            "max_daily_drawdown > 0 and max_daily_drawdown <= 100",
            name=op.f("ck_circuit_breaker_states_max_daily_drawdown"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_circuit_breaker_states_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_circuit_breaker_states")),
        comment="One circuit breaker for each user.",
    )
    op.create_table(
        "events",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user whose log it is"),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="from 1, without a gap"),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it happened, which partitions go by",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="the name of the fact"),
        sa.Column(
            "subject_id",
            sa.Uuid(),
            nullable=True,
            comment="the order, position, pair or strategy it is about",
        ),
        sa.Column(
            "body",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the fact; numbers as texts",
        ),
        sa.Column(
            "previous_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="the hash of the event before",
        ),
        sa.Column(
            "hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 over the previous hash and all of this event",
        ),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_events_sequence")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_events_user_id")),
        sa.PrimaryKeyConstraint("user_id", "sequence", "at", name=op.f("pk_events")),
        comment="Each user's log, sealed by a hash chain. Append-only, partitioned by month.",
        postgresql_partition_by="RANGE (at)",
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
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
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
            comment="the exchange",
        ),
        sa.Column("label", sa.Text(), nullable=False, comment="the user's name for it"),
        sa.Column(
            "api_key_encrypted",
            sa.LargeBinary(),
            nullable=True,
            comment="AES-256 ciphertext of the API key",
        ),
        sa.Column(
            "secret_encrypted",
            sa.LargeBinary(),
            nullable=True,
            comment="AES-256 ciphertext of the API secret",
        ),
        sa.Column(
            "passphrase",
            sa.LargeBinary(),
            nullable=True,
            comment="AES-256 ciphertext of the passphrase (OKX)",
        ),
        sa.Column("is_testnet", sa.Boolean(), nullable=False, comment="paper trading"),
        sa.Column(
            "permissions",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="what the keys may do: spot, futures, read, trade",
        ),
        sa.Column(
            "is_active", sa.Boolean(), nullable=False, comment="false once the keys have failed"
        ),
        sa.Column(
            "last_sync_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the last reconciliation with the exchange",
        ),
        sa.Column(
            "listen_key_encrypted",
            sa.LargeBinary(),
            nullable=True,
            comment="AES-256 ciphertext of the user data stream's key",
        ),
        sa.Column(
            "listen_key_expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the stream's key has to be renewed",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row was made, by the clock of the database",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row last changed, by the clock of the database",
        ),
        sa.CheckConstraint(
            "permissions <@ array['spot', 'futures', 'read', 'trade']::text[]",
            name=op.f("ck_exchange_accounts_permissions"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_exchange_accounts_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_accounts")),
        sa.UniqueConstraint("user_id", "id", name=op.f("uq_exchange_accounts_user_id_id")),
        comment="Connections to exchanges; credentials are ciphertext only.",
    )
    op.create_table(
        "funds",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user whose fund it is"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="how often it was saved"),
        sa.Column("ids_issued", sa.BigInteger(), nullable=False, comment="ids handed out so far"),
        sa.Column(
            "as_of", sa.DateTime(timezone=True), nullable=False, comment="the time of the last step"
        ),
        sa.Column(
            "trades_month",
            sa.Text(),
            nullable=False,
            comment="the month (UTC, YYYY-MM) that is being counted",
        ),
        sa.Column(
            "trades_month_count",
            sa.Integer(),
            nullable=False,
            comment="trades opened in that month",
        ),
        sa.Column(
            "event_sequence",
            sa.BigInteger(),
            nullable=False,
            comment="the last event of the user's log",
        ),
        sa.Column("event_hash", sa.LargeBinary(), nullable=False, comment="the hash of that event"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row was made, by the clock of the database",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row last changed, by the clock of the database",
        ),
        sa.CheckConstraint("event_sequence >= 0", name=op.f("ck_funds_event_sequence")),
        sa.CheckConstraint("ids_issued >= 0", name=op.f("ck_funds_ids_issued")),
        sa.CheckConstraint("trades_month_count >= 0", name=op.f("ck_funds_trades_month_count")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_funds_version")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_funds_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_funds")),
        comment="The head of each fund: what a save must continue.",
    )
    op.create_table(
        "risk_events",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column(
            "timestamp", sa.DateTime(timezone=True), nullable=False, comment="when it was raised"
        ),
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
            comment="what it is about",
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
            comment="how urgent it is",
        ),
        sa.Column("message", sa.Text(), nullable=False, comment="what the user is told"),
        sa.Column(
            "data",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the figures behind it, as texts by name",
        ),
        sa.Column(
            "acknowledged",
            sa.Boolean(),
            nullable=False,
            comment="whether the user has seen it; the one thing that may change",
        ),
        sa.CheckConstraint("jsonb_typeof(data) = 'object'", name=op.f("ck_risk_events_data")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_risk_events_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_events")),
        comment="Risk alerts. Append-only but for their acknowledgement.",
    )
    op.create_index(
        "ix_risk_events_unacknowledged",
        "risk_events",
        ["user_id", "timestamp"],
        unique=False,
        postgresql_where="not acknowledged",
    )
    op.create_index(
        op.f("ix_risk_events_user_id_timestamp"),
        "risk_events",
        ["user_id", "timestamp"],
        unique=False,
    )
    op.create_table(
        "strategies",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("name", sa.Text(), nullable=False, comment="the user's name for it"),
        sa.Column("description", sa.Text(), nullable=False, comment="what it is meant to do"),
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
            comment="whether it trades",
        ),
        sa.Column(
            "quote_currency", sa.Text(), nullable=False, comment="the currency of all its amounts"
        ),
        sa.Column(
            "allocated_capital",
            sa.Numeric(),
            nullable=False,
            comment="initial capital; never changes",
        ),
        sa.Column(
            "current_equity",
            sa.Numeric(),
            nullable=False,
            comment="cash and the market value of positions",
        ),
        sa.Column(
            "cash_reserve",
            sa.Numeric(),
            nullable=False,
            comment="cash for new positions: the balance of the ledger's cash account",
        ),
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
            comment="spot or futures",
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
            comment="how much one trade may stake",
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
            comment="how often it returns to its targets",
        ),
        sa.Column(
            "target_allocations",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="shares by pair or currency, at most 1 in sum",
        ),
        sa.Column(
            "total_pnl",
            sa.Numeric(),
            nullable=False,
            comment="current equity less allocated capital",
        ),
        sa.Column(
            "total_pnl_percent",
            sa.Numeric(),
            nullable=False,
            comment="the same, in per cent of allocated capital",
        ),
        sa.Column(
            "sharpe_ratio",
            sa.Numeric(),
            nullable=False,
            comment="annualised, from daily equity at 00:00 UTC",
        ),
        sa.Column(
            "max_drawdown",
            sa.Numeric(),
            nullable=False,
            comment="the deepest fall from a peak, in per cent",
        ),
        sa.Column(
            "win_rate",
            sa.Numeric(),
            nullable=False,
            comment="winning trades of all closed ones, in per cent",
        ),
        sa.Column(
            "reasoning_log",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why the portfolio is as it is: at, author, reasoning",
        ),
        sa.Column("peak_equity", sa.Numeric(), nullable=False, comment="the highest equity so far"),
        sa.Column("trades_won", sa.Integer(), nullable=False, comment="closed trades that earned"),
        sa.Column(
            "trades_lost", sa.Integer(), nullable=False, comment="closed trades that did not"
        ),
        sa.Column("day_start_equity", sa.Numeric(), nullable=False, comment="equity at 00:00 UTC"),
        sa.Column(
            "daily_returns_count",
            sa.Integer(),
            nullable=False,
            comment="days counted for the Sharpe ratio",
        ),
        sa.Column(
            "daily_returns_mean", sa.Numeric(), nullable=False, comment="their mean, as a ratio"
        ),
        sa.Column(
            "daily_returns_squared_deviation",
            sa.Numeric(),
            nullable=False,
            comment="their squared deviation (Welford)",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, comment="when it was opened"
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the last step that changed it",
        ),
        sa.CheckConstraint(
            "jsonb_typeof(reasoning_log) = 'array'", name=op.f("ck_strategies_reasoning_log")
        ),
        sa.CheckConstraint(
            "jsonb_typeof(target_allocations) = 'object'",
            name=op.f("ck_strategies_target_allocations"),
        ),
        sa.CheckConstraint("allocated_capital > 0", name=op.f("ck_strategies_allocated_capital")),
        sa.CheckConstraint(
            "daily_returns_count >= 0", name=op.f("ck_strategies_daily_returns_count")
        ),
        sa.CheckConstraint(
            "daily_returns_squared_deviation >= 0",
            name=op.f("ck_strategies_daily_returns_squared_deviation"),
        ),
        sa.CheckConstraint("max_drawdown >= 0", name=op.f("ck_strategies_max_drawdown")),
        sa.CheckConstraint("trades_lost >= 0", name=op.f("ck_strategies_trades_lost")),
        sa.CheckConstraint("trades_won >= 0", name=op.f("ck_strategies_trades_won")),
        sa.CheckConstraint("win_rate between 0 and 100", name=op.f("ck_strategies_win_rate")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_strategies_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
        sa.UniqueConstraint("user_id", "id", name=op.f("uq_strategies_user_id_id")),
        comment="Portfolios with their capital and what they have earned.",
    )
    op.create_table(
        "wishes",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="grows in the order of saving",
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("kind", sa.Text(), nullable=False, comment="the name of the wish"),
        sa.Column(
            "body", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="the wish"
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, comment="when it was made"
        ),
        sa.Column(
            "done_at", sa.DateTime(timezone=True), nullable=True, comment="when it was carried out"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_wishes_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wishes")),
        comment="What a fund wants done outside, until it is.",
    )
    op.create_index(
        "ix_wishes_pending",
        "wishes",
        ["user_id", "id"],
        unique=False,
        postgresql_where="done_at is null",
    )
    op.create_index(op.f("ix_wishes_user_id_id"), "wishes", ["user_id", "id"], unique=False)
    op.create_table(
        "ledger_imbalances",
        sa.Column(
            "transfer_id",
            sa.Uuid(),
            nullable=False,
            comment="the transfer that a statement left off balance",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="what it is off in"),
        sa.Column(
            "amount", sa.Numeric(), nullable=False, comment="what its entries sum up to so far"
        ),
        sa.PrimaryKeyConstraint("transfer_id", "currency", name=op.f("pk_ledger_imbalances")),
        comment="Notes of the transaction under way, which must be gone when it commits.",
    )
    op.create_table(
        "ledger_balances",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column(
            "strategy_id", sa.Uuid(), nullable=False, comment="the portfolio whose account it is"
        ),
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
            comment="the account",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="what the balance is in"),
        sa.Column(
            "balance", sa.Numeric(), nullable=False, comment="the sum of the account's entries"
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row last changed, by the clock of the database",
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "strategy_id"],
            ["strategies.user_id", "strategies.id"],
            name=op.f("fk_ledger_balances_user_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ledger_balances_user_id")),
        sa.PrimaryKeyConstraint(
            "user_id", "strategy_id", "account", "currency", name=op.f("pk_ledger_balances")
        ),
        comment="Balances beside the entries they sum up, so that a fund loads without re-adding.",
    )
    op.create_table(
        "paper_runs",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column(
            "number",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="in the order of starting",
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("strategy_id", sa.Uuid(), nullable=False, comment="the portfolio that trades"),
        sa.Column(
            "fingerprint",
            sa.Text(),
            nullable=False,
            comment="the same for runs with the same plan and candles",
        ),
        sa.Column(
            "plan",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what was asked for",
        ),
        sa.Column(
            "venue",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the state of the paper venue",
        ),
        sa.Column(
            "closed_through",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the last candles lived through, by open_time",
        ),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the end of the candles, once reached",
        ),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), nullable=False, comment="the first candle"
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "strategy_id"],
            ["strategies.user_id", "strategies.id"],
            name=op.f("fk_paper_runs_user_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_paper_runs_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_runs")),
        sa.UniqueConstraint("number", name=op.f("uq_paper_runs_number")),
        comment="Funds trading past candles, and how far each has come.",
    )
    op.create_index(op.f("ix_paper_runs_fingerprint"), "paper_runs", ["fingerprint"], unique=False)
    op.create_index(op.f("ix_paper_runs_user_id"), "paper_runs", ["user_id"], unique=False)
    op.create_table(
        "trading_pairs",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("strategy_id", sa.Uuid(), nullable=False, comment="the portfolio it belongs to"),
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False, comment="where it is traded"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
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
            comment="spot or futures",
        ),
        sa.Column(
            "budget", sa.Numeric(), nullable=False, comment="quote currency set aside for this pair"
        ),
        sa.Column(
            "max_position_size",
            sa.Numeric(),
            nullable=False,
            comment="the largest single trade, quote currency",
        ),
        sa.Column(
            "max_leverage",
            sa.Integer(),
            nullable=False,
            comment="the highest leverage on this pair",
        ),
        sa.Column(
            "stop_loss_percent",
            sa.Numeric(),
            nullable=False,
            comment="default distance of the stop, per cent of the entry price",
        ),
        sa.Column(
            "take_profit_percent",
            sa.Numeric(),
            nullable=False,
            comment="default distance of the target, per cent of the entry price",
        ),
        sa.Column(
            "ai_provider",
            sa.Text(),
            nullable=False,
            comment="who decides: claude, openai, deepseek, house",
        ),
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
            comment="how far the desk may go by itself",
        ),
        sa.Column(
            "timeframes",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="the candles it is judged by: 1h, 4h, 1d, ...",
        ),
        sa.Column("is_active", sa.Boolean(), nullable=False, comment="whether it is traded at all"),
        sa.Column(
            "is_paused", sa.Boolean(), nullable=False, comment="whether new positions are held back"
        ),
        sa.Column("paused_reason", sa.Text(), nullable=True, comment="why they are"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row was made, by the clock of the database",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row last changed, by the clock of the database",
        ),
        sa.CheckConstraint("budget >= 0", name=op.f("ck_trading_pairs_budget")),
        sa.CheckConstraint(
            "max_leverage between 1 and 125", name=op.f("ck_trading_pairs_max_leverage")
        ),
        sa.CheckConstraint(
            "max_position_size > 0", name=op.f("ck_trading_pairs_max_position_size")
        ),
        sa.CheckConstraint(
            "stop_loss_percent > 0", name=op.f("ck_trading_pairs_stop_loss_percent")
        ),
        sa.CheckConstraint(
            "take_profit_percent > 0", name=op.f("ck_trading_pairs_take_profit_percent")
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "exchange_account_id"],
            ["exchange_accounts.user_id", "exchange_accounts.id"],
            name=op.f("fk_trading_pairs_user_id_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "strategy_id"],
            ["strategies.user_id", "strategies.id"],
            name=op.f("fk_trading_pairs_user_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_trading_pairs_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trading_pairs")),
        sa.UniqueConstraint(
            "strategy_id",
            "symbol",
            "market_type",
            name=op.f("uq_trading_pairs_strategy_id_symbol_market_type"),
        ),
        sa.UniqueConstraint("user_id", "id", name=op.f("uq_trading_pairs_user_id_id")),
        comment="The watchlist of each strategy, with its bounds.",
    )
    op.create_table(
        "orders",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7 of created_at, which partitions go by"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("strategy_id", sa.Uuid(), nullable=False, comment="the portfolio it trades for"),
        sa.Column(
            "trading_pair_id", sa.Uuid(), nullable=False, comment="the watchlist entry it came from"
        ),
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False, comment="where it is sent"),
        sa.Column(
            "client_order_id",
            sa.Text(),
            nullable=False,
            comment="what the exchange is told: the id in 26 characters",
        ),
        sa.Column(
            "exchange_order_id",
            sa.Text(),
            nullable=True,
            comment="the exchange's own id, once it has answered",
        ),
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
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
            comment="spot or futures",
        ),
        sa.Column(
            "side",
            sa.Enum(
                "buy", "sell", name="side", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
            comment="buy or sell",
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
            comment="how it finds its price",
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
            comment="what it does for its position",
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
            comment="where it stands",
        ),
        sa.Column("status_reason", sa.Text(), nullable=True, comment="why it stands there"),
        sa.Column(
            "price", sa.Numeric(), nullable=True, comment="limit price; set for limit orders only"
        ),
        sa.Column("amount", sa.Numeric(), nullable=False, comment="order size, base currency"),
        sa.Column(
            "filled_amount", sa.Numeric(), nullable=False, comment="what is executed, base currency"
        ),
        sa.Column(
            "filled_quote",
            sa.Numeric(),
            nullable=False,
            comment="the exact cost of what is executed",
        ),
        sa.Column(
            "avg_fill_price",
            sa.Numeric(),
            nullable=True,
            comment="the average price of what is executed",
        ),
        sa.Column(
            "stop_price",
            sa.Numeric(),
            nullable=True,
            comment="trigger price; set for stop orders only",
        ),
        sa.Column(
            "reserved_quote",
            sa.Numeric(),
            nullable=False,
            comment="cash still put aside for the rest",
        ),
        sa.Column("reduce_only", sa.Boolean(), nullable=False, comment="may only close (futures)"),
        sa.Column("leverage", sa.Integer(), nullable=False, comment="notional over margin"),
        sa.Column("agent_id", sa.Text(), nullable=False, comment="the agent that created it"),
        sa.Column("reasoning", sa.Text(), nullable=False, comment="why"),
        sa.Column(
            "parent_order_id",
            sa.Uuid(),
            nullable=True,
            comment="the entry that a stop or target protects",
        ),
        sa.Column(
            "position_id",
            sa.Uuid(),
            nullable=True,
            comment="the position it opens, protects or closes",
        ),
        sa.Column(
            "bracket",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the protection an entry asks for",
        ),
        sa.Column("fee", sa.Numeric(), nullable=False, comment="fee paid in fee_currency"),
        sa.Column(
            "fee_currency", sa.Text(), nullable=True, comment="the currency of the first fee"
        ),
        sa.Column(
            "fees",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="fees paid by currency",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, comment="when it was decided"
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the last report about it",
        ),
        sa.Column(
            "filled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when nothing was left to fill",
        ),
        sa.CheckConstraint(
            "(status = 'filled') = (filled_at is not null)",
            name=op.f("ck_orders_filled_has_filled_at"),
        ),
        sa.CheckConstraint(
            "(type in ('limit', 'stop_limit')) = (price is not null)",
            name=op.f("ck_orders_limit_has_price"),
        ),
        sa.CheckConstraint(
            "(type in ('stop_market', 'stop_limit')) = (stop_price is not null)",
            name=op.f("ck_orders_stop_has_stop_price"),
        ),
        sa.CheckConstraint(
            "status <> 'filled' or filled_amount = amount", name=op.f("ck_orders_filled_is_whole")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_orders_amount")),
        sa.CheckConstraint("avg_fill_price > 0", name=op.f("ck_orders_avg_fill_price")),
        sa.CheckConstraint(
            "filled_amount between 0 and amount", name=op.f("ck_orders_filled_amount")
        ),
        sa.CheckConstraint("filled_quote >= 0", name=op.f("ck_orders_filled_quote")),
        sa.CheckConstraint("leverage between 1 and 125", name=op.f("ck_orders_leverage")),
        sa.CheckConstraint("price > 0", name=op.f("ck_orders_price")),
        sa.CheckConstraint("reserved_quote >= 0", name=op.f("ck_orders_reserved_quote")),
        sa.CheckConstraint("stop_price > 0", name=op.f("ck_orders_stop_price")),
        sa.ForeignKeyConstraint(
            ["user_id", "exchange_account_id"],
            ["exchange_accounts.user_id", "exchange_accounts.id"],
            name=op.f("fk_orders_user_id_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "parent_order_id"],
            ["orders.user_id", "orders.id"],
            name=op.f("fk_orders_user_id_parent_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "strategy_id"],
            ["strategies.user_id", "strategies.id"],
            name=op.f("fk_orders_user_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "trading_pair_id"],
            ["trading_pairs.user_id", "trading_pairs.id"],
            name=op.f("fk_orders_user_id_trading_pair_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_orders_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("user_id", "id", name=op.f("uq_orders_user_id_id")),
        comment="Instructions to exchanges, and what became of them. Partitioned by month.",
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "ix_orders_client_order_id",
        "orders",
        ["exchange_account_id", "client_order_id"],
        unique=False,
    )
    op.create_index(op.f("ix_orders_position_id"), "orders", ["position_id"], unique=False)
    op.create_index(
        op.f("ix_orders_user_id_position_id"), "orders", ["user_id", "position_id"], unique=False
    )
    op.create_index(
        "ix_orders_working",
        "orders",
        ["exchange_account_id", "id"],
        unique=False,
        postgresql_where="status in ('pending', 'open', 'partial')",
    )
    op.create_index(
        "ix_orders_working_of_user",
        "orders",
        ["user_id", "id"],
        unique=False,
        postgresql_where="status in ('pending', 'open', 'partial')",
    )
    op.create_table(
        "fills",
        sa.Column(
            "order_id",
            sa.Uuid(),
            nullable=False,
            comment="the order that was executed, which partitions go by",
        ),
        sa.Column(
            "venue_trade_id",
            sa.Text(),
            nullable=False,
            comment="the exchange's id of the execution",
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False, comment="where it happened"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
        sa.Column("price", sa.Numeric(), nullable=False, comment="quote currency"),
        sa.Column("quantity", sa.Numeric(), nullable=False, comment="base currency"),
        sa.Column(
            "fee", sa.Numeric(), nullable=False, comment="in fee_currency; below 0 for a rebate"
        ),
        sa.Column("fee_currency", sa.Text(), nullable=False, comment="what the fee was taken in"),
        sa.Column(
            "is_maker", sa.Boolean(), nullable=False, comment="whether it rested in the book"
        ),
        sa.Column(
            "filled_at", sa.DateTime(timezone=True), nullable=False, comment="when it happened"
        ),
        sa.CheckConstraint("price > 0", name=op.f("ck_fills_price")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_fills_quantity")),
        sa.ForeignKeyConstraint(
            ["user_id", "exchange_account_id"],
            ["exchange_accounts.user_id", "exchange_accounts.id"],
            name=op.f("fk_fills_user_id_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "order_id"],
            ["orders.user_id", "orders.id"],
            name=op.f("fk_fills_user_id_order_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_fills_user_id")),
        sa.PrimaryKeyConstraint("order_id", "venue_trade_id", name=op.f("pk_fills")),
        comment="Executions, each once. Append-only, partitioned by the month of their order.",
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("ix_fills_user_id_filled_at"), "fills", ["user_id", "filled_at"], unique=False
    )
    op.create_table(
        "positions",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("strategy_id", sa.Uuid(), nullable=False, comment="the portfolio that holds it"),
        sa.Column(
            "trading_pair_id", sa.Uuid(), nullable=False, comment="the watchlist entry it came from"
        ),
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False, comment="where it is held"),
        sa.Column("entry_order_id", sa.Uuid(), nullable=False, comment="the order that opened it"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
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
            comment="spot or futures",
        ),
        sa.Column(
            "side",
            sa.Enum(
                "long", "short", name="side", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
            comment="long or short",
        ),
        sa.Column("size", sa.Numeric(), nullable=False, comment="what is open, base currency"),
        sa.Column(
            "size_opened",
            sa.Numeric(),
            nullable=False,
            comment="all that was ever added, base currency",
        ),
        sa.Column(
            "entry_cost", sa.Numeric(), nullable=False, comment="the exact cost of the open size"
        ),
        sa.Column("entry_price", sa.Numeric(), nullable=False, comment="the average entry price"),
        sa.Column(
            "current_price", sa.Numeric(), nullable=False, comment="the last price it was marked at"
        ),
        sa.Column(
            "liquidation_price",
            sa.Numeric(),
            nullable=True,
            comment="where it is closed by force (futures)",
        ),
        sa.Column(
            "leverage", sa.Integer(), nullable=False, comment="notional over margin, 1 to 125"
        ),
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
            comment="what stands behind it",
        ),
        sa.Column(
            "maintenance_margin_ratio",
            sa.Numeric(),
            nullable=False,
            comment="margin below which it is liquidated, of notional",
        ),
        sa.Column("margin", sa.Numeric(), nullable=False, comment="the cash the books hold for it"),
        sa.Column(
            "unrealized_pnl", sa.Numeric(), nullable=False, comment="profit at the current price"
        ),
        sa.Column(
            "unrealized_pnl_pct",
            sa.Numeric(),
            nullable=False,
            comment="the same in per cent, times leverage",
        ),
        sa.Column(
            "realized_pnl",
            sa.Numeric(),
            nullable=False,
            comment="profit of what was closed, before fees and funding",
        ),
        sa.Column(
            "exit_value", sa.Numeric(), nullable=False, comment="what was closed, at its prices"
        ),
        sa.Column("fees", sa.Numeric(), nullable=False, comment="fees so far"),
        sa.Column(
            "funding",
            sa.Numeric(),
            nullable=False,
            comment="funding paid so far; below 0 where received",
        ),
        sa.Column(
            "best_pnl", sa.Numeric(), nullable=False, comment="the highest profit while it was open"
        ),
        sa.Column(
            "worst_pnl", sa.Numeric(), nullable=False, comment="the lowest profit while it was open"
        ),
        sa.Column("stop_loss_price", sa.Numeric(), nullable=True, comment="where it is given up"),
        sa.Column(
            "take_profit_price", sa.Numeric(), nullable=True, comment="where its profit is taken"
        ),
        sa.Column(
            "trailing_stop_pct",
            sa.Numeric(),
            nullable=True,
            comment="how far the stop follows the price, per cent",
        ),
        sa.Column("stop_loss_order_id", sa.Uuid(), nullable=True, comment="the working stop"),
        sa.Column("take_profit_order_id", sa.Uuid(), nullable=True, comment="the working target"),
        sa.Column("open_reasoning", sa.Text(), nullable=False, comment="why it was opened"),
        sa.Column("close_reasoning", sa.Text(), nullable=False, comment="why it was closed"),
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
            comment="open, closed or liquidated",
        ),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), nullable=False, comment="the first execution"
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the last mark or execution",
        ),
        sa.Column(
            "closed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the last execution; absent while open",
        ),
        sa.CheckConstraint(
            "(status = 'open') = (closed_at is null)",
            name=op.f("ck_positions_closed_has_closed_at"),
        ),
        sa.CheckConstraint(
            "(status = 'open') = (size > 0)", name=op.f("ck_positions_closed_has_no_size")
        ),
        sa.CheckConstraint("current_price > 0", name=op.f("ck_positions_current_price")),
        sa.CheckConstraint("entry_cost >= 0", name=op.f("ck_positions_entry_cost")),
        sa.CheckConstraint("entry_price > 0", name=op.f("ck_positions_entry_price")),
        sa.CheckConstraint("exit_value >= 0", name=op.f("ck_positions_exit_value")),
        sa.CheckConstraint("leverage between 1 and 125", name=op.f("ck_positions_leverage")),
        sa.CheckConstraint("liquidation_price > 0", name=op.f("ck_positions_liquidation_price")),
        sa.CheckConstraint("margin >= 0", name=op.f("ck_positions_margin")),
        sa.CheckConstraint("size >= 0", name=op.f("ck_positions_size")),
        sa.CheckConstraint("size_opened >= 0", name=op.f("ck_positions_size_opened")),
        sa.CheckConstraint("stop_loss_price > 0", name=op.f("ck_positions_stop_loss_price")),
        sa.CheckConstraint("take_profit_price > 0", name=op.f("ck_positions_take_profit_price")),
        sa.CheckConstraint("trailing_stop_pct > 0", name=op.f("ck_positions_trailing_stop_pct")),
        sa.ForeignKeyConstraint(
            ["user_id", "entry_order_id"],
            ["orders.user_id", "orders.id"],
            name=op.f("fk_positions_user_id_entry_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "exchange_account_id"],
            ["exchange_accounts.user_id", "exchange_accounts.id"],
            name=op.f("fk_positions_user_id_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "stop_loss_order_id"],
            ["orders.user_id", "orders.id"],
            name=op.f("fk_positions_user_id_stop_loss_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "strategy_id"],
            ["strategies.user_id", "strategies.id"],
            name=op.f("fk_positions_user_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "take_profit_order_id"],
            ["orders.user_id", "orders.id"],
            name=op.f("fk_positions_user_id_take_profit_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "trading_pair_id"],
            ["trading_pairs.user_id", "trading_pairs.id"],
            name=op.f("fk_positions_user_id_trading_pair_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_positions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_positions")),
        sa.UniqueConstraint("user_id", "id", name=op.f("uq_positions_user_id_id")),
        comment="Trades from their first execution to their last.",
    )
    op.create_index(
        "ix_positions_open",
        "positions",
        ["user_id", "symbol"],
        unique=False,
        postgresql_where="status = 'open'",
    )
    op.create_index(
        "ix_positions_open_by_symbol",
        "positions",
        ["symbol"],
        unique=False,
        postgresql_where="status = 'open'",
    )
    op.create_index(
        op.f("ix_positions_strategy_id_opened_at"),
        "positions",
        ["strategy_id", "opened_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_positions_user_id_closed_at"), "positions", ["user_id", "closed_at"], unique=False
    )
    op.create_table(
        "transfers",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7 of `at`, which partitions go by"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column(
            "strategy_id", sa.Uuid(), nullable=False, comment="the portfolio whose money moved"
        ),
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
            comment="why it moved",
        ),
        sa.Column("order_id", sa.Uuid(), nullable=True, comment="the order it moved for"),
        sa.Column("position_id", sa.Uuid(), nullable=True, comment="the position it moved for"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it moved"),
        sa.ForeignKeyConstraint(
            ["user_id", "order_id"],
            ["orders.user_id", "orders.id"],
            name=op.f("fk_transfers_user_id_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "strategy_id"],
            ["strategies.user_id", "strategies.id"],
            name=op.f("fk_transfers_user_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_transfers_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("user_id", "id", name=op.f("uq_transfers_user_id_id")),
        comment="Movements of money, each with its entries. Append-only, partitioned by month.",
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(op.f("ix_transfers_user_id_at"), "transfers", ["user_id", "at"], unique=False)
    op.create_table(
        "journal_entries",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("trade_id", sa.Uuid(), nullable=False, comment="the position it is about"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
        sa.Column(
            "side",
            sa.Enum(
                "long", "short", name="side", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
            comment="long or short",
        ),
        sa.Column("entry_price", sa.Numeric(), nullable=False, comment="the average entry price"),
        sa.Column("exit_price", sa.Numeric(), nullable=False, comment="the average exit price"),
        sa.Column(
            "size", sa.Numeric(), nullable=False, comment="all that was opened, base currency"
        ),
        sa.Column("pnl", sa.Numeric(), nullable=False, comment="profit after fees and funding"),
        sa.Column(
            "pnl_percent",
            sa.Numeric(),
            nullable=False,
            comment="the same, in per cent of the entry cost",
        ),
        sa.Column("fees", sa.Numeric(), nullable=False, comment="fees paid"),
        sa.Column("strategy_used", sa.Text(), nullable=False, comment="the play"),
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
            comment="the candles it was decided by",
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
            comment="the kind of entry",
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
            comment="the regime at entry, as the journal groups it",
        ),
        sa.Column("entry_reasoning", sa.Text(), nullable=False, comment="why it was opened"),
        sa.Column("exit_reasoning", sa.Text(), nullable=False, comment="why it was closed"),
        sa.Column(
            "confidence_score",
            sa.Double(),
            nullable=False,
            comment="how sure the agent was, 0 to 1",
        ),
        sa.Column(
            "rsi_at_entry", sa.Double(), nullable=False, comment="relative strength index, 0 to 100"
        ),
        sa.Column(
            "atr_at_entry",
            sa.Double(),
            nullable=False,
            comment="average true range, quote currency",
        ),
        sa.Column(
            "volume_at_entry",
            sa.Double(),
            nullable=False,
            comment="the candle's volume, base currency",
        ),
        sa.Column(
            "was_correct_entry",
            sa.Boolean(),
            nullable=False,
            comment="whether the market went further with it than against it",
        ),
        sa.Column(
            "was_correct_exit",
            sa.Boolean(),
            nullable=True,
            comment="judged once, by the candles that followed",
        ),
        sa.Column(
            "max_drawdown",
            sa.Numeric(),
            nullable=False,
            comment="the lowest profit while open, at most 0",
        ),
        sa.Column(
            "max_profit",
            sa.Numeric(),
            nullable=False,
            comment="the highest profit while open, at least 0",
        ),
        sa.Column("hold_duration", sa.BigInteger(), nullable=False, comment="seconds"),
        sa.Column("lessons_learned", sa.Text(), nullable=False, comment="the post-mortem"),
        sa.Column("improvement_tips", sa.Text(), nullable=False, comment="what to do better"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, comment="when the trade ended"
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row last changed, by the clock of the database",
        ),
        sa.CheckConstraint(
            "confidence_score between 0 and 1", name=op.f("ck_journal_entries_confidence_score")
        ),
        sa.CheckConstraint("entry_price > 0", name=op.f("ck_journal_entries_entry_price")),
        sa.CheckConstraint("exit_price > 0", name=op.f("ck_journal_entries_exit_price")),
        sa.CheckConstraint("hold_duration >= 0", name=op.f("ck_journal_entries_hold_duration")),
        sa.CheckConstraint("max_drawdown <= 0", name=op.f("ck_journal_entries_max_drawdown")),
        sa.CheckConstraint("max_profit >= 0", name=op.f("ck_journal_entries_max_profit")),
        sa.CheckConstraint("size > 0", name=op.f("ck_journal_entries_size")),
        sa.ForeignKeyConstraint(
            ["user_id", "trade_id"],
            ["positions.user_id", "positions.id"],
            name=op.f("fk_journal_entries_user_id_trade_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_journal_entries_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entries")),
        sa.UniqueConstraint("trade_id", name=op.f("uq_journal_entries_trade_id")),
        comment="The trade journal. Facts never change; the exit is judged once.",
    )
    op.create_index(
        "ix_journal_entries_unjudged",
        "journal_entries",
        ["user_id", "created_at"],
        unique=False,
        postgresql_where="was_correct_exit is null",
    )
    op.create_index(
        op.f("ix_journal_entries_user_id_created_at"),
        "journal_entries",
        ["user_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "ledger_entries",
        sa.Column(
            "transfer_id",
            sa.Uuid(),
            nullable=False,
            comment="the transfer it is part of, which partitions go by",
        ),
        sa.Column(
            "line", sa.SmallInteger(), nullable=False, comment="its place in the transfer, from 0"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column(
            "strategy_id", sa.Uuid(), nullable=False, comment="the portfolio whose account it is"
        ),
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
            comment="the account; what is owned is positive, its sources negative",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="what the amount is in"),
        sa.Column(
            "amount",
            sa.Numeric(),
            nullable=False,
            comment="what the account gains; a transfer sums to 0 in each currency",
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_entries_amount")),
        sa.ForeignKeyConstraint(
            ["user_id", "strategy_id"],
            ["strategies.user_id", "strategies.id"],
            name=op.f("fk_ledger_entries_user_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "transfer_id"],
            ["transfers.user_id", "transfers.id"],
            name=op.f("fk_ledger_entries_user_id_transfer_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ledger_entries_user_id")),
        sa.PrimaryKeyConstraint("transfer_id", "line", name=op.f("pk_ledger_entries")),
        comment="The lines of transfers. Append-only, partitioned by the month of their transfer.",
        postgresql_partition_by="RANGE (transfer_id)",
    )
    op.create_index(
        op.f("ix_ledger_entries_user_id_strategy_id"),
        "ledger_entries",
        ["user_id", "strategy_id"],
        unique=False,
    )
    op.create_table(
        "memories",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
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
            comment="who it is for",
        ),
        sa.Column("user_id", sa.Uuid(), nullable=True, comment="whose it is; none for collective"),
        sa.Column("agent_id", sa.Text(), nullable=False, comment="the agent that made it"),
        sa.Column("session_id", sa.Text(), nullable=True, comment="the ADK session it was made in"),
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
            comment="what kind of thing is remembered",
        ),
        sa.Column("content", sa.Text(), nullable=False, comment="the memory"),
        sa.Column(
            "embedding", Vector(dim=1536), nullable=False, comment="its vector, padded with zeros"
        ),
        sa.Column(
            "embedding_model",
            sa.Text(),
            nullable=False,
            comment="the model; vectors of different ones are never compared",
        ),
        sa.Column(
            "embedding_dimensions",
            sa.Integer(),
            nullable=False,
            comment="how many numbers the model gave, before padding",
        ),
        sa.Column(
            "validation_score",
            sa.Double(),
            nullable=False,
            comment="how often it was borne out, 0 to 1",
        ),
        sa.Column(
            "validation_trades",
            sa.Integer(),
            nullable=False,
            comment="how many trades have tested it",
        ),
        sa.Column("symbol", sa.Text(), nullable=True, comment="the symbol it is about"),
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
            comment="the candles it is about",
        ),
        sa.Column("importance", sa.Double(), nullable=False, comment="its weight, 0 to 1"),
        sa.Column(
            "tags", postgresql.ARRAY(sa.Text()), nullable=False, comment="words to find it by"
        ),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="whatever else is known of it",
        ),
        sa.Column(
            "personality",
            sa.Text(),
            nullable=True,
            comment="the risk profile a collective memory suits",
        ),
        sa.Column(
            "source_user_id", sa.Uuid(), nullable=True, comment="who found a collective memory"
        ),
        sa.Column("source_trade_id", sa.Uuid(), nullable=True, comment="the trade it came from"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="from when it was known",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row last changed, by the clock of the database",
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it is forgotten; never, where absent",
        ),
        sa.CheckConstraint(
            "(scope = 'collective') = (user_id is null)", name=op.f("ck_memories_owner")
        ),
        sa.CheckConstraint(
            "scope <> 'collective' or session_id is null",
            name=op.f("ck_memories_collective_has_no_session"),
        ),
        sa.CheckConstraint(
            "scope <> 'working' or expires_at is not null",
            name=op.f("ck_memories_working_has_expires_at"),
        ),
        sa.CheckConstraint(
            "embedding_dimensions between 1 and 1536", name=op.f("ck_memories_embedding_dimensions")
        ),
        sa.CheckConstraint("importance between 0 and 1", name=op.f("ck_memories_importance")),
        sa.CheckConstraint(
            "validation_score between 0 and 1", name=op.f("ck_memories_validation_score")
        ),
        sa.CheckConstraint("validation_trades >= 0", name=op.f("ck_memories_validation_trades")),
        sa.ForeignKeyConstraint(
            ["source_trade_id"], ["positions.id"], name=op.f("fk_memories_source_trade_id")
        ),
        sa.ForeignKeyConstraint(
            ["source_user_id"], ["users.id"], name=op.f("fk_memories_source_user_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memories_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memories")),
        comment="What agents remember: of one user, of all, or for a while.",
    )
    op.create_index(
        op.f("ix_memories_source_trade_id"), "memories", ["source_trade_id"], unique=False
    )
    op.create_index(
        op.f("ix_memories_user_id_type_symbol"),
        "memories",
        ["user_id", "type", "symbol"],
        unique=False,
    )
    op.create_table(
        "memory_validations",
        sa.Column("memory_id", sa.Uuid(), nullable=False, comment="the memory that was used"),
        sa.Column("trade_id", sa.Uuid(), nullable=False, comment="the trade that used it"),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column(
            "was_right", sa.Boolean(), nullable=False, comment="whether the trade bore it out"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when the trade ended"),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name=op.f("fk_memory_validations_memory_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "trade_id"],
            ["positions.user_id", "positions.id"],
            name=op.f("fk_memory_validations_user_id_trade_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_memory_validations_user_id")
        ),
        sa.PrimaryKeyConstraint("memory_id", "trade_id", name=op.f("pk_memory_validations")),
        comment="Which trades have tested which memories, each once. Append-only.",
    )
    op.create_index(
        op.f("ix_memory_validations_user_id"), "memory_validations", ["user_id"], unique=False
    )
    # Takes what no month's partition is there for; the months are made as they are needed.
    for table in PARTITIONED:
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
