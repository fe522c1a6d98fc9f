"""Ctrl-C, as a request to stop cleanly or as the end; SIGTERM is heard as Ctrl-C everywhere."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import typer

from hedgerow.entrypoints.output import complain

EXIT_INTERRUPTED: Final = 130

T = TypeVar("T")


def finish(work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to; an interrupt becomes one sentence and exit code 130."""
    with interruptible():
        return asyncio.run(work)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside the block an interrupt becomes one sentence and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        complain("interrupted; what was committed is kept: run the command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None


@contextmanager
def stop_requests() -> Iterator[asyncio.Event]:
    """Inside the block Ctrl-C sets the event; a second one does not ask."""
    loop = asyncio.get_running_loop()
    usual = signal.getsignal(signal.SIGINT) or signal.default_int_handler
    asked = asyncio.Event()

    def ask() -> None:
        asked.set()
        ask_no_more()

    def ask_no_more() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, usual)

    loop.add_signal_handler(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        ask_no_more()
