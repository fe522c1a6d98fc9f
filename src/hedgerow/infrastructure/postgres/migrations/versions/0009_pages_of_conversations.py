"""Conversations in pages, variables that sessions share, and research that all users read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009_pages_of_conversations"
down_revision = "0008_one_exchange_of_each_regime"
branch_labels = None
depends_on = None

# Whose rows all users read and only the system writes: RESEARCH_USER_ID of domain/sessions.py.
RESEARCH = "00000000-0000-8000-8000-6d61726b6574"
ACTING = "(SELECT nullif(current_setting('hedgerow.user_id', true), '')::uuid)::text"

# What is user-level stood in each session of the user: the session changed last is right. What was
# meant for all users was never shared, and stays where it is; temporary variables go.
CARRIED = (
    """
INSERT INTO session_states (app_name, user_id, state)
SELECT app_name, user_id, jsonb_object_agg(key, value) FROM (
    SELECT DISTINCT ON (s.app_name, s.user_id, v.key) s.app_name, s.user_id, v.key, v.value
    FROM sessions s, jsonb_each(s.state) v WHERE starts_with(v.key, '_user_')
    ORDER BY s.app_name, s.user_id, v.key, s.updated_at DESC, s.id DESC
) latest GROUP BY app_name, user_id
""",
    """
INSERT INTO session_pages (session_row_id, user_id, first_sequence, events)
SELECT s.id, s.user_id, (e.place - 1) / 64 * 64 + 1, jsonb_agg(e.event ORDER BY e.place)
FROM sessions s, jsonb_array_elements(s.events) WITH ORDINALITY e (event, place)
WHERE e.place <= jsonb_array_length(s.events) / 64 * 64
GROUP BY s.id, s.user_id, (e.place - 1) / 64
""",
    """
UPDATE sessions SET
    version = jsonb_array_length(events),
    events = (
        SELECT coalesce(jsonb_agg(e.event ORDER BY e.place), '[]')
        FROM jsonb_array_elements(events) WITH ORDINALITY e (event, place)
        WHERE e.place > jsonb_array_length(events) / 64 * 64
    ),
    state = (
        SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(state) v
        WHERE NOT starts_with(v.key, '_user_') AND NOT starts_with(v.key, '_temp_')
    )
""",
)

# Who acts as the user that research is of writes nothing either: only the system does.
POLICIES = (
    "DROP POLICY own_rows ON sessions",
    *(
        statement
        for table in ("sessions", "session_pages", "session_states")
        for statement in (
            f"CREATE POLICY own_rows ON {table} TO hedgerow_app"
            f" USING (user_id = {ACTING} AND user_id <> '{RESEARCH}')"
            f" WITH CHECK (user_id = {ACTING} AND user_id <> '{RESEARCH}')",
            f"CREATE POLICY research_read ON {table} FOR SELECT TO hedgerow_app"
            f" USING (user_id = '{RESEARCH}')",
        )
    ),
    "CREATE POLICY shared_read ON session_states FOR SELECT TO hedgerow_app"
    " USING (user_id IS NULL)",
    *(
        statement
        for table in ("session_pages", "session_states")
        for statement in (
            f"CREATE POLICY all_rows ON {table} TO hedgerow_worker USING (true) WITH CHECK (true)",
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        )
    ),
)
GRANTS = (
    # Pages go with their session, by its foreign key, and in no other way.
    "GRANT DELETE ON sessions TO hedgerow_app, hedgerow_worker",
    "GRANT SELECT, INSERT ON session_pages TO hedgerow_app, hedgerow_worker",
    "GRANT SELECT, INSERT, UPDATE ON session_states TO hedgerow_app, hedgerow_worker",
)
STAYS = (
    "CREATE TRIGGER stays_as_written BEFORE UPDATE ON session_pages"
    " FOR EACH ROW EXECUTE FUNCTION hedgerow_refuse_change()",
    "CREATE TRIGGER stays_whole BEFORE TRUNCATE ON session_pages"
    " FOR EACH STATEMENT EXECUTE FUNCTION hedgerow_refuse_change()",
)


def upgrade() -> None:
    """Move forward."""
    op.add_column(
        "sessions",
        sa.Column(
            "version", sa.BigInteger(), nullable=True, comment="how many events were ever appended"
        ),
    )
    op.create_unique_constraint(op.f("uq_sessions_user_id_id"), "sessions", ["user_id", "id"])
    _make_pages()
    _make_states()
    for statement in CARRIED:
        op.execute(statement)
    op.alter_column("sessions", "version", nullable=False)
    op.create_check_constraint(
        op.f("ck_sessions_version"), "sessions", "jsonb_array_length(events) = version % 64"
    )
    # The open page is written anew with each event: packing it each time would take longest.
    op.execute("ALTER TABLE sessions ALTER COLUMN events SET STORAGE EXTERNAL")
    op.execute(
        "COMMENT ON COLUMN sessions.events IS 'the conversation after its last full page, in order'"
    )
    op.execute("COMMENT ON COLUMN sessions.updated_at IS 'its latest event'")
    for statement in (*POLICIES, *GRANTS, *STAYS):
        op.execute(statement)


def _make_pages() -> None:
    op.create_table(
        "session_pages",
        sa.Column(
            "session_row_id", sa.Uuid(), nullable=False, comment="the session, by the id of its row"
        ),
        sa.Column("user_id", sa.Text(), nullable=False, comment="the user's id, as text"),
        sa.Column(
            "first_sequence",
            sa.BigInteger(),
            nullable=False,
            comment="which event of the session its first one is, from 1",
        ),
        sa.Column(
            "events",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="events in order",
        ),
        sa.CheckConstraint(
            "first_sequence > 0 and first_sequence % 64 = 1",
            name=op.f("ck_session_pages_first_sequence"),
        ),
        sa.CheckConstraint("jsonb_array_length(events) = 64", name=op.f("ck_session_pages_events")),
        sa.ForeignKeyConstraint(
            ["user_id", "session_row_id"],
            ["sessions.user_id", "sessions.id"],
            name=op.f("fk_session_pages_user_id_session_row_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "user_id", "session_row_id", "first_sequence", name=op.f("pk_session_pages")
        ),
        comment="Full pages of conversations. Append-only; they go with their session.",
    )


def _make_states() -> None:
    op.create_table(
        "session_states",
        sa.Column("app_name", sa.Text(), nullable=False, comment="the ADK application"),
        sa.Column(
            "user_id",
            sa.Text(),
            nullable=True,
            comment="the user's id, as text; none for what all users share",
        ),
        sa.Column(
            "state",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="variables; see domain/sessions.py for their prefixes",
        ),
        sa.CheckConstraint(
            "user_id = cast(cast(user_id as uuid) as text)", name=op.f("ck_session_states_user_id")
        ),
        sa.CheckConstraint("jsonb_typeof(state) = 'object'", name=op.f("ck_session_states_state")),
        sa.UniqueConstraint(
            "user_id",
            "app_name",
            name=op.f("uq_session_states_user_id_app_name"),
            postgresql_nulls_not_distinct=True,
        ),
        comment="Variables that the sessions of a user share, or those of all users.",
    )
