"""Classify markets every quarter of an hour, by the candles that had closed by then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.regimes import (
    CLASSIFIED_TIMEFRAMES,
    CLASSIFY_EVERY,
    RegimeClassification,
    RegimeReading,
    classification,
)
from hedgerow.usecases.ports.desk import RegimeModel
from hedgerow.usecases.ports.market import CandleStore, RolledUpCandles
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from hedgerow.usecases.regime_sources import claim_regimes

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# As many moments are looked up and saved at once: ten days of them.
_AT_ONCE: Final = 960


class StoredCandles(CandleStore, RolledUpCandles, Protocol):
    """Candles as they were stored, and made of stored 1m candles."""


@dataclass(frozen=True, slots=True)
class RegimeDesk:
    """What classifying needs from the outside."""

    open_unit_of_work: OpenUnitOfWork
    candles: StoredCandles
    model: RegimeModel


@dataclass(frozen=True, slots=True)
class Classify:
    """Which markets, and from when until when (both included).

    Without `since` each market goes on after its latest classification, or begins with its first
    candle.
    """

    exchange: Exchange
    symbols: Sequence[str]
    until: datetime
    since: datetime | None = None
    timeframes: Sequence[Timeframe] = CLASSIFIED_TIMEFRAMES


@dataclass(slots=True)
class Classified:
    """What was done for one market: its moments, rows stored by version, and moments with one.

    `last` is its latest classification among those that were stored now. `has_enough_candles` tells
    whether as many have closed as the rules need.
    """

    symbol: str
    timeframe: Timeframe
    moments: int = 0
    stored: Counter[str] = field(default_factory=Counter)
    known_before: int = 0
    has_enough_candles: bool = True
    last: RegimeClassification | None = None


async def classify_due(
    desk: RegimeDesk, exchange: Exchange, symbols: Sequence[str], at: datetime
) -> list[Classified]:
    """Classify what has become due by `at`; `follow_regimes` calls it every quarter of an hour.

    Calls that were missed are made up for, and one that comes twice changes nothing.
    """
    return await classify_regimes(desk, Classify(exchange, symbols, until=at), lambda *_: None)


async def classify_regimes(
    desk: RegimeDesk, request: Classify, show: Callable[[str, int, int], None]
) -> list[Classified]:
    """Classify every market; moments that are classified already stay as they are.

    Rows are saved as it goes, so that an interrupted call goes on where it stopped. A moment gets
    no row where the latest candle is missing, or too few have closed. `show` is told the market,
    how many of its moments are done and how many there are. Raises InputRefused where a symbol's
    regimes are of another exchange.
    """
    async with desk.open_unit_of_work(SYSTEM) as unit:
        # only asked: whose candles are never read claims nothing
        await claim_regimes(unit, request.exchange, request.symbols)
    return [
        await _classify_market(desk, request, Classified(symbol, timeframe), show)
        for symbol in request.symbols
        for timeframe in request.timeframes
    ]


async def read_closed(
    candles: StoredCandles,
    exchange: Exchange,
    symbol: str,
    timeframe: Timeframe,
    start: datetime,
    until: datetime,
) -> list[Candle]:
    """Candles that opened from `start` on and had closed by `until`, oldest first.

    What is not stored in this timeframe is made of 1m candles, where these are complete.
    """
    end = until - timeframe.duration + timedelta(microseconds=1)
    made = await candles.read_rolled_up(exchange, [symbol], timeframe, start, end)
    stored = await candles.read(exchange, [symbol], timeframe, start, end)
    by_time = {candle.open_time: candle for candle in (*made, *stored)}
    return [by_time[time] for time in sorted(by_time)]


def own_versions(model: RegimeModel) -> set[str]:
    """The versions that leave nothing to be judged.

    What only stands in for a learned model is not one of them: its own row may yet come.
    """
    return set(model.versions[:-1] or model.versions)


def moment_from(time: datetime) -> datetime:
    """The first moment at or after `time` at which markets are classified."""
    return _EPOCH + -((_EPOCH - time) // CLASSIFY_EVERY) * CLASSIFY_EVERY


async def _classify_market(
    desk: RegimeDesk, request: Classify, done: Classified, show: Callable[[str, int, int], None]
) -> Classified:
    symbol, timeframe = done.symbol, done.timeframe
    since = request.since or await _resume_from(desk, done, request.until)
    # Twice what is needed, for candles may be missing in between.
    lead = timeframe.duration * (2 * desk.model.candles_needed)
    start = max(since, _EPOCH + lead) - lead
    candles = await read_closed(
        desk.candles, request.exchange, symbol, timeframe, start, request.until
    )
    done.has_enough_candles = len(candles) >= desk.model.candles_least
    moments = list(_moments(candles, desk.model.candles_least, since, request.until))
    reader = _Reader(desk.model, candles)
    for first in range(0, len(moments), _AT_ONCE):
        part = moments[first : first + _AT_ONCE]
        await _classify_part(desk, request.exchange, reader, part, done)
        show(f"{symbol} {timeframe}", first + len(part), len(moments))
    return done


async def _resume_from(desk: RegimeDesk, done: Classified, until: datetime) -> datetime:
    async with desk.open_unit_of_work(SYSTEM) as unit:
        last = await unit.regimes.at(done.symbol, done.timeframe, until, desk.model.versions)
    return _EPOCH if last is None else last.timestamp + timedelta(microseconds=1)


def _moments(
    candles: Sequence[Candle], candles_least: int, since: datetime, until: datetime
) -> Iterator[tuple[datetime, int]]:
    """Each moment, and how many candles had closed by then, the last of them the latest due."""
    for count in range(candles_least, len(candles) + 1):
        closed = candles[count - 1].close_time
        moment = moment_from(max(closed, since))
        while moment < closed + candles[count - 1].timeframe.duration and moment <= until:
            yield moment, count
            moment += CLASSIFY_EVERY


class _Reader:
    """Reads each candle's regime once, however many moments it is the latest at."""

    def __init__(self, model: RegimeModel, candles: Sequence[Candle]) -> None:
        self._model = model
        self._candles = candles
        self._read: tuple[int, RegimeReading] | None = None

    def after(self, count: int) -> RegimeReading:
        """The regime when `count` candles had closed."""
        if self._read is None or self._read[0] != count:
            window = self._candles[max(0, count - self._model.candles_needed) : count]
            self._read = (count, self._model.read(window))
        return self._read[1]


async def _classify_part(
    desk: RegimeDesk,
    exchange: Exchange,
    reader: _Reader,
    moments: Sequence[tuple[datetime, int]],
    done: Classified,
) -> None:
    symbol, timeframe = done.symbol, done.timeframe
    async with desk.open_unit_of_work(SYSTEM) as unit:
        await claim_regimes(unit, exchange, [symbol])
        known = await unit.regimes.between(symbol, timeframe, moments[0][0], moments[-1][0])
        known_by = _versions_by_moment(known)
        wanted = own_versions(desk.model)
        missing = [each for each in moments if not wanted & known_by.get(each[0], set())]
        rows = [
            classification(symbol, timeframe, moment, reader.after(count))
            for moment, count in missing
        ]
        new = [
            row
            for row in rows
            if row.reading.model_version not in known_by.get(row.timestamp, set())
        ]
        await unit.regimes.add(new)
        await unit.commit()
    done.moments += len(moments)
    done.known_before += len(moments) - len(new)
    done.stored.update(row.reading.model_version for row in new)
    done.last = new[-1] if new else done.last


def _versions_by_moment(rows: Sequence[RegimeClassification]) -> Mapping[datetime, set[str]]:
    found: dict[datetime, set[str]] = {}
    for row in rows:
        found.setdefault(row.timestamp, set()).add(row.reading.model_version)
    return found
