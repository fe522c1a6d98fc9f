"""How a run is going: a live display on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from hedgerow.usecases.replay_fund import ReplayProgress

_LINES_PER_RUN: Final = 10


class LiveProgress:
    """Shows ReplayProgress as it comes, inside a `with` block."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
        )
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

    def show(self, progress: ReplayProgress) -> None:
        """Show how far the run has come."""
        if self._console.is_terminal:
            self._bar.update(
                self._task,
                description=f"{progress.at:%Y-%m-%d %H:%M} UTC",
                completed=progress.spans_done,
                total=progress.spans,
            )
            self._live.update(Group(self._bar, _details(progress)))
            return
        due = progress.spans_done * _LINES_PER_RUN // progress.spans
        if due > self._lines_printed:
            self._lines_printed = due
            self._console.print(_line(progress), highlight=False, soft_wrap=True)


def _details(progress: ReplayProgress) -> Text:
    held = ", ".join(progress.open_positions) or "none"
    text = Text(overflow="ellipsis")
    text.append(f"Equity     {progress.equity} {progress.quote_currency}\n", style="bold")
    text.append(f"Positions  {held}\n")
    text.append(f"In market  {progress.time_in_market_pct} % of the time\n")
    text.append(f"Decision   {progress.last_decision}", style="dim")
    return text


def _line(progress: ReplayProgress) -> str:
    share = progress.spans_done / progress.spans
    return (
        f"{share:4.0%}  {progress.at:%Y-%m-%d %H:%M} UTC  equity {progress.equity} "
        f"{progress.quote_currency}  in the market {progress.time_in_market_pct}%  "
        f"open: {', '.join(progress.open_positions) or 'none'}  "
        f"last: {progress.last_decision[:100]}"
    )
