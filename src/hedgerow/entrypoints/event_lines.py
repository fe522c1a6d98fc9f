"""An event as one line."""

from __future__ import annotations

import json
import sys

from hedgerow.domain.events import Event
from hedgerow.usecases.codec import encode


def json_line(event: Event) -> str:
    """The whole event for a program; numbers inside the body are text, hashes hexadecimal."""
    return json.dumps(encode(event), ensure_ascii=False)


def text_line(event: Event) -> str:
    """The event for a person: when, whose, which, and what."""
    told = ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in event.body.items()
    )
    head = f"{event.at:%Y-%m-%d %H:%M:%S}Z  {event.user_id}  {event.sequence:>6}"
    return f"{head}  {event.kind}  {told}"


def print_line(line: str) -> None:
    """Print to standard output at once, so that a pipe gets it at once."""
    print(line, file=sys.stdout, flush=True)  # noqa: T201
