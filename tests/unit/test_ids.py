"""Ids: UUIDv7 that repeat with their inputs, and the order's name at the venue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import reproducible
from hedgerow.domain.ids import (
    CROCKFORD_BASE32,
    IdSequence,
    client_order_id,
    derived_id,
    uuid7,
)

NOW = datetime(2024, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, tzinfo=UTC)

MOMENTS = st.integers(0, (LAST - EPOCH) // timedelta(microseconds=1)).map(
    lambda microseconds: EPOCH + timedelta(microseconds=microseconds)
)
ENTROPY = st.binary(min_size=10, max_size=10)


def milliseconds_of(uuid: UUID) -> int:
    return uuid.int >> 80


@reproducible
@given(at=MOMENTS, entropy=ENTROPY)
def test_version_variant_and_time_stand_where_rfc_9562_puts_them(
    at: datetime, entropy: bytes
) -> None:
    uuid = uuid7(at, entropy)
    assert (uuid.version, uuid.variant) == (7, RFC_4122)
    assert milliseconds_of(uuid) == (at - EPOCH) // MILLISECOND


def test_the_example_of_rfc_9562_comes_out() -> None:
    # Appendix A.6: 2022-02-22 14:22:22.00 -05:00, rand_a CC3, rand_b 18C4DC0C0C07398F
    free = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    at = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    assert str(uuid7(at, free)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@reproducible
@given(at=MOMENTS, entropies=st.lists(ENTROPY, min_size=2, max_size=2))
def test_ids_sort_by_their_millisecond_whatever_the_entropy(
    at: datetime, entropies: list[bytes]
) -> None:
    earlier, later = entropies
    assert uuid7(at, earlier) < uuid7(at + MILLISECOND, later)


@pytest.mark.parametrize("bit", range(80))
def test_74_of_the_80_bits_of_entropy_count(bit: int) -> None:
    plain, flipped = bytes(10), (1 << bit).to_bytes(10, "big")
    assert (uuid7(NOW, plain) != uuid7(NOW, flipped)) == (bit < 74)


def test_a_sequence_is_a_function_of_owner_count_and_time() -> None:
    def three(owner: bytes, at: datetime) -> list[UUID]:
        ids = IdSequence(owner)
        return [ids.next(at) for _ in range(3)]

    assert three(b"ada", NOW) == three(b"ada", NOW)
    assert len(set(three(b"ada", NOW))) == 3
    assert not set(three(b"ada", NOW)) & set(three(b"bob", NOW))
    assert not set(three(b"ada", NOW)) & set(three(b"ada", NOW + MILLISECOND))


def test_a_sequence_goes_on_where_it_was_saved() -> None:
    ids = IdSequence(b"ada")
    first_four = [ids.next(NOW) for _ in range(4)]
    reloaded = IdSequence(b"ada", issued=2)
    assert [reloaded.next(NOW), reloaded.next(NOW)] == first_four[2:]


def test_a_sequence_sorts_in_the_order_of_issue_within_a_millisecond_too() -> None:
    ids = IdSequence(b"ada", issued=250)
    made = [ids.next(NOW) for _ in range(600)]
    assert made == sorted(made)
    assert len(set(made)) == 600


def test_what_there_is_one_of_has_the_id_of_its_origins() -> None:
    lesson = derived_id(NOW, UUID(int=1), "lesson")
    assert lesson == derived_id(NOW, UUID(int=1), "lesson")
    others = [
        derived_id(NOW, UUID(int=1), "journal"),
        derived_id(NOW, UUID(int=2), "lesson"),
        derived_id(NOW + MILLISECOND, UUID(int=1), "lesson"),
    ]
    assert len({lesson, *others}) == 4


@reproducible
@given(value=st.uuids())
def test_a_client_order_id_is_the_whole_order_id_in_26_characters(value: UUID) -> None:
    name = client_order_id(value)
    assert len(name) == 26
    assert set(name) <= set(CROCKFORD_BASE32)
    decoded = 0
    for character in name:
        decoded = decoded * 32 + CROCKFORD_BASE32.index(character)
    assert UUID(int=decoded) == value


def test_the_alphabet_leaves_out_what_a_reader_would_confuse() -> None:
    assert len(set(CROCKFORD_BASE32)) == 32
    assert not set("ILOU") & set(CROCKFORD_BASE32)


@reproducible
@given(value=st.uuids())
def test_a_client_order_id_begins_with_a_digit_never_with_gates_t(value: UUID) -> None:
    assert client_order_id(value)[0] in "01234567"


def test_client_order_ids_begin_with_0_until_the_year_3084() -> None:
    assert client_order_id(uuid7(datetime(3084, 1, 1, tzinfo=UTC), bytes(10)))[0] == "0"
    assert client_order_id(uuid7(datetime(3085, 1, 1, tzinfo=UTC), bytes(10)))[0] == "1"


@reproducible
@given(at=MOMENTS, entropies=st.lists(ENTROPY, min_size=2, max_size=2))
def test_client_order_ids_sort_as_the_orders_were_made(
    at: datetime, entropies: list[bytes]
) -> None:
    earlier, later = entropies
    assert client_order_id(uuid7(at, earlier)) < client_order_id(uuid7(at + MILLISECOND, later))
