"""UUIDv7 (RFC 9562) made from a given time and given bytes, so that a run repeats exactly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

CROCKFORD_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in CROCKFORD_BASE32 for second in CROCKFORD_BASE32]
_PAIR_SHIFTS = range(120, -1, -10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def uuid7(at: datetime, entropy: bytes) -> UUID:
    """The UUIDv7 of `at` (milliseconds); its 74 free bits are the last of ten bytes `entropy`."""
    milliseconds = (at - _EPOCH) // _MILLISECOND
    free = int.from_bytes(entropy[:10], "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | ((free >> 62) & 0xFFF) << 64
    value |= 0b10 << 62 | (free & 0x3FFF_FFFF_FFFF_FFFF)
    return UUID(int=value)


@dataclass(slots=True)
class IdSequence:
    """The ids one owner hands out: a function of the owner, the count so far and the time."""

    owner: bytes
    issued: int = 0

    def next(self, at: datetime) -> UUID:
        """The next id; the same owner, count and time give the same id again.

        The count leads the free bits, so one owner's ids sort in the order of issue.
        """
        self.issued += 1
        count = self.issued.to_bytes(5, "big")
        return uuid7(at, count + blake2b(self.owner + count, digest_size=5).digest())


def derived_id(at: datetime, *origins: UUID | str) -> UUID:
    """The id of something there is one of for its origins, such as the lesson of a trade."""
    digest = blake2b("|".join(str(origin) for origin in origins).encode(), digest_size=10)
    return uuid7(at, digest.digest())


def client_order_id(order_id: UUID) -> str:
    """The order's id as 26 Crockford base32 characters: the shape every venue accepts.

    It begins with a digit, 0 until the year 3084, never with the `t` that Gate reserves.
    """
    value = order_id.int
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in _PAIR_SHIFTS])
