"""What agents remember, and what trades have taught."""

from __future__ import annotations

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from hedgerow.domain.journal import MarketRegime
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import EMBEDDING_DIMENSIONS, MemoryScope, MemoryType
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.infrastructure.postgres.tables.columns import (
    choice,
    count,
    document,
    flag,
    metadata,
    moment,
    not_negative,
    number,
    positive,
    primary_id,
    real,
    refers,
    share,
    stamp,
    text,
    texts,
    user,
    uuid,
)

EXIT_IS_UNJUDGED = "was_correct_exit is null"

memories = Table(
    "memories",
    metadata,
    primary_id(),
    choice("scope", MemoryScope, "who it is for"),
    Column("user_id", Uuid, ForeignKey("users.id"), comment="whose it is; none for collective"),
    text("agent_id", "the agent that made it"),
    text("session_id", "the ADK session it was made in", nullable=True),
    choice("type", MemoryType, "what kind of thing is remembered"),
    text("content", "the memory"),
    Column(
        "content_words",
        TSVECTOR,
        Computed("to_tsvector('english', content)", persisted=True),
        nullable=False,
        comment="the words of the content, to search by",
    ),
    Column(
        "embedding",
        Vector(EMBEDDING_DIMENSIONS),
        nullable=False,
        comment="its vector, padded with zeros",
    ),
    text("embedding_model", "the model; vectors of different ones are never compared"),
    count("embedding_dimensions", "how many numbers the model gave, before padding"),
    real("validation_score", "how often it was borne out, 0 to 1"),
    count("validation_trades", "how many trades have tested it"),
    text("symbol", "the symbol it is about", nullable=True),
    choice("timeframe", Timeframe, "the candles it is about", nullable=True),
    real("importance", "its weight, 0 to 1"),
    texts("tags", "words to find it by"),
    document("metadata", "whatever else is known of it"),
    text("personality", "the risk profile a collective memory suits", nullable=True),
    Column("source_user_id", Uuid, ForeignKey("users.id"), comment="who found a collective memory"),
    Column("source_trade_id", Uuid, ForeignKey("positions.id"), comment="the trade it came from"),
    moment("created_at", "from when it was known"),
    stamp("updated_at", "when the row last changed, by the clock of the database"),
    moment("expires_at", "when it is forgotten; never, where absent", nullable=True),
    moment("last_validated_at", "when the last trade that tested it ended", nullable=True),
    *share("importance", "validation_score"),
    *not_negative("validation_trades"),
    CheckConstraint(
        f"embedding_dimensions between 1 and {EMBEDDING_DIMENSIONS}", "embedding_dimensions"
    ),
    CheckConstraint("(scope = 'collective') = (user_id is null)", "owner"),
    # What a user remembers comes from their own trades: others' count as their evidence.
    CheckConstraint(
        "user_id is null or source_user_id is null or source_user_id = user_id", "source"
    ),
    refers("source_trade_id", "positions"),
    # All can read it: it must not point into anybody's conversation.
    CheckConstraint("scope <> 'collective' or session_id is null", "collective_has_no_session"),
    CheckConstraint("scope <> 'working' or expires_at is not null", "working_has_expires_at"),
    Index(None, "user_id", "type", "symbol"),
    Index(None, "source_trade_id"),
    Index(
        "ix_memories_shared_embedding",
        literal_column("(embedding::halfvec(1536))").label("half"),
        postgresql_using="hnsw",
        postgresql_ops={"half": "halfvec_cosine_ops"},
        postgresql_where="scope = 'collective'",
    ),
    Index(
        "ix_memories_shared_words",
        "content_words",
        postgresql_using="gin",
        postgresql_where="scope = 'collective'",
    ),
    Index("ix_memories_shared_symbol", "symbol", "type", postgresql_where="scope = 'collective'"),
    Index(
        "ix_memories_shared_created_at",
        "created_at",
        postgresql_where="scope = 'collective' and expires_at is null",
    ),
    comment="What agents remember: of one user, of all, or for a while.",
)

memory_validations = Table(
    "memory_validations",
    metadata,
    Column(
        "memory_id",
        Uuid,
        ForeignKey("memories.id"),
        nullable=False,
        comment="the memory that was used",
    ),
    uuid("trade_id", "the trade that used it"),
    user(),
    flag("was_right", "whether the trade bore it out"),
    moment("at", "when the trade ended"),
    refers("trade_id", "positions"),
    PrimaryKeyConstraint("memory_id", "trade_id"),
    Index(None, "user_id"),
    comment="Which trades have tested which memories, each once. Append-only.",
)

journal_entries = Table(
    "journal_entries",
    metadata,
    primary_id(),
    user(),
    uuid("trade_id", "the position it is about"),
    text("symbol", "BASE/QUOTE"),
    choice("side", PositionSide, "long or short"),
    number("entry_price", "the average entry price"),
    number("exit_price", "the average exit price"),
    number("size", "all that was opened, base currency"),
    number("pnl", "profit after fees and funding"),
    number("pnl_percent", "the same, in per cent of the entry cost"),
    number("fees", "fees paid"),
    text("strategy_used", "the play"),
    choice("timeframe", Timeframe, "the candles it was decided by"),
    choice("setup_type", SetupType, "the kind of entry"),
    choice("market_regime", MarketRegime, "the regime at entry, as the journal groups it"),
    text("entry_reasoning", "why it was opened"),
    text("exit_reasoning", "why it was closed"),
    real("confidence_score", "how sure the agent was, 0 to 1"),
    real("rsi_at_entry", "relative strength index, 0 to 100"),
    real("atr_at_entry", "average true range, quote currency"),
    real("volume_at_entry", "the candle's volume, base currency"),
    flag("was_correct_entry", "whether the market went further with it than against it"),
    flag("was_correct_exit", "judged once, by the candles that followed", nullable=True),
    number("max_drawdown", "the lowest profit while open, at most 0"),
    number("max_profit", "the highest profit while open, at least 0"),
    Column("hold_duration", BigInteger, nullable=False, comment="seconds"),
    Column("lessons_learned", Text, nullable=False, comment="the post-mortem"),
    Column("improvement_tips", Text, nullable=False, comment="what to do better"),
    moment("created_at", "when the trade ended"),
    stamp("updated_at", "when the row last changed, by the clock of the database"),
    refers("trade_id", "positions"),
    UniqueConstraint("trade_id"),
    *positive("entry_price", "exit_price", "size"),
    *share("confidence_score"),
    *not_negative("hold_duration", "max_profit"),
    CheckConstraint("max_drawdown <= 0", "max_drawdown"),
    Index(None, "user_id", "created_at"),
    Index(
        "ix_journal_entries_unjudged", "user_id", "created_at", postgresql_where=EXIT_IS_UNJUDGED
    ),
    comment="The trade journal. Facts never change; the exit is judged once.",
)
