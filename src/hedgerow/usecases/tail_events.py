"""Watch the event log grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hedgerow.domain.events import Event
from hedgerow.usecases.pauses import pause
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork

_BATCH: Final = 1_000
_LOOK_EVERY_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted: of one user where given, of some kinds where any are named."""

    user_id: UUID | None = None
    kinds: Sequence[str] = ()

    @property
    def actor(self) -> Actor:
        """Whose eyes see enough of the log."""
        return SYSTEM if self.user_id is None else self.user_id

    def wants(self, event: Event) -> bool:
        """Whether the event is one of them."""
        return self.user_id in {None, event.user_id} and (
            not self.kinds or event.kind in self.kinds
        )


async def last_events(
    open_unit_of_work: OpenUnitOfWork, wanted: EventFilter, count: int
) -> tuple[list[Event], dict[UUID, int]]:
    """The latest `count` events, oldest first, and where each user's log ends with them."""
    async with open_unit_of_work(wanted.actor) as unit:
        # The ends come first: what is appended in between is shown now, and not once more later.
        seen = dict(await unit.events.heads())
        events = await unit.events.last(count, wanted.user_id, wanted.kinds) if count else []
    for event in events:
        seen[event.user_id] = max(seen.get(event.user_id, 0), event.sequence)
    return events, seen


async def follow_events(
    open_unit_of_work: OpenUnitOfWork,
    wanted: EventFilter,
    seen: dict[UUID, int],
    stop: asyncio.Event,
) -> AsyncIterator[Event]:
    """Events beyond `seen`, as they are committed, until `stop` is set; in order per user."""
    while not stop.is_set():
        async with open_unit_of_work(wanted.actor) as unit:
            events = await unit.events.since(seen, _BATCH)
        for event in events:
            seen[event.user_id] = event.sequence
            if wanted.wants(event):
                yield event
        if not events:
            await pause(_LOOK_EVERY_S, stop)
