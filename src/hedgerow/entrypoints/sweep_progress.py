"""How a sweep is going."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from hedgerow.domain.deflated_sharpe import annual_sharpe
from hedgerow.entrypoints.progress import LiveBar
from hedgerow.entrypoints.sweep_words import ratio
from hedgerow.usecases.sweep.run_sweep import SweepProgress


def sweep_bar(console: Console) -> LiveBar:
    """A bar that counts backtests."""
    left = (TextColumn("left"), TimeRemainingColumn())
    return LiveBar(console, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *left)


def show_sweep(bar: LiveBar, progress: SweepProgress) -> None:
    """Show how far the sweep has come."""
    details = _details(progress)
    bar.show(
        progress.done,
        progress.total,
        line=f"{progress.done:,} of {progress.total:,} backtests{details}",
        text=f"backtests{details}",
    )


def _details(progress: SweepProgress) -> str:
    best = None if progress.best_sharpe is None else annual_sharpe(progress.best_sharpe)
    kept = f", {progress.kept:,} known before" if progress.kept else ""
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{kept}{failed}, best Sharpe in sample {ratio(best)}"
