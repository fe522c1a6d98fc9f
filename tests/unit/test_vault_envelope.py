"""What is sealed opens in its own place only, and every altered bit is noticed."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from builders import reproducible
from hedgerow.domain.errors import SecretUnreadable
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.vault import envelope
from hedgerow.usecases.ports.vault import SecretPlace

KEK = AESGCM(bytes(range(32)))
KEK_ID = "00112233445566ff"
OTHER_KEK = AESGCM(b"x" * 32)
DATA_KEY = AESGCM(b"d" * 32)
DATA_KEY_ID = UUID(int=7)
PLACE = SecretPlace("exchange_accounts", "secret_encrypted", UUID(int=1), UUID(int=2))
ELSEWHERE = [
    replace(PLACE, table="users"),
    replace(PLACE, column="api_key_encrypted"),
    replace(PLACE, row_id=UUID(int=3)),
    replace(PLACE, user_id=UUID(int=3)),
]
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@reproducible
@given(text)
def test_what_is_sealed_opens_again(plain: str) -> None:
    sealed = envelope.seal(DATA_KEY, DATA_KEY_ID, PLACE, Secret(plain))
    assert len(sealed) == 45 + len(plain.encode())
    assert sealed[:17] == bytes([1]) + DATA_KEY_ID.bytes
    assert envelope.open_sealed(DATA_KEY, DATA_KEY_ID, PLACE, sealed).reveal() == plain


def test_the_same_text_is_never_sealed_the_same_way_twice() -> None:
    sealed = {envelope.seal(DATA_KEY, DATA_KEY_ID, PLACE, Secret("k")) for _ in range(100)}
    assert len(sealed) == 100


@pytest.mark.parametrize("place", ELSEWHERE, ids=["table", "column", "row", "user"])
def test_does_not_open_in_another_place(place: SecretPlace) -> None:
    sealed = envelope.seal(DATA_KEY, DATA_KEY_ID, PLACE, Secret("k"))
    wrapped = envelope.make_wrapped_key(KEK, KEK_ID, PLACE)
    with pytest.raises(SecretUnreadable, match="altered, or sealed for another place"):
        envelope.open_sealed(DATA_KEY, DATA_KEY_ID, place, sealed)
    with pytest.raises(SecretUnreadable, match="altered, or wrapped for another place"):
        envelope.data_key_of(KEK, place, wrapped)


def test_does_not_open_with_another_key() -> None:
    sealed = envelope.seal(DATA_KEY, DATA_KEY_ID, PLACE, Secret("k"))
    with pytest.raises(SecretUnreadable):
        envelope.open_sealed(AESGCM(b"e" * 32), DATA_KEY_ID, PLACE, sealed)
    with pytest.raises(SecretUnreadable, match="not sealed with this account's key"):
        envelope.open_sealed(DATA_KEY, UUID(int=8), PLACE, sealed)
    with pytest.raises(SecretUnreadable):
        envelope.data_key_of(OTHER_KEK, PLACE, envelope.make_wrapped_key(KEK, KEK_ID, PLACE))


def test_every_altered_bit_and_every_cut_is_noticed() -> None:
    sealed = envelope.seal(DATA_KEY, DATA_KEY_ID, PLACE, Secret("key"))
    wrapped = envelope.make_wrapped_key(KEK, KEK_ID, PLACE)
    for altered in (*flipped(sealed), *cut(sealed)):
        with pytest.raises(SecretUnreadable):
            envelope.open_sealed(DATA_KEY, DATA_KEY_ID, PLACE, altered)
    for altered in (*flipped(wrapped), *cut(wrapped)):
        with pytest.raises(SecretUnreadable):
            envelope.data_key_of(KEK, PLACE, altered)


def test_a_rewrapped_key_opens_what_was_sealed_before() -> None:
    wrapped = envelope.make_wrapped_key(KEK, KEK_ID, PLACE)
    sealed = envelope.seal(
        envelope.data_key_of(KEK, PLACE, wrapped), DATA_KEY_ID, PLACE, Secret("k")
    )
    other_id = "ff00112233445566"
    moved = envelope.rewrap(KEK, OTHER_KEK, other_id, PLACE, wrapped)
    assert (len(moved), envelope.kek_id_in(PLACE, moved)) == (69, other_id)
    data_key = envelope.data_key_of(OTHER_KEK, PLACE, moved)
    assert envelope.open_sealed(data_key, DATA_KEY_ID, PLACE, sealed) == Secret("k")


def flipped(whole: bytes) -> list[bytes]:
    changed = []
    for bit in range(len(whole) * 8):
        altered = bytearray(whole)
        altered[bit // 8] ^= 1 << bit % 8
        changed.append(bytes(altered))
    return changed


def cut(whole: bytes) -> list[bytes]:
    return [whole[:length] for length in range(len(whole))] + [whole + b"\0"]
