"""What models were asked and answered, what it may cost, and the meetings it was for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010_models_and_budgets"
down_revision = "0009_pages_of_conversations"
branch_labels = None
depends_on = None

# Whose rows all users read and only the system writes: RESEARCH_USER_ID of domain/sessions.py.
RESEARCH = "00000000-0000-8000-8000-6d61726b6574"
ACTING = "(SELECT nullif(current_setting('hedgerow.user_id', true), '')::uuid)"
OWN = f"user_id = {ACTING} AND user_id <> '{RESEARCH}'"
RECORDS = ("model_contents", "model_calls", "desk_meetings")
BUDGETS = ("ai_budgets", "ai_reservations")
WHOSE = "the user it belongs to, or the one of shared research"
PROVIDERS = ("anthropic", "openai", "google", "deepseek", "compatible", "house")
NEVER = "('NaN', 'Infinity', '-Infinity')"

POLICIES = tuple(
    statement
    for table in (*RECORDS, *BUDGETS)
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY own_rows ON {table} TO hedgerow_app USING ({OWN}) WITH CHECK ({OWN})",
        f"CREATE POLICY all_rows ON {table} TO hedgerow_worker USING (true) WITH CHECK (true)",
    )
)
RESEARCH_READ = tuple(
    f"CREATE POLICY research_read ON {table} FOR SELECT TO hedgerow_app"
    f" USING (user_id = '{RESEARCH}')"
    for table in RECORDS
)
GRANTS = (
    "GRANT SELECT, INSERT ON model_contents, model_calls TO hedgerow_app, hedgerow_worker",
    "GRANT SELECT, INSERT, UPDATE ON desk_meetings, ai_budgets TO hedgerow_app, hedgerow_worker",
    # What was set aside for a call that was never sent is given back.
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ai_reservations TO hedgerow_app, hedgerow_worker",
)
STAYS = tuple(
    statement
    for table in ("model_contents", "model_calls")
    for statement in (
        f"CREATE TRIGGER stays_as_written BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION hedgerow_refuse_change()",
        f"CREATE TRIGGER stays_whole BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION hedgerow_refuse_change()",
    )
)


def upgrade() -> None:
    """Move forward."""
    _make_contents()
    _make_calls()
    _make_meetings()
    _make_budgets()
    _make_reservations()
    for statement in (*POLICIES, *RESEARCH_READ, *GRANTS, *STAYS):
        op.execute(statement)


def _make_contents() -> None:
    op.create_table(
        "model_contents",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment=WHOSE),
        sa.Column(
            "hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of what the body unpacks to",
        ),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="a request or an answer as canonical JSON, compressed by Zstandard",
        ),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_model_contents_hash")),
        sa.PrimaryKeyConstraint("user_id", "hash", name=op.f("pk_model_contents")),
        comment="What models were asked and answered, each content once. Append-only.",
    )


def _make_calls() -> None:
    op.create_table(
        "model_calls",
        sa.Column("call_id", sa.Uuid(), nullable=False, comment="the call"),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment=WHOSE),
        sa.Column(
            "session_id", sa.Text(), nullable=False, comment="the ADK session it was made in"
        ),
        sa.Column("agent_name", sa.Text(), nullable=False, comment="the agent that asked"),
        sa.Column(
            "step",
            sa.Integer(),
            nullable=False,
            comment="the calls of a session, counted from 0",
        ),
        _provider("asked_provider", "who runs the model that the agent asks for"),
        sa.Column(
            "asked_model", sa.Text(), nullable=False, comment="the model that the agent asks for"
        ),
        _provider("answered_provider", "who runs the model that answered"),
        sa.Column("answered_model", sa.Text(), nullable=False, comment="the model that answered"),
        sa.Column(
            "request_key",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the request, model included",
        ),
        sa.Column(
            "request_hash", sa.LargeBinary(), nullable=False, comment="the content that was asked"
        ),
        sa.Column(
            "response_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="the content that was answered",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was asked"),
        sa.CheckConstraint(
            "octet_length(request_key) = 32", name=op.f("ck_model_calls_request_key")
        ),
        sa.CheckConstraint("step >= 0", name=op.f("ck_model_calls_step")),
        *(
            sa.ForeignKeyConstraint(
                ["user_id", name],
                ["model_contents.user_id", "model_contents.hash"],
                name=op.f(f"fk_model_calls_user_id_{name}"),
            )
            for name in ("request_hash", "response_hash")
        ),
        sa.PrimaryKeyConstraint("user_id", "call_id", name=op.f("pk_model_calls")),
        comment="Calls of models, to be answered again from here. Append-only.",
    )
    op.create_index(
        op.f("ix_model_calls_user_id_request_key_at"),
        "model_calls",
        ["user_id", "request_key", "at"],
    )
    op.create_index(
        op.f("ix_model_calls_user_id_session_id_step"),
        "model_calls",
        ["user_id", "session_id", "step"],
    )


def _provider(name: str, comment: str) -> sa.Column[str]:
    return sa.Column(name, _choice(name, *PROVIDERS), nullable=False, comment=comment)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _make_meetings() -> None:
    op.create_table(
        "desk_meetings",
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="UUIDv7; begins with the time it was made"
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment=WHOSE),
        sa.Column("symbol", sa.Text(), nullable=False, comment="BASE/QUOTE"),
        sa.Column(
            "timeframe",
            _choice("timeframe", "1m", "5m", "15m", "1h", "4h", "1d"),
            nullable=False,
            comment="the candles it was held over",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was held"),
        sa.Column(
            "session_id", sa.Text(), nullable=False, comment="the ADK session it was held in"
        ),
        sa.Column(
            "research_session_id",
            sa.Text(),
            nullable=True,
            comment="the ADK session of the shared research",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="why the desk met"),
        sa.Column(
            "answers",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what each agent answered, by its name",
        ),
        sa.Column(
            "briefing",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="all that it was given",
        ),
        sa.Column(
            "decision",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what it decided",
        ),
        sa.Column(
            "decision_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the decision's canonical JSON",
        ),
        sa.Column(
            "acted",
            sa.Boolean(),
            nullable=False,
            comment="whether it decided more than to abstain",
        ),
        sa.CheckConstraint(
            "jsonb_typeof(briefing) = 'object'", name=op.f("ck_desk_meetings_briefing")
        ),
        sa.CheckConstraint(
            "jsonb_typeof(decision) = 'object'", name=op.f("ck_desk_meetings_decision")
        ),
        sa.CheckConstraint(
            "octet_length(decision_hash) = 32", name=op.f("ck_desk_meetings_decision_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_meetings")),
        comment="Meetings of the desk: what each was given, and what came of it.",
    )
    op.create_index(op.f("ix_desk_meetings_user_id_at"), "desk_meetings", ["user_id", "at"])
    op.create_index(op.f("ix_desk_meetings_session_id"), "desk_meetings", ["session_id"])
    op.create_index(op.f("ix_desk_meetings_acted_at"), "desk_meetings", ["acted", "at"])


def _make_budgets() -> None:
    counts = {
        "requests_spent": "calls that are settled",
        "requests_reserved": "calls under way",
    }
    sums = {
        "usd_spent": "what settled calls cost, US dollars",
        "usd_reserved": "what calls under way may cost, US dollars",
    }
    op.create_table(
        "ai_budgets",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment=WHOSE),
        sa.Column("month", sa.Date(), nullable=False, comment="its first day (UTC)"),
        *(sa.Column(name, sa.Integer(), nullable=False, comment=c) for name, c in counts.items()),
        *(sa.Column(name, sa.Numeric(), nullable=False, comment=c) for name, c in sums.items()),
        sa.Column(
            "told_pct",
            sa.Integer(),
            nullable=False,
            comment="the highest share of a limit the user was told of, in per cent",
        ),
        *(
            sa.CheckConstraint(f"{name} >= 0", name=op.f(f"ck_ai_budgets_{name}"))
            for name in (*counts, *sums, "told_pct")
        ),
        sa.CheckConstraint(
            f"usd_spent not in {NEVER} and usd_reserved not in {NEVER}",
            name=op.f("ck_ai_budgets_finite"),
        ),
        sa.PrimaryKeyConstraint("user_id", "month", name=op.f("pk_ai_budgets")),
        comment="What each user's month of model calls holds.",
    )


def _make_reservations() -> None:
    op.create_table(
        "ai_reservations",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment=WHOSE),
        sa.Column("call_id", sa.Uuid(), nullable=False, comment="the call"),
        sa.Column(
            "month",
            sa.Date(),
            nullable=False,
            comment="the month it counts in, by its first day",
        ),
        sa.Column(
            "reserved_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was set aside",
        ),
        sa.Column(
            "estimate_usd",
            sa.Numeric(),
            nullable=False,
            comment="what it was expected to cost, US dollars",
        ),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was counted; if abandoned, the time it was counted for",
        ),
        sa.Column(
            "settled_usd",
            sa.Numeric(),
            nullable=True,
            comment="what it was counted at, US dollars",
        ),
        sa.CheckConstraint(
            "(settled_at is null) = (settled_usd is null)",
            name=op.f("ck_ai_reservations_settled"),
        ),
        *(
            sa.CheckConstraint(f"{name} >= 0", name=op.f(f"ck_ai_reservations_{name}"))
            for name in ("estimate_usd", "settled_usd")
        ),
        sa.CheckConstraint(
            f"estimate_usd not in {NEVER} and settled_usd not in {NEVER}",
            name=op.f("ck_ai_reservations_finite"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "month"],
            ["ai_budgets.user_id", "ai_budgets.month"],
            name=op.f("fk_ai_reservations_user_id_month"),
        ),
        sa.PrimaryKeyConstraint("user_id", "call_id", name=op.f("pk_ai_reservations")),
        comment="Calls of models that money was set aside for, each counted once.",
    )
    op.create_index(
        "ix_ai_reservations_pending",
        "ai_reservations",
        ["reserved_at"],
        postgresql_where=sa.text("settled_at is null"),
    )
