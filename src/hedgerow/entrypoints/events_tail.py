"""The end of the event log on a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.event_lines import json_line, print_line, text_line
from hedgerow.entrypoints.interrupts import stop_requests
from hedgerow.usecases.tail_events import EventFilter, follow_events, last_events


@dataclass(frozen=True, slots=True)
class TailRequest:
    """What was asked for on the command line."""

    lines: int
    follow: bool
    user_id: UUID | None
    kinds: list[str]
    as_json: bool


async def show_tail(backstage: Backstage, request: TailRequest) -> None:
    """Print the latest events and, if asked to, those to come until interrupted."""
    line_of = json_line if request.as_json else text_line
    wanted = EventFilter(request.user_id, request.kinds)
    async with backstage.records() as open_unit_of_work:
        events, seen = await last_events(open_unit_of_work, wanted, request.lines)
        for event in events:
            print_line(line_of(event))
        if request.follow:
            with stop_requests() as stop:
                async for event in follow_events(open_unit_of_work, wanted, seen, stop):
                    print_line(line_of(event))
