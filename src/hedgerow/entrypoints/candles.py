"""Candles in and out, with progress on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import require_writable
from hedgerow.usecases.keep_candles import store_candles


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What was asked for on the command line; None means whatever the files have."""

    folder: Path
    exchange: Exchange
    timeframe: Timeframe | None
    symbols: list[str] | None
    allow_gaps: bool


async def import_candles(backstage: Backstage, request: ImportRequest) -> None:
    """Check all files, then store their candles; raises InputRefused before anything is stored."""
    candles = backstage.read_candle_columns(
        request.folder, request.timeframe, request.symbols, allow_gaps=request.allow_gaps
    )
    count = sum(each.count for each in candles)
    console = Console(stderr=True)
    async with backstage.candle_shelf() as shelf:
        with _progress(console) as progress:
            task = progress.add_task("storing", total=count)
            await store_candles(
                shelf.intake,
                request.exchange,
                candles,
                lambda done: progress.update(task, completed=done),
            )
    gaps = sum(len(each.gaps) for each in candles)
    console.print(
        f"Stored {count:,} {candles[0].timeframe} candles of "
        f"{', '.join(each.symbol for each in candles)} on {request.exchange}"
        + (f", with {gaps:,} gap{'s' * (gaps > 1)}." if gaps else "."),
        highlight=False,
    )


async def export_candles(
    backstage: Backstage,
    path: Path,
    exchange: Exchange,
    symbols: Sequence[str],
    timeframe: Timeframe,
) -> None:
    """Write stored candles to a Parquet file; raises InputRefused where there are none."""
    if path.suffix != ".parquet":
        raise InputRefused("is not the name of a Parquet file", str(path), "end it in .parquet")
    require_writable(path)
    console = Console(stderr=True)
    async with backstage.candle_shelf() as shelf:
        with _progress(console) as progress:
            task = progress.add_task("writing", total=None)
            count = await shelf.export.write(
                path,
                exchange,
                symbols,
                timeframe,
                lambda symbol, done: progress.update(task, description=symbol, completed=done),
            )
    console.print(f"Wrote {count:,} {timeframe} candles to {path}", highlight=False)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress
