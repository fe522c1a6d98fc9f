"""The regimes of a symbol are of one exchange, and which one is written down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_one_exchange_of_each_regime"
down_revision = "0007_closer_defences"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move forward."""
    op.create_table(
        "regime_sources",
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
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
            comment="whose candles its regimes are read from",
        ),
        sa.PrimaryKeyConstraint("symbol", name=op.f("pk_regime_sources")),
        comment="Which exchange the regimes of a symbol are of: one for all of its rows.",
    )
    op.execute("GRANT SELECT, INSERT ON regime_sources TO hedgerow_worker")
    # No row tells where it is from; without being told otherwise, all were read from binance.
    op.execute(
        "INSERT INTO regime_sources SELECT DISTINCT symbol, 'binance' FROM regime_classifications"
    )
