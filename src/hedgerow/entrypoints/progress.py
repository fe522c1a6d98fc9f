"""How a long work is going: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_LINES_PER_WORK: Final = 10


class LiveBar:
    """Shows how far a work has come, inside a `with` block; by default as a share, and time left.

    `columns` are what stands right of the description instead.
    """

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        self._console = console
        usual = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(TextColumn("{task.description}"), *(columns or usual), console=console)
        self._task = self._bar.add_task("starting", total=None)
        self._live = Live(self._bar, console=console, transient=True, refresh_per_second=8)
        self._lines_printed = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(
        self, done: int, total: int, line: str, text: str, details: Text | None = None
    ) -> None:
        """So much of `total` is done: `text` before the bar and `details` below it, or `line`."""
        if self._console.is_terminal:
            self._bar.update(self._task, description=text, completed=done, total=total)
            self._live.update(Group(self._bar, details) if details else self._bar)
            return
        due = done * _LINES_PER_WORK // total
        if due > self._lines_printed:
            self._lines_printed = due
            self._console.print(line, highlight=False, soft_wrap=True)
