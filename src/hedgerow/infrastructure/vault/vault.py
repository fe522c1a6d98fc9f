"""The Vault port, on key-encryption keys that are read once and read again when asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from uuid import uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hedgerow.domain.errors import KeyUnknown
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.vault import envelope
from hedgerow.infrastructure.vault.key_sources import KeySource
from hedgerow.usecases.ports.vault import AccountRef, SecretPlace, WrappedKey


class EnvelopeVault:
    """Implements the Vault port. Call `reload` before anything else.

    Keys come from the `sources`, the first of which locks and is added to; the others are where
    keys used to come from, and only open.
    """

    def __init__(self, sources: Sequence[KeySource]) -> None:
        self._sources = sources
        # a cipher, unlike its key, shows nothing in a repr
        self._ciphers: Mapping[str, AESGCM] = {}

    @property
    def source(self) -> str:
        """Where keys come from, in words for a person."""
        return self._sources[0].name

    @property
    def key_ids(self) -> Sequence[str]:
        """All keys at hand, the newest first."""
        return tuple(self._ciphers)

    async def reload(self) -> None:
        """Read the keys anew; raises InputRefused."""
        self._ciphers = await asyncio.to_thread(self._read)

    async def add_key(self) -> None:
        """Make a newest key; raises InputRefused where keys are made by a person."""
        await asyncio.to_thread(self._sources[0].add)
        await self.reload()

    async def drop_keys(self, key_ids: Collection[str]) -> None:
        """Forget keys that nothing uses any more."""
        for source in self._sources:
            await asyncio.to_thread(source.drop, key_ids)
        await self.reload()

    def make_data_key(self, account: AccountRef, kek_id: str) -> WrappedKey:
        """A new data key for an account; raises KeyUnknown."""
        key = WrappedKey(uuid4(), account, kek_id, b"")
        wrapped = envelope.make_wrapped_key(self._cipher(kek_id), kek_id, key.place)
        return WrappedKey(key.id, account, kek_id, wrapped)

    def rewrap(self, key: WrappedKey, kek_id: str) -> WrappedKey:
        """The same data key under another key; raises KeyUnknown, SecretUnreadable."""
        old = self._cipher(envelope.kek_id_in(key.place, key.wrapped))
        wrapped = envelope.rewrap(old, self._cipher(kek_id), kek_id, key.place, key.wrapped)
        return WrappedKey(key.id, key.account, kek_id, wrapped)

    def seal(self, key: WrappedKey, column: str, secret: Secret) -> bytes:
        """What to keep in that column of the account; raises KeyUnknown, SecretUnreadable."""
        return envelope.seal(self._data_key(key), key.id, _place(key, column), secret)

    def open(self, key: WrappedKey, column: str, sealed: bytes) -> Secret:
        """What was kept in that column; raises KeyUnknown, SecretUnreadable."""
        return envelope.open_sealed(self._data_key(key), key.id, _place(key, column), sealed)

    def _data_key(self, key: WrappedKey) -> AESGCM:
        kek = self._cipher(envelope.kek_id_in(key.place, key.wrapped))
        return envelope.data_key_of(kek, key.place, key.wrapped)

    def _cipher(self, kek_id: str) -> AESGCM:
        try:
            return self._ciphers[kek_id]
        except KeyError:
            raise KeyUnknown(kek_id) from None

    def _read(self) -> Mapping[str, AESGCM]:
        keys = [key for source in self._sources for key in source.read()]
        return {key.id: key.cipher() for key in keys}


def _place(key: WrappedKey, column: str) -> SecretPlace:
    return SecretPlace("exchange_accounts", column, key.account.id, key.account.user_id)
