"""The whole record of a run as one JSON file, from which any report on it can be made again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.usecases.backtest.series import CandleSeries, series_of
from hedgerow.usecases.report_facts import EquityPoint, RunFacts

RUN_FILE: Final = "run.json"


@dataclass(frozen=True, slots=True)
class _Candles:
    """A CandleSeries in lists, which is what JSON has."""

    symbol: str
    timeframe: Timeframe
    price_places: int
    volume_places: int
    open_us: list[int]
    open: list[int]
    high: list[int]
    low: list[int]
    close: list[int]
    volume: list[int]

    def __post_init__(self) -> None:
        columns = (self.open, self.high, self.low, self.close, self.volume)
        _require_even(self.open_us, *columns)


@dataclass(frozen=True, slots=True)
class _Equity:
    """Points of an equity curve in columns: a third of their size."""

    at: list[datetime]
    equity: list[Decimal]
    cash: list[Decimal]

    def __post_init__(self) -> None:
        _require_even(self.at, self.equity, self.cash)


@dataclass(frozen=True, slots=True)
class _RunFile:
    """The facts of a run but for its long series, which stand beside in columns."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", ser_json_inf_nan="strings"
    )

    hedgerow_run: Literal[1]
    facts: RunFacts
    equity: _Equity
    candles: dict[str, _Candles]


def write_run(folder: Path, facts: RunFacts) -> None:
    """Write the record to `folder`, whole or not at all; raises InputRefused where it cannot be."""
    content = _FORMAT.dump_json(_file_of(facts))
    try:
        folder.mkdir(exist_ok=True)
        with TemporaryDirectory(prefix=".hedgerow-run-", dir=folder) as drafts:
            draft = Path(drafts) / RUN_FILE
            draft.write_bytes(content)
            os.replace(draft, folder / RUN_FILE)
    except OSError as error:
        raise InputRefused(
            what=f"cannot be written to: {error.strerror or error}",
            where=str(folder),
            fix="name a folder that you may write to",
        ) from error


def read_run(folder: Path) -> RunFacts:
    """The record in `folder`; raises InputRefused where there is none, or it is damaged."""
    path = folder / RUN_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputRefused(
            what=f"holds no run that can be read: {error.strerror or error}",
            where=str(path),
            fix="name a folder that `--export` has written",
        ) from error
    try:
        return _facts_of(_FORMAT.validate_json(content))
    except ValidationError as error:
        first: Any = error.errors()[0]
        raise InputRefused(
            what=f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}",
            where=str(path),
            fix="export the run again: the file is damaged, or of another version",
        ) from error


def _require_even(*columns: Sequence[object]) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError("its columns are not equally long")


def _file_of(facts: RunFacts) -> _RunFile:
    return _RunFile(
        hedgerow_run=1,
        facts=replace(facts, equity=(), candles={}),
        equity=_Equity(
            at=[point.at for point in facts.equity],
            equity=[point.equity for point in facts.equity],
            cash=[point.cash for point in facts.equity],
        ),
        candles={symbol: _columns(candles) for symbol, candles in facts.candles.items()},
    )


def _facts_of(file: _RunFile) -> RunFacts:
    equity = file.equity
    points = zip(equity.at, equity.equity, equity.cash, strict=True)
    return replace(
        file.facts,
        equity=[EquityPoint(*point) for point in points],
        candles={symbol: _series(candles) for symbol, candles in file.candles.items()},
    )


def _columns(candles: Sequence[Candle]) -> _Candles:
    series = candles if isinstance(candles, CandleSeries) else series_of(candles)
    return _Candles(
        series.symbol,
        series.timeframe,
        series.price_places,
        series.volume_places,
        *map(list, (series.open_us, series.open, series.high)),
        *map(list, (series.low, series.close, series.volume)),
    )


def _series(candles: _Candles) -> CandleSeries:
    return CandleSeries(
        candles.symbol,
        candles.timeframe,
        candles.price_places,
        candles.volume_places,
        candles.open_us,
        candles.open,
        candles.high,
        candles.low,
        candles.close,
        candles.volume,
    )


_FORMAT: Final = TypeAdapter(_RunFile)
