"""Instruments belong to a user: a run over past candles trades by rules of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_instruments_of_each_user"
down_revision = "0005_memory_search"
branch_labels = None
depends_on = None

ACTING = "(SELECT nullif(current_setting('hedgerow.user_id', true), '')::uuid)"


def upgrade() -> None:
    """Move forward."""
    op.add_column(
        "instruments",
        sa.Column("user_id", sa.Uuid(), nullable=True, comment="whose fund goes by them"),
    )
    op.drop_constraint(op.f("pk_instruments"), "instruments", type_="primary")
    op.execute("""
        INSERT INTO instruments
        SELECT DISTINCT i.exchange, i.symbol, i.market_type, i.price_tick, i.quantity_step,
            i.notional_quote_min, i.maintenance_margin_ratio, i.leverage_max, p.user_id
        FROM instruments i
        JOIN trading_pairs p ON p.symbol = i.symbol AND p.market_type = i.market_type
        JOIN exchange_accounts a ON a.id = p.exchange_account_id AND a.exchange = i.exchange
        """)
    op.execute("DELETE FROM instruments WHERE user_id IS NULL")
    op.alter_column("instruments", "user_id", nullable=False)
    op.create_primary_key(
        op.f("pk_instruments"), "instruments", ["user_id", "exchange", "symbol", "market_type"]
    )
    op.create_foreign_key(
        op.f("fk_instruments_user_id"), "instruments", "users", ["user_id"], ["id"]
    )
    op.create_table_comment("instruments", "The trading rules that a user's fund goes by.")
    _isolate()


def _isolate() -> None:
    op.execute("ALTER TABLE instruments ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE instruments FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_rows ON instruments TO hedgerow_app"
        f" USING (user_id = {ACTING}) WITH CHECK (user_id = {ACTING})"
    )
    op.execute(
        "CREATE POLICY all_rows ON instruments TO hedgerow_worker USING (true) WITH CHECK (true)"
    )
