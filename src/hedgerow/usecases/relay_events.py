"""Relay the event log to a target: one process at a time, in order per user, at least once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from hedgerow.domain.errors import DeliveryFailed, StoreUnavailable
from hedgerow.domain.events import Event
from hedgerow.usecases.pauses import pause
from hedgerow.usecases.ports.events import EventTarget, Outbox, RelayElection


@dataclass(frozen=True, slots=True)
class RelayPace:
    """How a relay goes about its work; all times in seconds.

    `batch_events` are read and delivered at a time, and nothing more is read before they are: that
    is all the memory a relay needs, and how a slow target slows it down. An idle relay looks for
    new events every `idle_s`; one that is not elected asks again every `standby_s`; after a failure
    it waits `retry_first_s`, then twice as long each time up to `retry_max_s`.
    """

    batch_events: int = 2_000
    idle_s: float = 0.1
    standby_s: float = 1.0
    retry_first_s: float = 0.1
    retry_max_s: float = 30.0


@dataclass(frozen=True, slots=True)
class StandingBy:
    """Another process relays to the target."""


@dataclass(frozen=True, slots=True)
class Elected:
    """This process relays to the target now."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """The target has `count` more events, of `users` users; `total` since the relay started."""

    count: int
    users: int
    total: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Something is out of reach; the next attempt comes after `retry_s` seconds."""

    problem: str
    retry_s: float


RelayNews = StandingBy | Elected | Relayed | Interrupted


@dataclass(frozen=True, slots=True)
class RelayDesk:
    """Who decides which process relays, and the Kafka to relay to, where one is set."""

    election: RelayElection
    kafka: EventTarget | None


class Relay:
    """Relays to one target for as long as `run` runs."""

    def __init__(
        self,
        target: EventTarget,
        election: RelayElection,
        tell: Callable[[RelayNews], None],
        pace: RelayPace | None = None,
    ) -> None:
        self._target = target
        self._election = election
        self._tell = tell
        self._pace = pace or RelayPace()
        self._total = 0
        self._failures = 0
        self._is_waiting = False

    async def run(self, stop: asyncio.Event) -> None:
        """Stand for election and relay, again and again, until `stop` is set.

        A batch under way is finished and noted first. What cannot be reached is tried again for
        ever; anything else that is raised is a bug and ends the relay.
        """
        while not stop.is_set():
            try:
                await self._take_a_turn(stop)
            except (DeliveryFailed, StoreUnavailable) as error:
                # Out of office while it waits: a process that reaches the target may take over.
                await self._interrupted(error, stop)

    async def rewind(self) -> bool:
        """Have the whole log relayed again; returns whether no other relay was in the way.

        For a target that has lost what it had: consumers with an inbox notice no difference.
        """
        async with self._election.stand(self._target.name) as outbox:
            if outbox is not None:
                await outbox.rewind()
            return outbox is not None

    async def _take_a_turn(self, stop: asyncio.Event) -> None:
        async with self._election.stand(self._target.name) as outbox:
            if outbox is not None:
                self._is_waiting = False
                self._tell(Elected())
                try:
                    await self._serve(outbox, stop)
                finally:
                    await self._target.close()
                return
        if not self._is_waiting:
            self._is_waiting = True
            self._tell(StandingBy())
        await pause(self._pace.standby_s, stop)

    async def _serve(self, outbox: Outbox, stop: asyncio.Event) -> None:
        while not stop.is_set():
            events = await outbox.pending(self._pace.batch_events)
            if not events:
                await pause(self._pace.idle_s, stop)
                continue
            await self._target.deliver(events)
            heads = _heads(events)
            await outbox.delivered(heads)
            self._failures = 0
            self._total += len(events)
            self._tell(Relayed(len(events), len(heads), self._total))

    async def _interrupted(
        self, error: DeliveryFailed | StoreUnavailable, stop: asyncio.Event
    ) -> None:
        retry_s = min(self._pace.retry_first_s * 2**self._failures, self._pace.retry_max_s)
        self._failures += 1
        self._tell(Interrupted(_problem(error), retry_s))
        await pause(retry_s, stop)


def _problem(error: DeliveryFailed | StoreUnavailable) -> str:
    return error.problem if isinstance(error, DeliveryFailed) else f"{error.where}: {error.what}"


def _heads(events: Sequence[Event]) -> dict[UUID, int]:
    """The last sequence of each user; events are in order per user."""
    return {event.user_id: event.sequence for event in events}
