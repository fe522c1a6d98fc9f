"""The log of a paid call is kept with its settlement until it is stored where costs are read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012_logs_of_calls"
down_revision = "0011_decisions_replayed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move forward."""
    op.alter_column(
        "ai_reservations",
        "call_id",
        existing_type=sa.Uuid(),
        comment="the attempt at a call: one that is asked again is another one",
        existing_comment="the call",
    )
    op.add_column(
        "ai_reservations",
        sa.Column(
            "usage_log",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the row of ai_usage_logs, until ClickHouse has it",
        ),
    )
    op.create_check_constraint(
        op.f("ck_ai_reservations_usage_log"),
        "ai_reservations",
        "usage_log is null or settled_at is not null",
    )
    op.create_index(
        "ix_ai_reservations_unlogged",
        "ai_reservations",
        ["call_id"],
        postgresql_where=sa.text("usage_log is not null"),
    )
