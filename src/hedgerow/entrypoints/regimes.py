"""Regimes on a terminal: classified, shown, learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.regimes import RegimeClassification
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.usecases.classify_regimes import (
    Classified,
    Classify,
    classify_regimes,
    read_closed,
)
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.regime_models import (
    AfterRegime,
    ModelCard,
    ModelScores,
    TrainingRequest,
    UnreadableModel,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ClassifyRequest:
    """What was asked for on the command line."""

    exchange: Exchange
    symbols: Sequence[str]
    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What was asked for on the command line; without `data` the stored candles are meant.

    `until` is when the last candle to learn from has closed, `at` the time of the training.
    """

    exchange: Exchange
    symbols: Sequence[str]
    timeframe: Timeframe
    data: Path | None
    until: datetime
    seed: int
    at: datetime


async def classify_and_show(
    backstage: Backstage, request: ClassifyRequest, *, as_json: bool
) -> None:
    """Classify, and say what was done for each market."""
    done = await classify(backstage, request)
    if as_json:
        print_json([classified_document(each) for each in done])
    else:
        show_classified(done)


async def classify(backstage: Backstage, request: ClassifyRequest) -> Sequence[Classified]:
    """Classify, showing how it is going."""
    asked = Classify(request.exchange, request.symbols, request.until, request.since)
    async with backstage.regime_desk() as desk:
        with _progress() as show:
            return await classify_regimes(desk, asked, show)


def show_classified(done: Sequence[Classified]) -> None:
    """Say what was done for each market."""
    table = _table("market", "rows stored", "by", "had one", "latest")
    for each in done:
        latest = "" if each.last is None else in_words(each.last)
        if each.moments == 0:
            latest = "nothing new" if each.has_enough_candles else "too few candles"
        models = ", ".join(f"{version} {count:,}" for version, count in each.stored.items())
        stored = f"{each.stored.total():,}"
        market = f"{each.symbol} {each.timeframe}"
        table.add_row(market, stored, models, f"{each.known_before:,}", latest)
    Console().print(table)


async def show_regimes(backstage: Backstage, at: datetime, *, as_json: bool) -> None:
    """Show what is known of every market."""
    async with backstage.records() as open_unit_of_work, open_unit_of_work(SYSTEM) as unit:
        rows = await unit.regimes.latest(at)
    if as_json:
        print_json([_row_document(row) for row in rows])
        return
    console = Console()
    if not rows:
        console.print("No market is classified yet: run `hedgerow regimes classify`.")
        return
    table = _table("symbol", "timeframe", "regime", "confidence", "model", "known since")
    for row in sorted(rows, key=lambda row: (row.symbol, row.timeframe.duration)):
        reading = row.reading
        table.add_row(
            row.symbol,
            row.timeframe,
            reading.regime,
            f"{reading.confidence:.2f}",
            reading.model_version,
            f"{row.timestamp:%Y-%m-%d %H:%M}",
        )
    console.print(table)


async def train_and_show(backstage: Backstage, request: TrainRequest, *, as_json: bool) -> None:
    """Train, save, and show the scores; raises InputRefused for too few candles."""
    candles, source = await _candles(backstage, request)
    asked = TrainingRequest(request.timeframe, candles, source, request.seed, request.at)
    with _progress() as show:
        card = backstage.regime_trainer().train(asked, show)
    if as_json:
        print_json(card_document(card))
        return
    console = Console()
    for table in score_tables(card):
        console.print(table)
    console.print(
        f"Saved as {card.version}. To use it, set HEDGEROW_REGIME_MODELS={card.version}",
        highlight=False,
        soft_wrap=True,
    )


def show_models(backstage: Backstage, *, as_json: bool) -> None:
    """List all versions."""
    models = backstage.regime_trainer().models()
    if as_json:
        print_json([_model_document(each) for each in models])
        return
    console = Console()
    if not models:
        console.print("No model is trained yet: run `hedgerow regimes train`.")
        return
    # dates and figures cannot be read in pieces: all of a row fits into 80 columns
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for name in ("version", "symbols", "from", "until", "candles", "log-loss", "rules", "ECE"):
        table.add_column(name, no_wrap=True)
    unreadable = [each for each in models if isinstance(each, UnreadableModel)]
    for each in models:
        if isinstance(each, ModelCard):
            table.add_row(*_card_row(each))
    console.print(table)
    for lost in unreadable:
        console.print(f"{lost.version}: {lost.problem}", highlight=False, soft_wrap=True)


async def _candles(
    backstage: Backstage, request: TrainRequest
) -> tuple[Mapping[str, Sequence[Candle]], str]:
    """The candles of each symbol, and where they are from."""
    if request.data is not None:
        read = backstage.read_candles(
            request.data, request.timeframe, request.symbols, allow_gaps=True
        )
        by_symbol: dict[str, list[Candle]] = {symbol: [] for symbol in read.symbols}
        for candle in read.candles:
            if candle.close_time <= request.until:
                by_symbol[candle.symbol].append(candle)
        for symbol, candles in by_symbol.items():
            if not candles:
                what = f"no candle of {symbol} had closed by {request.until:%Y-%m-%d %H:%M}"
                raise InputRefused(what, "--until", "give a later time")
        return by_symbol, f"files, SHA-256 {read.fingerprint}"
    async with backstage.regime_desk() as desk:
        stored = {
            symbol: await read_closed(
                desk.candles, request.exchange, symbol, request.timeframe, _EPOCH, request.until
            )
            for symbol in request.symbols
        }
    for symbol, candles in stored.items():
        if not candles:
            raise InputRefused(
                f"no {request.timeframe} candles of {symbol} that had closed by "
                f"{request.until:%Y-%m-%d %H:%M} are stored on {request.exchange}",
                "--symbols",
                "run `hedgerow candles import` first, or name files with --data",
            )
    return stored, f"stored, {request.exchange}"


def score_tables(card: ModelCard) -> list[Table]:
    """The scores of a model, out of sample."""
    scores = card.scores
    return [_skill_table(card), _reliability_table(scores), _after_table(scores)]


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in {"version", "model"})
    return table


def _skill_table(card: ModelCard) -> Table:
    scores = card.scores
    title = f"On {scores.samples:,} candles that it had not seen, in {scores.folds} folds"
    table = _table("", "log-loss", "accuracy", title=title)
    for name, skill in (
        ("model, calibrated", scores.model),
        ("model, as trained", scores.uncalibrated),
        ("what followed each rule", scores.rules),
        ("frequencies alone", scores.base),
    ):
        table.add_row(name, f"{skill.log_loss:.4f}", f"{skill.accuracy:.1%}")
    return table


def _reliability_table(scores: ModelScores) -> Table:
    title = f"Confidence, and how often it came true (ECE {scores.calibration_error:.3f})"
    table = _table("confidence", "candles", "mean", "came true", title=title)
    for each in scores.reliability:
        table.add_row(
            f"{each.at_least:.1f} to {each.at_least + 0.1:.1f}",
            f"{each.samples:,}",
            f"{each.confidence:.3f}",
            f"{each.came_true:.3f}",
        )
    return table


def _after_table(scores: ModelScores) -> Table:
    title = (
        f"What followed (the likeliest state lasts {scores.run_candles:.1f} candles by the model, "
        f"{scores.rules_run_candles:.1f} by the rules)"
    )
    table = _table("told by", "regime", "candles", "volatility / usual", "return", title=title)
    for name, told in (("model", scores.after_model), ("rules", scores.after_rules)):
        for each in told:
            table.add_row(name, *_after_row(each))
    return table


def _after_row(each: AfterRegime) -> tuple[str, ...]:
    move = f"{each.return_pct:+.2f} ± {each.return_error_pct:.2f} %"
    return (each.regime, f"{each.samples:,}", f"{each.volatility_ratio:.2f}", move)


def _card_row(card: ModelCard) -> tuple[str, ...]:
    scores = card.scores
    return (
        card.version,
        f"{len(card.symbols):,}",
        f"{card.since:%Y-%m-%d}",
        f"{card.until:%Y-%m-%d}",
        f"{card.candles:,}",
        f"{scores.model.log_loss:.4f}",
        f"{scores.rules.log_loss:.4f}",
        f"{scores.calibration_error:.3f}",
    )


def card_document(card: ModelCard) -> dict[str, Any]:
    """A model's card as JSON; scores are numbers."""
    return {**_plain(card), "problem": None}


def _model_document(model: ModelCard | UnreadableModel) -> dict[str, Any]:
    if isinstance(model, ModelCard):
        return card_document(model)
    return {"version": model.version, "problem": model.problem}


def _plain(value: Any) -> Any:
    """Numbers stay numbers; times become text."""
    match value:
        case datetime():
            return value.isoformat()
        case tuple():
            return [_plain(each) for each in value]
        case _ if hasattr(value, "__dataclass_fields__"):
            return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        case _:
            return value


def classified_document(done: Classified) -> dict[str, Any]:
    """What was done for one market, as JSON."""
    return {
        "symbol": done.symbol,
        "timeframe": str(done.timeframe),
        "moments": done.moments,
        "stored": dict(done.stored),
        "known_before": done.known_before,
        "has_enough_candles": done.has_enough_candles,
        "latest": None if done.last is None else _row_document(done.last),
    }


def _row_document(row: RegimeClassification) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        "timeframe": str(row.timeframe),
        "timestamp": row.timestamp.isoformat(),
        "regime": str(row.reading.regime),
        "confidence": row.reading.confidence,
        "model_version": row.reading.model_version,
        "indicators": dict(row.reading.indicators),
    }


def in_words(row: RegimeClassification) -> str:
    """A classification for a person."""
    return f"{row.reading.regime} {row.reading.confidence:.2f} at {row.timestamp:%Y-%m-%d %H:%M}"


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """How it is going, on a terminal; a line of each kind of work."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    is_seen = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not is_seen) as progress:
        tasks = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=total)

        yield show
