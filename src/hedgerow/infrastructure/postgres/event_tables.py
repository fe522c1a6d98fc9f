"""The tables around the event log: how far it has been handed out, and what has been taken in."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from hedgerow.infrastructure.postgres.tables import metadata

relay_cursors = Table(
    "relay_cursors",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("target", Text, nullable=False),
    # the last event of the user that the target has for certain
    Column("sequence", BigInteger, nullable=False),
    Column("delivered_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("sequence >= 0", "sequence"),
    PrimaryKeyConstraint("user_id", "target"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("consumer", Text, nullable=False),
    Column("consumed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("user_id", "sequence", "consumer"),
)
