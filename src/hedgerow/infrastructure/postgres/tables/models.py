"""What models were asked and answered, what it may cost, and the meetings it was for.

Research that all users share is of RESEARCH_USER_ID, who is no user: no foreign key leads to
`users`.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
)

from hedgerow.domain.ai_usage import AIProvider
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.postgres.tables.columns import (
    choice,
    count,
    digest,
    document,
    metadata,
    moment,
    not_negative,
    number,
    primary_id,
    text,
    uuid,
)

RESERVATION_IS_PENDING = "settled_at is null"
CALL_IS_UNLOGGED = "usage_log is not null"
_WHOSE = "the user it belongs to, or the one of shared research"

model_contents = Table(
    "model_contents",
    metadata,
    uuid("user_id", _WHOSE),
    digest("hash", "SHA-256 of what the body unpacks to"),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        comment="a request or an answer as canonical JSON, compressed by Zstandard",
    ),
    PrimaryKeyConstraint("user_id", "hash"),
    CheckConstraint("octet_length(hash) = 32", "hash"),
    comment="What models were asked and answered, each content once. Append-only.",
)

model_calls = Table(
    "model_calls",
    metadata,
    uuid("call_id", "the call"),
    uuid("user_id", _WHOSE),
    text("session_id", "the ADK session it was made in"),
    text("agent_name", "the agent that asked"),
    count("step", "the calls of a session, counted from 0"),
    choice("asked_provider", AIProvider, "who runs the model that the agent asks for"),
    text("asked_model", "the model that the agent asks for"),
    choice("answered_provider", AIProvider, "who runs the model that answered"),
    text("answered_model", "the model that answered"),
    digest("request_key", "SHA-256 of the request, model included"),
    digest("request_hash", "the content that was asked"),
    digest("response_hash", "the content that was answered"),
    moment("at", "when it was asked"),
    PrimaryKeyConstraint("user_id", "call_id"),
    *(
        ForeignKeyConstraint(["user_id", name], ["model_contents.user_id", "model_contents.hash"])
        for name in ("request_hash", "response_hash")
    ),
    CheckConstraint("octet_length(request_key) = 32", "request_key"),
    *not_negative("step"),
    Index(None, "user_id", "request_key", "at"),
    Index(None, "user_id", "session_id", "step"),
    comment="Calls of models, to be answered again from here. Append-only.",
)

desk_meetings = Table(
    "desk_meetings",
    metadata,
    primary_id(),
    uuid("user_id", _WHOSE),
    text("symbol", "BASE/QUOTE"),
    choice("timeframe", Timeframe, "the candles it was held over"),
    moment("at", "when it was held"),
    text("session_id", "the ADK session it was held in"),
    text("research_session_id", "the ADK session of the shared research", nullable=True),
    text("reason", "why the desk met"),
    document("answers", "what each agent answered, by its name"),
    document("briefing", "all that it was given"),
    document("decision", "what it decided"),
    digest("decision_hash", "SHA-256 of the decision's canonical JSON"),
    Column("acted", Boolean, nullable=False, comment="whether it decided more than to abstain"),
    document("abstained", "why agents could not answer, by their names"),
    CheckConstraint("jsonb_typeof(briefing) = 'object'", "briefing"),
    CheckConstraint("jsonb_typeof(decision) = 'object'", "decision"),
    CheckConstraint("octet_length(decision_hash) = 32", "decision_hash"),
    Index(None, "user_id", "at"),
    Index(None, "session_id"),
    Index(None, "acted", "at"),
    comment="Meetings of the desk: what each was given, and what came of it.",
)

ai_budgets = Table(
    "ai_budgets",
    metadata,
    uuid("user_id", _WHOSE),
    Column("month", Date, nullable=False, comment="its first day (UTC)"),
    count("requests_spent", "calls that are settled"),
    count("requests_reserved", "calls under way"),
    number("usd_spent", "what settled calls cost, US dollars"),
    number("usd_reserved", "what calls under way may cost, US dollars"),
    count("told_pct", "the highest share of a limit the user was told of, in per cent"),
    PrimaryKeyConstraint("user_id", "month"),
    *not_negative(
        *("requests_spent", "requests_reserved", "usd_spent", "usd_reserved", "told_pct"),
    ),
    comment="What each user's month of model calls holds.",
)

ai_reservations = Table(
    "ai_reservations",
    metadata,
    uuid("user_id", _WHOSE),
    uuid("call_id", "the attempt at a call: one that is asked again is another one"),
    Column("month", Date, nullable=False, comment="the month it counts in, by its first day"),
    moment("reserved_at", "when it was set aside"),
    number("estimate_usd", "what it was expected to cost, US dollars"),
    moment(
        "settled_at",
        "when it was counted; if abandoned, the time it was counted for",
        nullable=True,
    ),
    number("settled_usd", "what it was counted at, US dollars", nullable=True),
    document("usage_log", "the row of ai_usage_logs, until ClickHouse has it", nullable=True),
    PrimaryKeyConstraint("user_id", "call_id"),
    ForeignKeyConstraint(["user_id", "month"], ["ai_budgets.user_id", "ai_budgets.month"]),
    CheckConstraint("(settled_at is null) = (settled_usd is null)", "settled"),
    CheckConstraint("usage_log is null or settled_at is not null", "usage_log"),
    *not_negative("estimate_usd", "settled_usd"),
    Index("ix_ai_reservations_pending", "reserved_at", postgresql_where=RESERVATION_IS_PENDING),
    Index("ix_ai_reservations_unlogged", "call_id", postgresql_where=CALL_IS_UNLOGGED),
    comment="Calls of models that money was set aside for, each counted once.",
)
