"""A user's connection to an exchange."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hedgerow.domain.market import Exchange
from hedgerow.domain.secrets import Secret


class Permission(StrEnum):
    """What an account's keys may do."""

    SPOT = "spot"
    FUTURES = "futures"
    READ = "read"
    TRADE = "trade"


@dataclass(slots=True)
class ExchangeAccount:
    """A connection; `is_testnet` means paper trading. Ciphertexts never appear in its repr."""

    id: UUID
    user_id: UUID
    exchange: Exchange
    label: str
    is_testnet: bool
    permissions: tuple[Permission, ...]
    is_active: bool = True
    last_sync_at: datetime | None = None
    api_key_encrypted: bytes | None = field(default=None, repr=False)
    secret_encrypted: bytes | None = field(default=None, repr=False)
    passphrase: bytes | None = field(default=None, repr=False)
    listen_key_encrypted: bytes | None = field(default=None, repr=False)
    listen_key_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an exchange wants to see before it trades for a user; `passphrase` where it asks."""

    api_key: Secret
    secret: Secret
    passphrase: Secret | None = None
