"""The tables, as SQLAlchemy Core sees them. Migrations make them; nothing else does.

Enums are text with a check. Numbers are NUMERIC without a scale, so every digit comes back. Times
are `timestamptz`. Amounts are in quote currency and quantities in base currency, as in the domain.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from hedgerow.domain.journal import MarketRegime
from hedgerow.domain.ledger import Account, TransferReason
from hedgerow.domain.limits import TierName
from hedgerow.domain.market import Exchange, MarketType, Timeframe
from hedgerow.domain.memory import EMBEDDING_DIMENSIONS, MemoryScope, MemoryType
from hedgerow.domain.orders import OrderPurpose, OrderSide, OrderStatus, OrderType
from hedgerow.domain.pairs import StrategyMode
from hedgerow.domain.positions import MarginMode, PositionSide, PositionStatus
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.regimes import Regime
from hedgerow.domain.risk import RiskEventType, Severity
from hedgerow.domain.strategies import RebalanceFrequency, RiskTolerance, StrategyStatus

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _choice(kind: type[StrEnum], name: str) -> Enum:
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


def _id() -> Column[Any]:
    return Column("id", Uuid, primary_key=True)


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Uuid, ForeignKey(f"{target}"), nullable=nullable)


def _user() -> Column[Any]:
    return _ref("user_id", "users.id")


def _time(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Numeric, nullable=nullable)


def _real(name: str) -> Column[Any]:
    return Column(name, Double, nullable=False)


def _text(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=nullable)


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False)


def _count(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _json(name: str) -> Column[Any]:
    return Column(name, JSONB, nullable=False)


limit_profiles = Table(
    "limit_profiles",
    metadata,
    _id(),
    Column("name", _choice(TierName, "name"), nullable=False, unique=True),
    _text("description"),
    _json("limits"),
    _flag("is_active"),
)

users = Table(
    "users",
    metadata,
    _id(),
    Column("telegram_id", BigInteger, unique=True),
    _text("telegram_username", nullable=True),
    _text("first_name"),
    _text("last_name"),
    _flag("is_active"),
    _flag("is_premium"),
    _ref("limit_profile_id", "limit_profiles.id"),
    _json("settings"),
    _time("created_at"),
    _time("updated_at"),
)

exchange_accounts = Table(
    "exchange_accounts",
    metadata,
    _id(),
    _user(),
    Column("exchange", _choice(Exchange, "exchange"), nullable=False),
    _text("label"),
    Column("api_key_encrypted", LargeBinary),
    Column("secret_encrypted", LargeBinary),
    Column("passphrase", LargeBinary),
    _flag("is_testnet"),
    Column("permissions", ARRAY(Text), nullable=False),
    _flag("is_active"),
    _time("last_sync_at", nullable=True),
    Column("listen_key_encrypted", LargeBinary),
    _time("listen_key_expires_at", nullable=True),
    Index(None, "user_id"),
)

vault_keys = Table(
    "vault_keys",
    metadata,
    # The order of registering; times of two processes need not agree.
    Column("number", BigInteger, Identity(), nullable=False, unique=True),
    Column("kek_id", Text, primary_key=True),
    _time("created_at"),
)

vault_data_keys = Table(
    "vault_data_keys",
    metadata,
    Column("exchange_account_id", Uuid, ForeignKey("exchange_accounts.id"), primary_key=True),
    _user(),
    Column("id", Uuid, nullable=False, unique=True),
    Column("kek_id", Text, ForeignKey("vault_keys.kek_id"), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    _time("created_at"),
    _time("updated_at"),
    Index(None, "user_id"),
    Index(None, "kek_id"),
)

lock_leases = Table(
    "lock_leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", BigInteger, nullable=False),
    _time("expires_at"),
)

instruments = Table(
    "instruments",
    metadata,
    Column("exchange", _choice(Exchange, "exchange"), nullable=False),
    _text("symbol"),
    Column("market_type", _choice(MarketType, "market_type"), nullable=False),
    _number("price_tick"),
    _number("quantity_step"),
    _number("notional_quote_min"),
    _number("maintenance_margin_ratio"),
    _count("leverage_max"),
    PrimaryKeyConstraint("exchange", "symbol", "market_type"),
)

funds = Table(
    "funds",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("ids_issued", BigInteger, nullable=False),
    _time("as_of"),
    _text("trades_month"),
    _count("trades_month_count"),
    Column("event_sequence", BigInteger, nullable=False),
    Column("event_hash", LargeBinary, nullable=False),
)

strategies = Table(
    "strategies",
    metadata,
    _id(),
    _user(),
    _text("name"),
    _text("description"),
    Column("status", _choice(StrategyStatus, "status"), nullable=False),
    _text("quote_currency"),
    _number("allocated_capital"),
    _number("current_equity"),
    _number("cash_reserve"),
    Column("market_type", _choice(MarketType, "market_type"), nullable=False),
    Column("risk_tolerance", _choice(RiskTolerance, "risk_tolerance"), nullable=False),
    Column(
        "rebalance_frequency", _choice(RebalanceFrequency, "rebalance_frequency"), nullable=False
    ),
    _json("target_allocations"),
    _number("total_pnl"),
    _number("total_pnl_percent"),
    _number("sharpe_ratio"),
    _number("max_drawdown"),
    _number("win_rate"),
    _json("reasoning_log"),
    _number("peak_equity"),
    _count("trades_won"),
    _count("trades_lost"),
    _number("day_start_equity"),
    _count("daily_returns_count"),
    _number("daily_returns_mean"),
    _number("daily_returns_squared_deviation"),
    _time("created_at"),
    _time("updated_at"),
    Index(None, "user_id"),
)

trading_pairs = Table(
    "trading_pairs",
    metadata,
    _id(),
    _user(),
    _ref("strategy_id", "strategies.id"),
    _ref("exchange_account_id", "exchange_accounts.id"),
    _text("symbol"),
    Column("market_type", _choice(MarketType, "market_type"), nullable=False),
    _number("budget"),
    _number("max_position_size"),
    _count("max_leverage"),
    _number("stop_loss_percent"),
    _number("take_profit_percent"),
    _text("ai_provider"),
    Column("strategy_mode", _choice(StrategyMode, "strategy_mode"), nullable=False),
    Column("timeframes", ARRAY(Text), nullable=False),
    _flag("is_active"),
    _flag("is_paused"),
    _text("paused_reason", nullable=True),
    UniqueConstraint("strategy_id", "symbol", "market_type"),
    Index(None, "user_id"),
)

orders = Table(
    "orders",
    metadata,
    _id(),
    _user(),
    _ref("strategy_id", "strategies.id"),
    _ref("trading_pair_id", "trading_pairs.id"),
    _ref("exchange_account_id", "exchange_accounts.id"),
    _text("client_order_id"),
    _text("exchange_order_id", nullable=True),
    _text("symbol"),
    Column("market_type", _choice(MarketType, "market_type"), nullable=False),
    Column("side", _choice(OrderSide, "side"), nullable=False),
    Column("type", _choice(OrderType, "type"), nullable=False),
    Column("purpose", _choice(OrderPurpose, "purpose"), nullable=False),
    Column("status", _choice(OrderStatus, "status"), nullable=False),
    _text("status_reason", nullable=True),
    _number("price", nullable=True),
    _number("amount"),
    _number("filled_amount"),
    _number("filled_quote"),
    _number("avg_fill_price", nullable=True),
    _number("stop_price", nullable=True),
    _number("reserved_quote"),
    _flag("reduce_only"),
    _count("leverage"),
    _text("agent_id"),
    _text("reasoning"),
    _ref("parent_order_id", "orders.id", nullable=True),
    # No foreign key: an entry is saved before the position that it makes.
    Column("position_id", Uuid),
    Column("bracket", JSONB),
    _number("fee"),
    _text("fee_currency", nullable=True),
    _json("fees"),
    _time("created_at"),
    _time("updated_at"),
    _time("filled_at", nullable=True),
    CheckConstraint("amount > 0", "amount"),
    CheckConstraint("filled_amount between 0 and amount", "filled_amount"),
    CheckConstraint("(type in ('limit', 'stop_limit')) = (price is not null)", "price"),
    CheckConstraint("(type in ('stop_market', 'stop_limit')) = (stop_price is not null)", "stop"),
    UniqueConstraint("exchange_account_id", "client_order_id"),
    Index(None, "user_id", "status"),
    Index(None, "user_id", "position_id"),
)

positions = Table(
    "positions",
    metadata,
    _id(),
    _user(),
    _ref("strategy_id", "strategies.id"),
    _ref("trading_pair_id", "trading_pairs.id"),
    _ref("exchange_account_id", "exchange_accounts.id"),
    _ref("entry_order_id", "orders.id"),
    _text("symbol"),
    Column("market_type", _choice(MarketType, "market_type"), nullable=False),
    Column("side", _choice(PositionSide, "side"), nullable=False),
    _number("size"),
    _number("size_opened"),
    _number("entry_cost"),
    _number("entry_price"),
    _number("current_price"),
    _number("liquidation_price", nullable=True),
    _count("leverage"),
    Column("margin_mode", _choice(MarginMode, "margin_mode"), nullable=False),
    _number("maintenance_margin_ratio"),
    _number("margin"),
    _number("unrealized_pnl"),
    _number("unrealized_pnl_pct"),
    _number("realized_pnl"),
    _number("exit_value"),
    _number("fees"),
    _number("funding"),
    _number("best_pnl"),
    _number("worst_pnl"),
    _number("stop_loss_price", nullable=True),
    _number("take_profit_price", nullable=True),
    _number("trailing_stop_pct", nullable=True),
    _ref("stop_loss_order_id", "orders.id", nullable=True),
    _ref("take_profit_order_id", "orders.id", nullable=True),
    _text("open_reasoning"),
    _text("close_reasoning"),
    Column("status", _choice(PositionStatus, "status"), nullable=False),
    _time("opened_at"),
    _time("updated_at"),
    _time("closed_at", nullable=True),
    CheckConstraint("size >= 0", "size"),
    CheckConstraint("leverage between 1 and 125", "leverage"),
    CheckConstraint("(status = 'open') = (closed_at is null)", "closed_at"),
    Index(None, "user_id", "status", "symbol"),
)

fills = Table(
    "fills",
    metadata,
    _ref("order_id", "orders.id"),
    _text("venue_trade_id"),
    _user(),
    _ref("exchange_account_id", "exchange_accounts.id"),
    _text("symbol"),
    _number("price"),
    _number("quantity"),
    _number("fee"),
    _text("fee_currency"),
    _flag("is_maker"),
    _time("filled_at"),
    PrimaryKeyConstraint("order_id", "venue_trade_id"),
    UniqueConstraint("exchange_account_id", "symbol", "venue_trade_id"),
    Index(None, "user_id", "filled_at"),
)

transfers = Table(
    "transfers",
    metadata,
    _id(),
    _user(),
    _ref("strategy_id", "strategies.id"),
    Column("reason", _choice(TransferReason, "reason"), nullable=False),
    _ref("order_id", "orders.id", nullable=True),
    Column("position_id", Uuid),
    _time("at"),
    Index(None, "user_id", "at"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    _ref("transfer_id", "transfers.id"),
    Column("line", SmallInteger, nullable=False),
    _user(),
    _ref("strategy_id", "strategies.id"),
    Column("account", _choice(Account, "account"), nullable=False),
    _text("currency"),
    _number("amount"),
    PrimaryKeyConstraint("transfer_id", "line"),
    CheckConstraint("amount <> 0", "amount"),
    Index(None, "user_id", "strategy_id"),
)

ledger_balances = Table(
    "ledger_balances",
    metadata,
    _user(),
    _ref("strategy_id", "strategies.id"),
    Column("account", _choice(Account, "account"), nullable=False),
    _text("currency"),
    _number("balance"),
    PrimaryKeyConstraint("strategy_id", "account", "currency"),
)

circuit_breaker_states = Table(
    "circuit_breaker_states",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True),
    _flag("is_triggered"),
    _time("triggered_at", nullable=True),
    _text("trigger_reason", nullable=True),
    _number("daily_pnl"),
    _number("daily_pnl_percent"),
    _count("daily_trade_count"),
    _count("daily_wins"),
    _count("daily_losses"),
    _count("consecutive_losses"),
    _number("max_daily_drawdown"),
    _count("max_consecutive_loss"),
    _time("reset_at"),
    _number("day_start_equity"),
    _flag("is_enabled"),
    _flag("drawdown_warned"),
)

risk_events = Table(
    "risk_events",
    metadata,
    _id(),
    _user(),
    _time("timestamp"),
    Column("event_type", _choice(RiskEventType, "event_type"), nullable=False),
    Column("severity", _choice(Severity, "severity"), nullable=False),
    _text("message"),
    _json("data"),
    _flag("acknowledged"),
    Index(None, "user_id", "timestamp"),
)

events = Table(
    "events",
    metadata,
    _user(),
    Column("sequence", BigInteger, nullable=False),
    _time("at"),
    _text("kind"),
    Column("schema_version", SmallInteger, nullable=False),
    Column("subject_id", Uuid),
    _json("body"),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("user_id", "sequence"),
    CheckConstraint("schema_version > 0", "schema_version"),
    Index(None, "user_id", "subject_id"),
    Index(None, "user_id", "kind", "sequence"),
)

wishes = Table(
    "wishes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _user(),
    _text("kind"),
    _json("body"),
    _time("created_at"),
    _time("done_at", nullable=True),
    Index("ix_wishes_pending", "user_id", "id", postgresql_where="done_at is null"),
)

memories = Table(
    "memories",
    metadata,
    _id(),
    Column("scope", _choice(MemoryScope, "scope"), nullable=False),
    _ref("user_id", "users.id", nullable=True),
    _text("agent_id"),
    _text("session_id", nullable=True),
    Column("type", _choice(MemoryType, "type"), nullable=False),
    _text("content"),
    Column(
        "content_words",
        TSVECTOR,
        Computed("to_tsvector('english', content)", persisted=True),
        nullable=False,
    ),
    Column("embedding", Vector(EMBEDDING_DIMENSIONS), nullable=False),
    _text("embedding_model"),
    _count("embedding_dimensions"),
    _real("validation_score"),
    _count("validation_trades"),
    _text("symbol", nullable=True),
    Column("timeframe", _choice(Timeframe, "timeframe")),
    _real("importance"),
    Column("tags", ARRAY(Text), nullable=False),
    _json("metadata"),
    _text("personality", nullable=True),
    _ref("source_user_id", "users.id", nullable=True),
    _ref("source_trade_id", "positions.id", nullable=True),
    _time("created_at"),
    _time("expires_at", nullable=True),
    CheckConstraint("importance between 0 and 1", "importance"),
    CheckConstraint("validation_score between 0 and 1", "validation_score"),
    CheckConstraint("(scope = 'collective') = (user_id is null)", "owner"),
    CheckConstraint("scope <> 'working' or expires_at is not null", "working_expires"),
    Index(None, "user_id", "type", "symbol"),
    Index(None, "source_trade_id"),
    Index(
        "ix_memories_shared_embedding",
        literal_column("(embedding::halfvec(1536))").label("half"),
        postgresql_using="hnsw",
        postgresql_ops={"half": "halfvec_cosine_ops"},
        postgresql_where="scope = 'collective'",
    ),
    Index(
        "ix_memories_shared_words",
        "content_words",
        postgresql_using="gin",
        postgresql_where="scope = 'collective'",
    ),
    Index("ix_memories_shared_symbol", "symbol", "type", postgresql_where="scope = 'collective'"),
    Index(
        "ix_memories_shared_created_at",
        "created_at",
        postgresql_where="scope = 'collective' and expires_at is null",
    ),
)

memory_validations = Table(
    "memory_validations",
    metadata,
    _ref("memory_id", "memories.id"),
    _ref("trade_id", "positions.id"),
    _user(),
    _flag("was_right"),
    _time("at"),
    PrimaryKeyConstraint("memory_id", "trade_id"),
    Index(None, "user_id"),
)

journal_entries = Table(
    "journal_entries",
    metadata,
    _id(),
    _user(),
    Column("trade_id", Uuid, ForeignKey("positions.id"), nullable=False, unique=True),
    _text("symbol"),
    Column("side", _choice(PositionSide, "side"), nullable=False),
    _number("entry_price"),
    _number("exit_price"),
    _number("size"),
    _number("pnl"),
    _number("pnl_percent"),
    _number("fees"),
    _text("strategy_used"),
    Column("timeframe", _choice(Timeframe, "timeframe"), nullable=False),
    Column("setup_type", _choice(SetupType, "setup_type"), nullable=False),
    Column("market_regime", _choice(MarketRegime, "market_regime"), nullable=False),
    _text("entry_reasoning"),
    _text("exit_reasoning"),
    _real("confidence_score"),
    _real("rsi_at_entry"),
    _real("atr_at_entry"),
    _real("volume_at_entry"),
    _flag("was_correct_entry"),
    Column("was_correct_exit", Boolean),
    _number("max_drawdown"),
    _number("max_profit"),
    Column("hold_duration", BigInteger, nullable=False),
    _text("lessons_learned"),
    _text("improvement_tips"),
    _time("created_at"),
    Index(None, "user_id", "created_at"),
)

regime_classifications = Table(
    "regime_classifications",
    metadata,
    _id(),
    _text("symbol"),
    Column("timeframe", _choice(Timeframe, "timeframe"), nullable=False),
    _time("timestamp"),
    Column("regime", _choice(Regime, "regime"), nullable=False),
    _real("confidence"),
    _json("indicators"),
    _text("model_version"),
    UniqueConstraint("symbol", "timeframe", "timestamp", "model_version"),
    CheckConstraint("confidence between 0 and 1", "confidence"),
)

paper_runs = Table(
    "paper_runs",
    metadata,
    _id(),
    # In the order of starting: the times of a replay are those of its candles.
    Column("number", BigInteger, Identity(), nullable=False, unique=True),
    _user(),
    _ref("strategy_id", "strategies.id"),
    _text("fingerprint"),
    _json("plan"),
    _json("venue"),
    _time("closed_through", nullable=True),
    _time("finished_at", nullable=True),
    _time("started_at"),
    Index(None, "user_id"),
    Index(None, "fingerprint"),
)
