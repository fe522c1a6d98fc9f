"""The relay as a process of its own: where events go, and how it is getting on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, assert_never

from rich.console import Console

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.events import Event
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.event_lines import json_line, print_line
from hedgerow.entrypoints.interrupts import stop_requests
from hedgerow.usecases.ports.events import EventTarget
from hedgerow.usecases.relay_events import (
    Elected,
    Interrupted,
    Relay,
    Relayed,
    RelayNews,
    StandingBy,
)

_LINE_EVERY_S: Final = 1.0


class PrintedEvents:
    """Standard output as a target of the relay, a line of JSON each. Implements EventTarget."""

    name = "stdout"

    async def deliver(self, events: Sequence[Event]) -> None:
        """Print the events."""
        for event in events:
            print_line(json_line(event))

    async def close(self) -> None:
        """Nothing is held."""


class RelayLog:
    """Says on standard error how the relay is getting on, at most a line a second when all is well.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, target: str, console: Console, clock: Callable[[], float]) -> None:
        self._target = target
        self._console = console
        self._clock = clock
        self._said_at = float("-inf")
        self._unsaid = 0

    def tell(self, news: RelayNews) -> None:
        """Put news into words."""
        match news:
            case StandingBy():
                self._say(f"another process relays to {self._target}; standing by")
            case Elected():
                self._say(f"relaying to {self._target}")
            case Relayed():
                self._relayed(news)
            case Interrupted():
                self._say(f"{news.problem}; trying again in {news.retry_s:g} s")
            case _:
                assert_never(news)

    def _relayed(self, news: Relayed) -> None:
        self._unsaid += news.count
        if self._clock() - self._said_at >= _LINE_EVERY_S:
            self._say(f"{self._unsaid:,} events to {self._target}, {news.total:,} in all")
            self._said_at, self._unsaid = self._clock(), 0

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True, markup=False)


async def run_relay(backstage: Backstage, *, replay: bool) -> None:
    """Relay until interrupted; raises InputRefused where `replay` meets a relay at work."""
    async with backstage.relay_desk() as desk:
        target: EventTarget = desk.kafka or PrintedEvents()
        log = RelayLog(target.name, Console(stderr=True), time.monotonic)
        relay = Relay(target, desk.election, log.tell)
        if replay and not await relay.rewind():
            raise InputRefused(
                what=f"another process is relaying to {target.name}",
                where="--replay",
                fix="stop it first",
            )
        with stop_requests() as stop:
            await relay.run(stop)
