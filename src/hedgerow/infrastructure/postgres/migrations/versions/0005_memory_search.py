"""Memories are found by words as well, and shared ones fast."""

from __future__ import annotations

from alembic import op

revision = "0005_memory_search"
down_revision = "0004_events_that_travel"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move forward."""
    op.execute(
        "ALTER TABLE memories ADD COLUMN content_words tsvector NOT NULL "
        "GENERATED ALWAYS AS (to_tsvector('english', content)) STORED"
    )
    op.execute(
        "COMMENT ON COLUMN memories.content_words IS 'the words of the content, to search by'"
    )
    # A user's own memories are few and searched exactly, by the B-tree that leads with user_id.
    # What all users share grows without bound, so only that is in these indexes.
    op.execute(
        "CREATE INDEX ix_memories_shared_embedding ON memories "
        "USING hnsw ((embedding::halfvec(1536)) halfvec_cosine_ops) WHERE scope = 'collective'"
    )
    op.execute(
        "CREATE INDEX ix_memories_shared_words ON memories "
        "USING gin (content_words) WHERE scope = 'collective'"
    )
    op.execute(
        "CREATE INDEX ix_memories_shared_symbol ON memories (symbol, type) "
        "WHERE scope = 'collective'"
    )
    op.execute(
        "CREATE INDEX ix_memories_shared_created_at ON memories (created_at) "
        "WHERE scope = 'collective' AND expires_at IS NULL"
    )
