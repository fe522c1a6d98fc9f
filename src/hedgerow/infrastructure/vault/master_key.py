"""Key-encryption keys, which show nothing but their id."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import Final, Self, final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hedgerow.domain.secrets import Secret

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 8


@final
class MasterKey:
    """A key-encryption key of 256 bits. Its `id`, 16 hexadecimal digits, follows from it."""

    __slots__ = ("_text", "id")

    def __init__(self, text: Secret) -> None:
        self._text = text
        digest = hashlib.blake2b(
            base64.b64decode(text.reveal()), digest_size=KEY_ID_BYTES, person=b"hedgerow-kek-id"
        )
        self.id = digest.hexdigest()

    @classmethod
    def make(cls) -> Self:
        """A new random key."""
        return cls(Secret(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")))

    @classmethod
    def of_text(cls, text: str) -> Self | None:
        """The key that was written as base64, or None where the text is no key."""
        try:
            is_key = len(base64.b64decode(text, validate=True)) == KEY_BYTES
        except (binascii.Error, ValueError):
            return None
        return cls(Secret(text)) if is_key else None

    def text(self) -> Secret:
        """The key in base64, for the file it is kept in."""
        return self._text

    def cipher(self) -> AESGCM:
        """The key, ready to work."""
        return AESGCM(base64.b64decode(self._text.reveal()))

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"
