"""The event log and who has had it, wishes to be carried out, and runs over past candles."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
)

from hedgerow.infrastructure.postgres.tables.columns import (
    digest,
    document,
    metadata,
    moment,
    not_negative,
    positive,
    primary_id,
    refers,
    stamp,
    text,
    user,
    uuid,
)

# A unique key of a partitioned table has to carry the time it is partitioned by. That a sequence
# number is given once follows from the version in `funds`, which each save has to match.
events = Table(
    "events",
    metadata,
    user("the user whose log it is"),
    Column("sequence", BigInteger, nullable=False, comment="from 1, without a gap"),
    moment("at", "when it happened, which partitions go by"),
    text("kind", "the name of the fact"),
    Column(
        "schema_version",
        SmallInteger,
        nullable=False,
        comment="the version of the body's shape; see docs/events.md",
    ),
    uuid("subject_id", "the order, position, pair or strategy it is about", nullable=True),
    document("body", "the fact; numbers as texts"),
    digest("previous_hash", "the hash of the event before"),
    digest("hash", "SHA-256 over the previous hash and all of this event"),
    PrimaryKeyConstraint("user_id", "sequence", "at"),
    *positive("sequence", "schema_version"),
    Index(None, "user_id", "subject_id"),
    Index(None, "user_id", "kind", "sequence"),
    postgresql_partition_by="RANGE (at)",
    comment="Each user's log, sealed by a hash chain. Append-only, partitioned by month.",
)

relay_cursors = Table(
    "relay_cursors",
    metadata,
    user("the user whose log it is"),
    text("target", "whom the log is relayed to"),
    Column(
        "sequence",
        BigInteger,
        nullable=False,
        comment="the last event that the target has for certain",
    ),
    moment("delivered_at", "when that was noted"),
    *not_negative("sequence"),
    PrimaryKeyConstraint("user_id", "target"),
    comment="How far each user's log has been handed out.",
)

inbox = Table(
    "inbox",
    metadata,
    user("the user whose event it is"),
    Column("sequence", BigInteger, nullable=False, comment="the event in the user's log"),
    text("consumer", "who has taken it in"),
    stamp("consumed_at", "when, by the clock of the database"),
    PrimaryKeyConstraint("user_id", "sequence", "consumer"),
    comment="Which events have had their effect, so that none has it twice.",
)

wishes = Table(
    "wishes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True, comment="grows in the order of saving"),
    user(),
    text("kind", "the name of the wish"),
    document("body", "the wish"),
    moment("created_at", "when it was made"),
    moment("done_at", "when it was carried out", nullable=True),
    Index(None, "user_id", "id"),
    Index("ix_wishes_pending", "user_id", "id", postgresql_where="done_at is null"),
    comment="What a fund wants done outside, until it is.",
)

paper_runs = Table(
    "paper_runs",
    metadata,
    primary_id(),
    # In the order of starting: the times of a replay are those of its candles.
    Column(
        "number",
        BigInteger,
        Identity(),
        nullable=False,
        unique=True,
        comment="in the order of starting",
    ),
    user(),
    uuid("strategy_id", "the portfolio that trades"),
    text("fingerprint", "the same for runs with the same plan and candles"),
    document("plan", "what was asked for"),
    document("venue", "the state of the paper venue"),
    moment("closed_through", "the last candles lived through, by open_time", nullable=True),
    moment("finished_at", "the end of the candles, once reached", nullable=True),
    moment("started_at", "the first candle"),
    refers("strategy_id", "strategies"),
    Index(None, "user_id"),
    Index(None, "fingerprint"),
    comment="Funds trading past candles, and how far each has come.",
)
