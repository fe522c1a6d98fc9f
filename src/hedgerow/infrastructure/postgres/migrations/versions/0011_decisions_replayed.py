"""What a decision is replayed by: why agents were silent, and how memories stood at a moment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011_decisions_replayed"
down_revision = "0010_models_and_budgets"
branch_labels = None
depends_on = None

# Trades right are a whole number: the score is worked out from it, so that in whatever order
# validations are counted, or taken back for an earlier moment, not a bit of it differs.
COUNT_VALIDATIONS = """
CREATE OR REPLACE FUNCTION hedgerow_count_validation() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE memories SET
        validation_score = least(1, (round(validation_score * (validation_trades + 2))
            + NEW.was_right::int) / (validation_trades + 3)),
        validation_trades = validation_trades + 1,
        last_validated_at = greatest(last_validated_at, NEW.at)
        WHERE id = NEW.memory_id;
    RETURN NULL;
END $$
"""
# Users may not see whose trades validate what all share, only how many have. It acts as the
# worker, who sees every validation.
VALIDATED_SINCE = """
CREATE FUNCTION hedgerow_validated_since(ids uuid[], since timestamptz)
RETURNS TABLE (memory_id uuid, trades integer, borne_out integer) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT v.memory_id, count(*)::integer, (count(*) FILTER (WHERE v.was_right))::integer
    FROM memory_validations v JOIN memories m ON m.id = v.memory_id
    WHERE v.memory_id = ANY (ids) AND m.scope = 'collective' AND v.at > since
    GROUP BY v.memory_id
$$
"""
# The worker sees all rows and owns what acts in its name; the owner of the tables does neither.
AS_WORKER = (
    "GRANT CREATE ON SCHEMA public TO hedgerow_worker",
    "SET LOCAL ROLE hedgerow_worker",
    "UPDATE memories m SET last_validated_at = v.at FROM"
    " (SELECT memory_id, max(at) AS at FROM memory_validations GROUP BY memory_id) v"
    " WHERE v.memory_id = m.id",
    COUNT_VALIDATIONS,
    VALIDATED_SINCE,
    "REVOKE EXECUTE ON FUNCTION hedgerow_validated_since(uuid[], timestamptz) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION hedgerow_validated_since(uuid[], timestamptz) TO hedgerow_app",
    "RESET ROLE",
    "REVOKE CREATE ON SCHEMA public FROM hedgerow_worker",
)


def upgrade() -> None:
    """Move forward."""
    op.add_column(
        "desk_meetings",
        sa.Column(
            "abstained",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
            comment="why agents could not answer, by their names",
        ),
    )
    op.alter_column("desk_meetings", "abstained", server_default=None)
    op.add_column(
        "memories",
        sa.Column(
            "last_validated_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the last trade that tested it ended",
        ),
    )
    for statement in AS_WORKER:
        op.execute(statement)
