"""Take events in so that each has its effect exactly once, however often it is delivered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from hedgerow.domain.events import Event
from hedgerow.usecases.ports.events import EventSource
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork, UnitOfWork

Effect = Callable[[UnitOfWork, Event], Awaitable[None]]
"""What an event leads to, done inside the given unit of work. Raises DeliveryFailed where it
cannot be done now; any other exception is a bug and ends whoever delivers."""


async def consume_once(
    open_unit_of_work: OpenUnitOfWork, consumer: str, events: Sequence[Event], effect: Effect
) -> int:
    """Let each event that `consumer` has not seen have its effect; returns how many those were.

    The inbox entry and the effect are one transaction over all of `events`: either both are
    durable, or neither is and the events may be delivered again.
    """
    async with open_unit_of_work(SYSTEM) as unit:
        fresh = await unit.inbox.claim(consumer, [(e.user_id, e.sequence) for e in events])
        done = 0
        for event in events:
            key = (event.user_id, event.sequence)
            if key in fresh:
                # a batch may hold one event twice
                fresh.remove(key)
                await effect(unit, event)
                done += 1
        await unit.commit()
    return done


class Subscriber:
    """A consumer in this process. Implements the EventTarget port."""

    def __init__(self, name: str, open_unit_of_work: OpenUnitOfWork, effect: Effect) -> None:
        self.name = name
        self._open = open_unit_of_work
        self._effect = effect

    async def deliver(self, events: Sequence[Event]) -> None:
        """Take the events in."""
        await consume_once(self._open, self.name, events, self._effect)

    async def close(self) -> None:
        """Nothing is held between two deliveries."""


async def consume_from(
    source: EventSource,
    open_unit_of_work: OpenUnitOfWork,
    consumer: str,
    effect: Effect,
    is_stopped: Callable[[], bool],
) -> None:
    """Take in what arrives until stopped; asked between two batches.

    The source is told after the commit, so a crash between the two delivers again what the inbox
    then holds back.
    """
    while not is_stopped():
        events = await source.receive()
        if events:
            await consume_once(open_unit_of_work, consumer, events, effect)
            await source.received()
