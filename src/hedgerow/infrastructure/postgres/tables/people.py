"""Participants, their tiers, their exchange accounts, and the head of each one's fund."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Uuid

from hedgerow.domain.limits import TierName
from hedgerow.domain.market import Exchange
from hedgerow.infrastructure.postgres.tables.columns import (
    choice,
    count,
    digest,
    document,
    flag,
    metadata,
    moment,
    not_negative,
    primary_id,
    referable,
    sealed,
    stamps,
    text,
    texts,
    user,
    user_key,
)

limit_profiles = Table(
    "limit_profiles",
    metadata,
    primary_id(),
    choice("name", TierName, "the tier"),
    text("description", "what the tier is for"),
    document("limits", "maxima by name, in counts and USD; see domain/limits.py"),
    flag("is_active", "whether users may be given this tier"),
    *stamps(),
    CheckConstraint("jsonb_typeof(limits) = 'object'", "limits"),
    Index("uq_limit_profiles_name", "name", unique=True),
    comment="Usage limits by subscription tier; shared by all users.",
)

users = Table(
    "users",
    metadata,
    primary_id(),
    Column("telegram_id", BigInteger, unique=True, comment="the linked Telegram chat"),
    text("telegram_username", "as Telegram shows it", nullable=True),
    text("first_name", "as the user gave it"),
    text("last_name", "as the user gave it"),
    flag("is_active", "whether the account may be used"),
    flag("is_premium", "whether the tier is paid for"),
    Column(
        "limit_profile_id",
        Uuid,
        ForeignKey("limit_profiles.id"),
        nullable=False,
        comment="the tier that bounds the user's fund",
    ),
    document("settings", "the user's own bounds and preferences; see domain/users.py"),
    moment("created_at", "when the user joined"),
    moment("updated_at", "when the user's row last changed"),
    CheckConstraint("jsonb_typeof(settings) = 'object'", "settings"),
    Index(None, "limit_profile_id"),
    comment="Participants; each runs one fund.",
)

exchange_accounts = Table(
    "exchange_accounts",
    metadata,
    primary_id(),
    user(),
    choice("exchange", Exchange, "the exchange"),
    text("label", "the user's name for it"),
    sealed("api_key_encrypted", "AES-256 ciphertext of the API key"),
    sealed("secret_encrypted", "AES-256 ciphertext of the API secret"),
    sealed("passphrase", "AES-256 ciphertext of the passphrase (OKX)"),
    flag("is_testnet", "paper trading"),
    texts("permissions", "what the keys may do: spot, futures, read, trade"),
    flag("is_active", "false once the keys have failed"),
    moment("last_sync_at", "the last reconciliation with the exchange", nullable=True),
    sealed("listen_key_encrypted", "AES-256 ciphertext of the user data stream's key"),
    moment("listen_key_expires_at", "when the stream's key has to be renewed", nullable=True),
    *stamps(),
    CheckConstraint(
        "permissions <@ array['spot', 'futures', 'read', 'trade']::text[]", "permissions"
    ),
    referable(),
    comment="Connections to exchanges; credentials are ciphertext only.",
)

funds = Table(
    "funds",
    metadata,
    user_key("the user whose fund it is"),
    Column("version", BigInteger, nullable=False, comment="how often it was saved"),
    Column("ids_issued", BigInteger, nullable=False, comment="ids handed out so far"),
    moment("as_of", "the time of the last step"),
    text("trades_month", "the month (UTC, YYYY-MM) that is being counted"),
    count("trades_month_count", "trades opened in that month"),
    Column(
        "event_sequence", BigInteger, nullable=False, comment="the last event of the user's log"
    ),
    digest("event_hash", "the hash of that event"),
    *stamps(),
    *not_negative("version", "ids_issued", "trades_month_count", "event_sequence"),
    comment="The head of each fund: what a save must continue.",
)
