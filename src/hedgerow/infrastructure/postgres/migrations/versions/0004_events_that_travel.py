"""Events carry the version of their shape; relays keep cursors, and consumers an inbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_events_that_travel"
down_revision = "0003_vault_and_locks"
branch_labels = None
depends_on = None

ACTING = "(SELECT nullif(current_setting('hedgerow.user_id', true), '')::uuid)"
ISOLATION = (
    "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY own_rows ON {{table}} TO hedgerow_app"
    f" USING (user_id = {ACTING}) WITH CHECK (user_id = {ACTING})",
    "CREATE POLICY all_rows ON {table} TO hedgerow_worker USING (true) WITH CHECK (true)",
)
GRANTS = (
    # Relaying is the worker's. A relay that begins anew forgets how far it was.
    "GRANT SELECT ON relay_cursors TO hedgerow_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON relay_cursors TO hedgerow_worker",
    "GRANT SELECT, INSERT ON inbox TO hedgerow_app, hedgerow_worker",
)


def upgrade() -> None:
    """Move forward."""
    # What is there already was written in the first version of its shape. The default is stored
    # with the column: no row is rewritten, in any partition.
    op.add_column(
        "events",
        sa.Column(
            "schema_version",
            sa.SmallInteger(),
            nullable=False,
            server_default=sa.text("1"),
            comment="the version of the body's shape; see docs/events.md",
        ),
    )
    op.alter_column("events", "schema_version", server_default=None)
    op.create_check_constraint(
        op.f("ck_events_schema_version"), "events", sa.text("schema_version > 0")
    )
    op.create_table(
        "relay_cursors",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user whose log it is"),
        sa.Column("target", sa.Text(), nullable=False, comment="whom the log is relayed to"),
        sa.Column(
            "sequence",
            sa.BigInteger(),
            nullable=False,
            comment="the last event that the target has for certain",
        ),
        sa.Column(
            "delivered_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when that was noted",
        ),
        sa.CheckConstraint("sequence >= 0", name=op.f("ck_relay_cursors_sequence")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_relay_cursors_user_id")),
        sa.PrimaryKeyConstraint("user_id", "target", name=op.f("pk_relay_cursors")),
        comment="How far each user's log has been handed out.",
    )
    op.create_table(
        "inbox",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user whose event it is"),
        sa.Column(
            "sequence", sa.BigInteger(), nullable=False, comment="the event in the user's log"
        ),
        sa.Column("consumer", sa.Text(), nullable=False, comment="who has taken it in"),
        sa.Column(
            "consumed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when, by the clock of the database",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_inbox_user_id")),
        sa.PrimaryKeyConstraint("user_id", "sequence", "consumer", name=op.f("pk_inbox")),
        comment="Which events have had their effect, so that none has it twice.",
    )
    for table in ("relay_cursors", "inbox"):
        for statement in ISOLATION:
            op.execute(statement.format(table=table))
    for statement in GRANTS:
        op.execute(statement)
