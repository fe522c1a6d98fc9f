"""How a sweep is going: a bar with the time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from hedgerow.domain.deflated_sharpe import annual_sharpe
from hedgerow.entrypoints.sweep_words import ratio
from hedgerow.usecases.sweep.run_sweep import SweepProgress

_LINES_PER_SWEEP: Final = 10


class LiveSweep:
    """Shows SweepProgress as it comes, inside a `with` block."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("backtests", total=None)
        self._lines_printed = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, progress: SweepProgress) -> None:
        """Show how far the sweep has come."""
        if self._console.is_terminal:
            text = f"backtests{_details(progress)}"
            done, total = progress.done, progress.total
            self._bar.update(self._task, description=text, completed=done, total=total)
            return
        due = progress.done * _LINES_PER_SWEEP // progress.total
        if due > self._lines_printed:
            self._lines_printed = due
            line = f"{progress.done:,} of {progress.total:,} backtests{_details(progress)}"
            self._console.print(line, highlight=False, soft_wrap=True)


def _details(progress: SweepProgress) -> str:
    best = None if progress.best_sharpe is None else annual_sharpe(progress.best_sharpe)
    kept = f", {progress.kept:,} known before" if progress.kept else ""
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{kept}{failed}, best Sharpe in sample {ratio(best)}"
