"""Events carry the version of their shape; relays keep cursors, and consumers an inbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move forward."""
    # What is there already was written in the first version of its shape.
    first = sa.text("1")
    op.add_column(
        "events",
        sa.Column("schema_version", sa.SmallInteger(), nullable=False, server_default=first),
    )
    op.alter_column("events", "schema_version", server_default=None)
    op.create_check_constraint(
        op.f("ck_events_schema_version"), "events", sa.text("schema_version > 0")
    )
    op.create_table(
        "relay_cursors",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sequence >= 0", name=op.f("ck_relay_cursors_sequence")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_relay_cursors_user_id")),
        sa.PrimaryKeyConstraint("user_id", "target", name=op.f("pk_relay_cursors")),
    )
    op.create_table(
        "inbox",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column(
            "consumed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_inbox_user_id")),
        sa.PrimaryKeyConstraint("user_id", "sequence", "consumer", name=op.f("pk_inbox")),
    )
