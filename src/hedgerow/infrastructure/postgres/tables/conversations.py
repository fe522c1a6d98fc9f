"""What agents say to each other, and the variables that it leaves.

ADK knows users by text. Row-level security compares it, so it has one spelling. Research that all
users share is of RESEARCH_USER_ID, who is no user: no foreign key leads to `users`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from hedgerow.infrastructure.postgres.tables.columns import (
    document,
    metadata,
    moment,
    primary_id,
    referable,
    text,
    uuid,
)

# Events of a page. While a page is open each new event writes it anew.
PAGE_EVENTS: Final = 64
_ONE_SPELLING: Final = "user_id = cast(cast(user_id as uuid) as text)"

sessions = Table(
    "sessions",
    metadata,
    primary_id(),
    text("app_name", "the ADK application"),
    text("user_id", "the user's id, as text"),
    text("session_id", "the ADK session"),
    document("state", "variables; see domain/sessions.py for their prefixes"),
    document("events", "the conversation after its last full page, in order"),
    moment("created_at", "when it began"),
    moment("updated_at", "its latest event"),
    Column("version", BigInteger, nullable=False, comment="how many events were ever appended"),
    CheckConstraint(_ONE_SPELLING, "user_id"),
    CheckConstraint("jsonb_typeof(state) = 'object'", "state"),
    CheckConstraint("jsonb_typeof(events) = 'array'", "events"),
    CheckConstraint(f"jsonb_array_length(events) = version % {PAGE_EVENTS}", "version"),
    UniqueConstraint("user_id", "app_name", "session_id"),
    referable(),
    comment="Conversations of agents.",
)

session_pages = Table(
    "session_pages",
    metadata,
    uuid("session_row_id", "the session, by the id of its row"),
    text("user_id", "the user's id, as text"),
    Column(
        "first_sequence",
        BigInteger,
        nullable=False,
        comment="which event of the session its first one is, from 1",
    ),
    document("events", "events in order"),
    PrimaryKeyConstraint("user_id", "session_row_id", "first_sequence"),
    ForeignKeyConstraint(
        ["user_id", "session_row_id"], ["sessions.user_id", "sessions.id"], ondelete="CASCADE"
    ),
    CheckConstraint(f"first_sequence > 0 and first_sequence % {PAGE_EVENTS} = 1", "first_sequence"),
    CheckConstraint(f"jsonb_array_length(events) = {PAGE_EVENTS}", "events"),
    comment="Full pages of conversations. Append-only; they go with their session.",
)

session_states = Table(
    "session_states",
    metadata,
    text("app_name", "the ADK application"),
    text("user_id", "the user's id, as text; none for what all users share", nullable=True),
    document("state", "variables; see domain/sessions.py for their prefixes"),
    CheckConstraint(_ONE_SPELLING, "user_id"),
    CheckConstraint("jsonb_typeof(state) = 'object'", "state"),
    UniqueConstraint("user_id", "app_name", postgresql_nulls_not_distinct=True),
    comment="Variables that the sessions of a user share, or those of all users.",
)
