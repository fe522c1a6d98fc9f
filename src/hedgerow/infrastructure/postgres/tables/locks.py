"""Keys of the vault, and leases of locks that processes share."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
)

from hedgerow.infrastructure.postgres.tables.columns import (
    metadata,
    moment,
    refers,
    user,
)

vault_keys = Table(
    "vault_keys",
    metadata,
    # Times of two processes need not agree.
    Column(
        "number",
        BigInteger,
        Identity(),
        nullable=False,
        unique=True,
        comment="in the order of registering",
    ),
    Column("kek_id", Text, primary_key=True, comment="the key-encryption key, by its id alone"),
    moment("created_at", "when it was registered"),
    comment="Which key-encryption keys may wrap data keys; the keys themselves are elsewhere.",
)

vault_data_keys = Table(
    "vault_data_keys",
    metadata,
    Column("exchange_account_id", Uuid, primary_key=True, comment="the account it seals"),
    user(),
    Column("id", Uuid, nullable=False, unique=True, comment="what its ciphertexts name it by"),
    Column(
        "kek_id",
        Text,
        ForeignKey("vault_keys.kek_id"),
        nullable=False,
        comment="the key that wraps it",
    ),
    Column("wrapped", LargeBinary, nullable=False, comment="the data key as AES-256 ciphertext"),
    moment("created_at", "when it was made"),
    moment("updated_at", "when it was last wrapped"),
    refers("exchange_account_id", "exchange_accounts"),
    Index(None, "user_id"),
    Index(None, "kek_id"),
    comment="The data key of each exchange account, wrapped.",
)

lock_leases = Table(
    "lock_leases",
    metadata,
    Column("name", Text, primary_key=True, comment="what is locked"),
    Column("token", BigInteger, nullable=False, comment="grows with each holder; a fence"),
    moment("expires_at", "when the last lease ends, or has ended"),
    comment="Locks that processes share; rows are never deleted, so tokens only grow.",
)
