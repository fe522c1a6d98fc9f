"""Wrapped data keys of the vault, and leases of locks that several processes share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_vault_and_locks"
down_revision = "0002_who_may_do_what"
branch_labels = None
depends_on = None

ACTING = "(SELECT nullif(current_setting('hedgerow.user_id', true), '')::uuid)"
ISOLATION = (
    "ALTER TABLE vault_data_keys ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE vault_data_keys FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY own_rows ON vault_data_keys TO hedgerow_app"
    f" USING (user_id = {ACTING}) WITH CHECK (user_id = {ACTING})",
    "CREATE POLICY all_rows ON vault_data_keys TO hedgerow_worker USING (true) WITH CHECK (true)",
)
GRANTS = (
    # Connecting an account makes its data key; rotating, which is the worker's, wraps it anew.
    "GRANT SELECT, INSERT ON vault_data_keys TO hedgerow_app",
    "GRANT SELECT, INSERT, UPDATE ON vault_data_keys TO hedgerow_worker",
    # Whoever wraps locks the row of the key, which asks for the right to change some column of it:
    # this one says nothing about any user, and nothing is decided by it.
    "GRANT SELECT, UPDATE (created_at) ON vault_keys TO hedgerow_app",
    "GRANT SELECT, INSERT, UPDATE (created_at), DELETE ON vault_keys TO hedgerow_worker",
    "GRANT SELECT, INSERT, UPDATE ON lock_leases TO hedgerow_worker",
)


def upgrade() -> None:
    """Move forward."""
    op.create_table(
        "vault_keys",
        sa.Column(
            "number",
            sa.BigInteger(),
            sa.Identity(),
            nullable=False,
            comment="in the order of registering",
        ),
        sa.Column(
            "kek_id", sa.Text(), nullable=False, comment="the key-encryption key, by its id alone"
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was registered",
        ),
        sa.PrimaryKeyConstraint("kek_id", name=op.f("pk_vault_keys")),
        sa.UniqueConstraint("number", name=op.f("uq_vault_keys_number")),
        comment="Which key-encryption keys may wrap data keys; the keys themselves are elsewhere.",
    )
    op.create_table(
        "vault_data_keys",
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False, comment="the account it seals"),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="the user it belongs to"),
        sa.Column("id", sa.Uuid(), nullable=False, comment="what its ciphertexts name it by"),
        sa.Column("kek_id", sa.Text(), nullable=False, comment="the key that wraps it"),
        sa.Column(
            "wrapped",
            sa.LargeBinary(),
            nullable=False,
            comment="the data key as AES-256 ciphertext",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, comment="when it was made"
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was last wrapped",
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "exchange_account_id"],
            ["exchange_accounts.user_id", "exchange_accounts.id"],
            name=op.f("fk_vault_data_keys_user_id_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["kek_id"], ["vault_keys.kek_id"], name=op.f("fk_vault_data_keys_kek_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_vault_data_keys_user_id")),
        sa.PrimaryKeyConstraint("exchange_account_id", name=op.f("pk_vault_data_keys")),
        sa.UniqueConstraint("id", name=op.f("uq_vault_data_keys_id")),
        comment="The data key of each exchange account, wrapped.",
    )
    op.create_index(op.f("ix_vault_data_keys_user_id"), "vault_data_keys", ["user_id"])
    op.create_index(op.f("ix_vault_data_keys_kek_id"), "vault_data_keys", ["kek_id"])
    op.create_table(
        "lock_leases",
        sa.Column("name", sa.Text(), nullable=False, comment="what is locked"),
        sa.Column(
            "token", sa.BigInteger(), nullable=False, comment="grows with each holder; a fence"
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the last lease ends, or has ended",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lock_leases")),
        comment="Locks that processes share; rows are never deleted, so tokens only grow.",
    )
    for statement in (*ISOLATION, *GRANTS):
        op.execute(statement)
