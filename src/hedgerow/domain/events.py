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


@dataclass(frozen=True, slots=True)
class EventHead:
    """The last event of a user's log; sequence 0 and a zero hash before the first."""

    sequence: int = 0
    hash: bytes = GENESIS_HASH


@dataclass(frozen=True, slots=True)
class Event:
    """One fact as it is kept. `subject_id` is the order, position, pair or strategy it is about.

    `hash` is SHA-256 over the previous hash and everything else in the event.
    """

    user_id: UUID
    sequence: int
    at: datetime
    kind: str
    subject_id: UUID | None
    body: Mapping[str, object]
    previous_hash: bytes
    hash: bytes

    @property
    def is_intact(self) -> bool:
        """Whether the event still has the hash it was sealed with."""
        return self.hash == _seal(self)


def append(
    head: EventHead,
    user_id: UUID,
    at: datetime,
    kind: str,
    subject_id: UUID | None,
    body: Mapping[str, object],
) -> tuple[Event, EventHead]:
    """The next event after `head`, and the new head."""
    unsealed = Event(user_id, head.sequence + 1, at, kind, subject_id, body, head.hash, b"")
    sealed = _seal(unsealed)
    event = Event(user_id, head.sequence + 1, at, kind, subject_id, body, head.hash, sealed)
    return event, EventHead(event.sequence, sealed)


def _seal(event: Event) -> bytes:
    text = json.dumps(
        [
            str(event.user_id),
            event.sequence,
            event.at.astimezone(UTC).isoformat(timespec="microseconds"),
            event.kind,
            None if event.subject_id is None else str(event.subject_id),
            event.body,
        ],
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
    )
    return sha256(event.previous_hash + text.encode()).digest()
