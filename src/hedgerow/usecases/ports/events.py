"""What the event log needs from the outside: where it is read, handed out, and taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from hedgerow.domain.events import Event

EventKey = tuple[UUID, int]
"""What names an event: the user and the sequence."""


class EventLog(Protocol):
    """The events of all users, for reading."""

    async def heads(self) -> Mapping[UUID, int]:
        """The sequence of each user's last event."""
        ...

    async def last(
        self, limit: int, user_id: UUID | None = None, kinds: Sequence[str] = ()
    ) -> list[Event]:
        """The latest events, of one user and of some kinds where given; oldest first."""
        ...

    async def since(self, seen: Mapping[UUID, int], limit: int) -> list[Event]:
        """Events after the sequence seen of each user, by user and sequence; gapless per user."""
        ...


class Inbox(Protocol):
    """Which events each consumer has taken in."""

    async def claim(self, consumer: str, keys: Sequence[EventKey]) -> set[EventKey]:
        """Those of `keys` that the consumer has never claimed; they are claimed with the commit.

        Waits for another transaction that is claiming the same ones.
        """
        ...


class EventTarget(Protocol):
    """Somewhere events are handed to, at least once each and in order per user."""

    @property
    def name(self) -> str:
        """What its cursors are kept under."""
        ...

    async def deliver(self, events: Sequence[Event]) -> None:
        """Hand over events and return once they are safe there; raises DeliveryFailed."""
        ...

    async def close(self) -> None:
        """Let go of what it holds; a later delivery starts anew."""
        ...


class Outbox(Protocol):
    """What a target has not been given yet. Only its elected relay holds one."""

    async def pending(self, limit: int) -> list[Event]:
        """At most `limit` events that wait, gapless and in order per user.

        Users that have waited longest come first. Raises StoreUnavailable.
        """
        ...

    async def delivered(self, heads: Mapping[UUID, int]) -> None:
        """Note the last sequence that the target has of each user; raises StoreUnavailable."""
        ...

    async def rewind(self) -> None:
        """Forget what was delivered, so that all of the log is pending again."""
        ...


class RelayElection(Protocol):
    """Decides which process relays to a target."""

    def stand(self, target: str) -> AbstractAsyncContextManager[Outbox | None]:
        """The outbox of a target for as long as the block lasts, or None while another has it.

        An elected process that dies, or loses the database, is out of office at once. Raises
        StoreUnavailable.
        """
        ...


class EventSource(Protocol):
    """Somewhere events arrive from, at least once each."""

    async def receive(self) -> Sequence[Event]:
        """The next events; raises DeliveryFailed."""
        ...

    async def received(self) -> None:
        """Note that all events received so far need not come again; raises DeliveryFailed."""
        ...
