"""The event log: per user a gapless sequence in which each event seals the one before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

GENESIS_HASH: Final = bytes(32)
# made once: `json.dumps` with options makes an encoder for every call
_ENCODE: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


@dataclass(frozen=True, slots=True)
class EventHead:
    """The last event of a user's log; sequence 0 and a zero hash before the first."""

    sequence: int = 0
    hash: bytes = GENESIS_HASH


@dataclass(frozen=True, slots=True)
class Event:
    """One fact as it is kept. `subject_id` is the order, position, pair or strategy it is about.

    `schema_version` is the shape of `body`, counted from 1 for each kind. `hash` is SHA-256 over
    the previous hash and everything else in the event.
    """

    user_id: UUID
    sequence: int
    at: datetime
    kind: str
    schema_version: int
    subject_id: UUID | None
    body: Mapping[str, object]
    previous_hash: bytes
    hash: bytes

    @property
    def is_intact(self) -> bool:
        """Whether the event still has the hash it was sealed with."""
        return self.hash == _seal(
            self.previous_hash,
            self.user_id,
            self.sequence,
            self.at,
            self.kind,
            self.schema_version,
            self.subject_id,
            self.body,
        )


def append(
    head: EventHead,
    user_id: UUID,
    at: datetime,
    kind: str,
    schema_version: int,
    subject_id: UUID | None,
    body: Mapping[str, object],
) -> tuple[Event, EventHead]:
    """The next event after `head`, and the new head."""
    sequence = head.sequence + 1
    sealed = _seal(head.hash, user_id, sequence, at, kind, schema_version, subject_id, body)
    event = Event(user_id, sequence, at, kind, schema_version, subject_id, body, head.hash, sealed)
    return event, EventHead(sequence, sealed)


def _seal(
    previous_hash: bytes,
    user_id: UUID,
    sequence: int,
    at: datetime,
    kind: str,
    schema_version: int,
    subject_id: UUID | None,
    body: Mapping[str, object],
) -> bytes:
    sealed: list[object] = [
        str(user_id),
        sequence,
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        kind,
        None if subject_id is None else str(subject_id),
        body,
    ]
    # Version 1 is sealed as the absence of a number: so were the events written before there were
    # versions, and they still verify. Any change of the number changes the seal all the same.
    if schema_version != 1:
        sealed.append(schema_version)
    return sha256(previous_hash + _ENCODE(sealed).encode()).digest()
