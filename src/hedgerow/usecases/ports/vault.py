"""Where secrets and the accounts they open are kept."""

from __future__ import annotations

from collections.abc import (
    Collection,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow.domain.accounts import ExchangeAccount
from hedgerow.domain.secrets import Secret


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Which exchange account, and whose."""

    id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """The one place where a sealed value may lie: sealed for here, it opens nowhere else."""

    table: str
    column: str
    row_id: UUID
    user_id: UUID

    def __str__(self) -> str:
        return f"{self.table}.{self.column} of {self.row_id}"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """An account's data key as it is kept: wrapped by the key-encryption key `kek_id`."""

    id: UUID
    account: AccountRef
    kek_id: str
    wrapped: bytes = field(repr=False)

    @property
    def place(self) -> SecretPlace:
        """Where it is kept."""
        return SecretPlace("vault_data_keys", "wrapped", self.account.id, self.account.user_id)


class Vault(Protocol):
    """Seals secrets under one data key per account, each wrapped by a key-encryption key.

    Key-encryption keys are known by ids that are no secret. Whatever needs one that is not at
    hand raises KeyUnknown; a value or data key that does not open raises SecretUnreadable.
    """

    @property
    def source(self) -> str:
        """Where key-encryption keys come from, in words for a person."""
        ...

    @property
    def key_ids(self) -> Sequence[str]:
        """Key-encryption keys at hand, the newest first."""
        ...

    async def reload(self) -> None:
        """Read the key-encryption keys anew; raises InputRefused."""
        ...

    async def add_key(self) -> None:
        """Make a newest key; raises InputRefused where keys are made by a person."""
        ...

    async def drop_keys(self, key_ids: Collection[str]) -> None:
        """Forget keys that nothing uses any more, where they are ours to forget."""
        ...

    def make_data_key(self, account: AccountRef, kek_id: str) -> WrappedKey:
        """A new data key for an account."""
        ...

    def rewrap(self, key: WrappedKey, kek_id: str) -> WrappedKey:
        """The same data key under another key-encryption key."""
        ...

    def seal(self, key: WrappedKey, column: str, secret: Secret) -> bytes:
        """What to keep in `column` of the account."""
        ...

    def open(self, key: WrappedKey, column: str, sealed: bytes) -> Secret:
        """What was kept in `column` of the account."""
        ...


class Accounts(Protocol):
    """Exchange accounts, with their ciphertexts."""

    async def add(self, account: ExchangeAccount) -> None:
        """Store a new account."""
        ...

    async def load(self, account: AccountRef) -> ExchangeAccount:
        """The account; raises UnknownEntity, also where it is another user's."""
        ...

    async def save(self, account: ExchangeAccount) -> None:
        """Store everything about an account; raises UnknownEntity."""
        ...


class VaultKeys(Protocol):
    """Which key-encryption keys are in use, and every account's wrapped data key.

    A data key can only be kept under a key that is registered, and only a key that nothing uses
    can be retired: so no process that missed a rotation can lock something with a lost key.
    """

    async def registered(self) -> list[str]:
        """Ids of the key-encryption keys that may be used, in the order of registering."""
        ...

    async def register(self, kek_id: str, at: datetime) -> None:
        """Let a key be used; one that is registered already stays as it is."""
        ...

    async def retire(self, kek_id: str) -> bool:
        """Let a key be used no more, or False where something still uses it."""
        ...

    async def key_of(self, account: AccountRef) -> WrappedKey | None:
        """The account's data key, once it has one."""
        ...

    async def add(self, key: WrappedKey, at: datetime) -> WrappedKey:
        """Keep an account's first data key; returns the one that was kept before, if any.

        Raises KeyUnknown where its key-encryption key is not registered.
        """
        ...

    async def any_under(self, kek_id: str) -> WrappedKey | None:
        """A data key wrapped by that key, held for this transaction alone; None if none is."""
        ...

    async def replace(self, key: WrappedKey, at: datetime) -> None:
        """Keep a data key as it is wrapped now; raises KeyUnknown as `add` does."""
        ...

    async def usage(self) -> Mapping[str, int]:
        """How many data keys each registered key-encryption key wraps."""
        ...

    async def claim_rotation(self) -> bool:
        """Be the only one to rotate until this transaction ends; False where another one does."""
        ...
