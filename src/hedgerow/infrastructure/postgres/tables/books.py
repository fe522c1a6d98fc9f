"""The capital ledger."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, SmallInteger, Table

from hedgerow.domain.ledger import Account, TransferReason
from hedgerow.infrastructure.postgres.tables.columns import (
    choice,
    metadata,
    moment,
    number,
    primary_id,
    referable,
    refers,
    stamp,
    text,
    user,
    uuid,
)

transfers = Table(
    "transfers",
    metadata,
    primary_id("UUIDv7 of `at`, which partitions go by"),
    user(),
    uuid("strategy_id", "the portfolio whose money moved"),
    choice("reason", TransferReason, "why it moved"),
    uuid("order_id", "the order it moved for", nullable=True),
    # No foreign key: cash is booked before the position that it makes is saved.
    uuid("position_id", "the position it moved for", nullable=True),
    moment("at", "when it moved"),
    refers("strategy_id", "strategies"),
    refers("order_id", "orders"),
    referable(),
    Index(None, "user_id", "at"),
    postgresql_partition_by="RANGE (id)",
    comment="Movements of money, each with its entries. Append-only, partitioned by month.",
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    uuid("transfer_id", "the transfer it is part of, which partitions go by"),
    Column("line", SmallInteger, nullable=False, comment="its place in the transfer, from 0"),
    user(),
    uuid("strategy_id", "the portfolio whose account it is"),
    choice("account", Account, "the account; what is owned is positive, its sources negative"),
    text("currency", "what the amount is in"),
    number("amount", "what the account gains; a transfer sums to 0 in each currency"),
    refers("transfer_id", "transfers"),
    refers("strategy_id", "strategies"),
    PrimaryKeyConstraint("transfer_id", "line"),
    CheckConstraint("amount <> 0", "amount"),
    Index(None, "user_id", "strategy_id"),
    postgresql_partition_by="RANGE (transfer_id)",
    comment="The lines of transfers. Append-only, partitioned by the month of their transfer.",
)

ledger_imbalances = Table(
    "ledger_imbalances",
    metadata,
    uuid("transfer_id", "the transfer that a statement left off balance"),
    text("currency", "what it is off in"),
    number("amount", "what its entries sum up to so far"),
    PrimaryKeyConstraint("transfer_id", "currency"),
    comment="Notes of the transaction under way, which must be gone when it commits.",
)

ledger_balances = Table(
    "ledger_balances",
    metadata,
    user(),
    uuid("strategy_id", "the portfolio whose account it is"),
    choice("account", Account, "the account"),
    text("currency", "what the balance is in"),
    number("balance", "the sum of the account's entries"),
    stamp("updated_at", "when the row last changed, by the clock of the database"),
    refers("strategy_id", "strategies"),
    PrimaryKeyConstraint("user_id", "strategy_id", "account", "currency"),
    comment="Balances beside the entries they sum up, so that a fund loads without re-adding.",
)
