"""The two envelopes of the vault, in bytes. Both are AES-256-GCM with a random 96-bit nonce.

A **wrapped data key** (69 bytes): the account's data key under a key-encryption key.

    offset  size
    0       1     format, 1
    1       8     id of the key-encryption key
    9       12    nonce
    21      32    data key, encrypted
    53      16    tag

A **sealed value** (45 bytes and the text in UTF-8): a secret under its account's data key.

    0       1     format, 1
    1       16    id of the data key (UUID)
    17      12    nonce
    29      n     text, encrypted
    29+n    16    tag

Both tags also cover, as additional authenticated data,
`table|column|row id|user id|key id|version`: none of the parts can contain a bar. So a value or
key that is pasted into another row, column or user does not open, nor does one whose header was
altered. The key id is that of the key the envelope is locked with.
"""

from __future__ import annotations

import secrets
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hedgerow.domain.errors import SecretUnreadable
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.vault.master_key import KEY_BYTES, KEY_ID_BYTES
from hedgerow.usecases.ports.vault import SecretPlace

FORMAT: Final = 1
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_UUID_BYTES: Final = 16
_WRAPPED_BYTES: Final = 1 + KEY_ID_BYTES + _NONCE_BYTES + KEY_BYTES + _TAG_BYTES


def make_wrapped_key(kek: AESGCM, kek_id: str, place: SecretPlace) -> bytes:
    """A new random data key, wrapped; `place` is where the wrapped key will be kept."""
    return _wrap(kek, kek_id, place, secrets.token_bytes(KEY_BYTES))


def rewrap(old: AESGCM, new: AESGCM, new_id: str, place: SecretPlace, wrapped: bytes) -> bytes:
    """The same data key under another key-encryption key; raises SecretUnreadable."""
    return _wrap(new, new_id, place, _unwrap(old, place, wrapped))


def data_key_of(kek: AESGCM, place: SecretPlace, wrapped: bytes) -> AESGCM:
    """The data key, ready to work; raises SecretUnreadable."""
    return AESGCM(_unwrap(kek, place, wrapped))


def kek_id_in(place: SecretPlace, wrapped: bytes) -> str:
    """The id of the key that a data key is wrapped with; raises SecretUnreadable."""
    if len(wrapped) != _WRAPPED_BYTES or wrapped[0] != FORMAT:
        raise SecretUnreadable(str(place), "is not a wrapped key of a known format")
    return wrapped[1 : 1 + KEY_ID_BYTES].hex()


def seal(data_key: AESGCM, data_key_id: UUID, place: SecretPlace, secret: Secret) -> bytes:
    """The sealed value of `secret`, that opens in `place` only."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    # revealed inside the call: a name bound to the text would show in a traceback with variables
    locked = data_key.encrypt(nonce, secret.reveal().encode(), _bound_to(place, str(data_key_id)))
    return bytes([FORMAT]) + data_key_id.bytes + nonce + locked


def open_sealed(data_key: AESGCM, data_key_id: UUID, place: SecretPlace, sealed: bytes) -> Secret:
    """The secret in a sealed value; raises SecretUnreadable."""
    header = bytes([FORMAT]) + data_key_id.bytes
    nonce_end = len(header) + _NONCE_BYTES
    if not sealed.startswith(header) or len(sealed) <= nonce_end + _TAG_BYTES:
        raise SecretUnreadable(str(place), "was not sealed with this account's key")
    nonce, locked = sealed[len(header) : nonce_end], sealed[nonce_end:]
    try:
        return Secret(data_key.decrypt(nonce, locked, _bound_to(place, str(data_key_id))).decode())
    except InvalidTag:
        raise SecretUnreadable(str(place), "was altered, or sealed for another place") from None


def _wrap(kek: AESGCM, kek_id: str, place: SecretPlace, data_key: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    locked = kek.encrypt(nonce, data_key, _bound_to(place, kek_id))
    return bytes([FORMAT]) + bytes.fromhex(kek_id) + nonce + locked


def _unwrap(kek: AESGCM, place: SecretPlace, wrapped: bytes) -> bytes:
    kek_id = kek_id_in(place, wrapped)
    start = 1 + KEY_ID_BYTES
    nonce, locked = wrapped[start : start + _NONCE_BYTES], wrapped[start + _NONCE_BYTES :]
    try:
        return kek.decrypt(nonce, locked, _bound_to(place, kek_id))
    except InvalidTag:
        raise SecretUnreadable(str(place), "was altered, or wrapped for another place") from None


def _bound_to(place: SecretPlace, key_id: str) -> bytes:
    parts = (place.table, place.column, place.row_id, place.user_id, key_id, FORMAT)
    return "|".join(str(part) for part in parts).encode()
