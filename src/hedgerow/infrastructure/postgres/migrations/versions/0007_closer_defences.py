"""Closer defences: finite numbers, gapless logs, and what a user may do to what all share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alembic import op

revision = "0007_closer_defences"
down_revision = "0006_instruments_of_each_user"
branch_labels = None
depends_on = None

# NaN is above everything in PostgreSQL, and so above 0.
NUMBERS: Mapping[str, Sequence[str]] = {
    "ledger_imbalances": ("amount",),
    "circuit_breaker_states": (
        *("daily_pnl", "daily_pnl_percent", "max_daily_drawdown", "day_start_equity"),
    ),
    "instruments": (
        *("price_tick", "quantity_step", "notional_quote_min", "maintenance_margin_ratio"),
    ),
    "strategies": (
        *("allocated_capital", "current_equity", "cash_reserve", "total_pnl", "total_pnl_percent"),
        *("sharpe_ratio", "max_drawdown", "win_rate", "peak_equity", "day_start_equity"),
        *("daily_returns_mean", "daily_returns_squared_deviation"),
    ),
    "ledger_balances": ("balance",),
    "trading_pairs": ("budget", "max_position_size", "stop_loss_percent", "take_profit_percent"),
    "orders": (
        *("price", "amount", "filled_amount", "filled_quote", "avg_fill_price", "stop_price"),
        *("reserved_quote", "fee"),
    ),
    "fills": ("price", "quantity", "fee"),
    "positions": (
        *("size", "size_opened", "entry_cost", "entry_price", "current_price"),
        *("liquidation_price", "maintenance_margin_ratio", "margin", "unrealized_pnl"),
        *("unrealized_pnl_pct", "realized_pnl", "exit_value", "fees", "funding", "best_pnl"),
        *("worst_pnl", "stop_loss_price", "take_profit_price", "trailing_stop_pct"),
    ),
    "journal_entries": (
        *("entry_price", "exit_price", "size", "pnl", "pnl_percent", "fees", "max_drawdown"),
        "max_profit",
    ),
    "ledger_entries": ("amount",),
}
NEVER = "('NaN', 'Infinity', '-Infinity')"

# Somebody's own trigger could call what acts as its owner.
FOR_TRIGGERS_ONLY = (
    "REVOKE EXECUTE ON FUNCTION hedgerow_note_imbalance(), hedgerow_require_zero_sum() FROM PUBLIC",
)

# The head of a user's log moves first, then the events up to it are written, by one statement.
LOGS = (
    """
CREATE FUNCTION hedgerow_require_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken uuid;
BEGIN
    SELECT a.user_id INTO broken
    FROM (
        SELECT user_id, min(sequence) AS first, max(sequence) AS last, count(*) AS events
        FROM added GROUP BY user_id
    ) a LEFT JOIN funds f ON f.user_id = a.user_id
    WHERE a.events <> a.last - a.first + 1
        OR f.event_sequence IS DISTINCT FROM a.last
        OR a.first > 1 AND NOT EXISTS (
            SELECT FROM events e JOIN added x ON x.user_id = e.user_id AND x.sequence = a.first
            WHERE e.user_id = a.user_id AND e.sequence = a.first - 1 AND e.hash = x.previous_hash)
        OR EXISTS (
            SELECT FROM events e WHERE e.user_id = a.user_id AND e.sequence = a.first
            OFFSET 1)
    LIMIT 1;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'events of user % do not follow their log', broken
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER follow_the_log AFTER INSERT ON events REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION hedgerow_require_chain()
""",
    """
CREATE TRIGGER stays_ahead BEFORE UPDATE ON funds
    FOR EACH ROW WHEN (NEW.event_sequence < OLD.event_sequence)
    EXECUTE FUNCTION hedgerow_refuse_change()
""",
)

# Whoever validates a memory counts a trade; what that makes of its score is not for them to say.
# The function acts as the worker, who sees every memory.
VALIDATIONS = (
    """
CREATE FUNCTION hedgerow_count_validation() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE memories SET
        validation_score = least(1, (validation_score * (validation_trades + 2)
            + NEW.was_right::int) / (validation_trades + 3)),
        validation_trades = validation_trades + 1
        WHERE id = NEW.memory_id;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER counts AFTER INSERT ON memory_validations
    FOR EACH ROW EXECUTE FUNCTION hedgerow_count_validation()
""",
    "REVOKE EXECUTE ON FUNCTION hedgerow_count_validation() FROM PUBLIC",
    "GRANT CREATE ON SCHEMA public TO hedgerow_worker",
    "ALTER FUNCTION hedgerow_count_validation() OWNER TO hedgerow_worker",
    "REVOKE CREATE ON SCHEMA public FROM hedgerow_worker",
    "REVOKE UPDATE (validation_score, validation_trades) ON memories FROM hedgerow_app",
    # Enough to hold a memory's row while its trade is counted.
    "GRANT UPDATE (updated_at) ON memories TO hedgerow_app",
)


def upgrade() -> None:
    """Move forward."""
    for table, names in NUMBERS.items():
        finite = " AND ".join(f"{name} NOT IN {NEVER}" for name in names)
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_finite CHECK ({finite})")
    op.create_check_constraint(
        op.f("ck_memories_source"),
        "memories",
        "user_id is null or source_user_id is null or source_user_id = user_id",
    )
    op.create_foreign_key(
        op.f("fk_memories_user_id_source_trade_id"),
        "memories",
        "positions",
        ["user_id", "source_trade_id"],
        ["user_id", "id"],
    )
    for statement in (*FOR_TRIGGERS_ONLY, *LOGS, *VALIDATIONS):
        op.execute(statement)
