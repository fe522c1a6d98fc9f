"""How a paper run is going."""

from __future__ import annotations

from rich.text import Text

from hedgerow.entrypoints.progress import LiveBar
from hedgerow.usecases.replay_fund import ReplayProgress


def show_replay(bar: LiveBar, progress: ReplayProgress) -> None:
    """Show how far the run has come."""
    bar.show(
        progress.spans_done,
        progress.spans,
        line=_line(progress),
        text=f"{progress.at:%Y-%m-%d %H:%M} UTC",
        details=_details(progress),
    )


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
