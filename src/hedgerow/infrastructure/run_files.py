"""The whole record of a run as one JSON file, from which any report on it can be made again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from operator import lt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.usecases.candle_series import CandleSeries, microseconds, series_of
from hedgerow.usecases.report_facts import EquityPoint, RunFacts

RUN_FILE: Final = "run.json"

# Far around any run, far from where adding to a time leaves the years that Python counts.
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2201, 1, 1, tzinfo=UTC)
_FIRST_US, _LAST_US = microseconds(_FIRST), microseconds(_LAST)

# As many decimals as a number of candle files can have.
_Places = Annotated[int, Field(ge=0, le=38)]


@dataclass(frozen=True, slots=True)
class _Candles:
    """A CandleSeries in lists, which is what JSON has."""

    symbol: str
    timeframe: Timeframe
    price_places: _Places
    volume_places: _Places
    open_us: list[int]
    open: list[int]
    high: list[int]
    low: list[int]
    close: list[int]
    volume: list[int]

    def __post_init__(self) -> None:
        columns = (self.open, self.high, self.low, self.close, self.volume)
        _require_even(self.open_us, *columns)
        _require_rising("open_us", self.open_us)
        if self.open_us and not _FIRST_US <= self.open_us[0] <= self.open_us[-1] < _LAST_US:
            raise ValueError(f"open_us leaves the years {_FIRST.year} to {_LAST.year - 1}")


@dataclass(frozen=True, slots=True)
class _Equity:
    """Points of an equity curve in columns: a third of their size."""

    at: list[AwareDatetime]
    equity: list[Decimal]
    cash: list[Decimal]

    def __post_init__(self) -> None:
        _require_even(self.at, self.equity, self.cash)
        _require_rising("at", self.at)
        if not self.at:
            raise ValueError("it has no point: the run has lived through no candle")
        _require_sane(self.at)


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

    def __post_init__(self) -> None:
        if self.facts.capital <= 0:
            raise ValueError(f"facts.capital is {self.facts.capital}, and must be above 0")
        for symbol in self.facts.allocations:
            candles = self.candles.get(symbol)
            # a run that was stopped early may not have come to the first one
            if candles is None or (self.facts.is_finished and not candles.open_us):
                raise ValueError(f"candles has none of {symbol}, which the run traded")
        _require_sane(_times((self.facts.trades, self.facts.orders)))


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
            what=f"{'.'.join(map(str, first['loc'])) or 'the file'}: {_words(first['msg'])}",
            where=str(path),
            fix="export the run again: the file is damaged, or of another version",
        ) from error


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")


def _require_even(*columns: Sequence[object]) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError("its columns are not equally long")


def _require_rising(name: str, times: Sequence[Any]) -> None:
    if not all(map(lt, times, islice(times, 1, None))):
        raise ValueError(f"{name} does not rise from each to the next")


def _require_sane(times: Iterable[datetime]) -> None:
    for time in times:
        if time.tzinfo is None:
            raise ValueError(f"the time {time.isoformat()} names no zone")
        if not _FIRST <= time < _LAST:
            years = f"the years {_FIRST.year} to {_LAST.year - 1}"
            raise ValueError(f"the time {time.isoformat()} leaves {years}")


def _times(value: object) -> Iterator[datetime]:
    """All times inside a record, however deep."""
    if isinstance(value, datetime):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _times(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from _times(list(value.values()))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for each in value:
            yield from _times(each)


def _file_of(facts: RunFacts) -> _RunFile:
    return _RunFile(
        hedgerow_run=1,
        facts=replace(facts, equity=(), candles={}),
        equity=_Equity(
            at=[point.at for point in facts.equity],
            equity=[point.equity for point in facts.equity],
            cash=[point.cash for point in facts.equity],
        ),
        candles={
            symbol: _columns(symbol, facts.timeframe, facts.candles.get(symbol, ()))
            for symbol in sorted({*facts.allocations, *facts.candles})
        },
    )


def _facts_of(file: _RunFile) -> RunFacts:
    equity = file.equity
    points = zip(equity.at, equity.equity, equity.cash, strict=True)
    return replace(
        file.facts,
        equity=[EquityPoint(*point) for point in points],
        candles={symbol: _series(candles) for symbol, candles in file.candles.items()},
    )


def _columns(symbol: str, timeframe: Timeframe, candles: Sequence[Candle]) -> _Candles:
    if not candles:
        return _Candles(symbol, timeframe, 0, 0, [], [], [], [], [], [])
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
