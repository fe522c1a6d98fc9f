"""Wrapped data keys of the vault, and leases of locks that several processes share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move forward."""
    op.create_table(
        "vault_keys",
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kek_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kek_id", name=op.f("pk_vault_keys")),
        sa.UniqueConstraint("number", name=op.f("uq_vault_keys_number")),
    )
    op.create_table(
        "vault_data_keys",
        sa.Column("exchange_account_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kek_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_account_id"],
            ["exchange_accounts.id"],
            name=op.f("fk_vault_data_keys_exchange_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["kek_id"], ["vault_keys.kek_id"], name=op.f("fk_vault_data_keys_kek_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_vault_data_keys_user_id")),
        sa.PrimaryKeyConstraint("exchange_account_id", name=op.f("pk_vault_data_keys")),
        sa.UniqueConstraint("id", name=op.f("uq_vault_data_keys_id")),
    )
    op.create_index(op.f("ix_vault_data_keys_user_id"), "vault_data_keys", ["user_id"])
    op.create_index(op.f("ix_vault_data_keys_kek_id"), "vault_data_keys", ["kek_id"])
    op.create_table(
        "lock_leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lock_leases")),
    )
