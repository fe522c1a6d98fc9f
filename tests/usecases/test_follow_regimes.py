"""Markets are kept classified by the clock: on time, after outages, and by several at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from hedgerow.domain.errors import StoreUnavailable
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.regimes import CLASSIFY_EVERY, RegimeClassification, classification
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.infrastructure.system_clock import SystemClock
from hedgerow.usecases.classify_regimes import RegimeDesk
from hedgerow.usecases.follow_regimes import (
    CANDLES_SETTLE,
    RETRY_AFTER,
    OpenRegimeDesk,
    Round,
    RoundFailed,
    follow_regimes,
    next_round,
)
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from market_builders import BEGIN, random_market
from replay_builders import ShelfOfCandles

BTC: Final = "BTC/USDT"
HOUR: Final = timedelta(hours=1)
SECOND: Final = timedelta(seconds=1)
HOURS: Final = 3
# Three hours that begin when enough candles have closed for the first time.
FIRST: Final = BEGIN + WINDOW * HOUR
LAST: Final = FIRST + HOURS * HOUR
CANDLES: Final = random_market(WINDOW + HOURS, seed=1)


class SimulatedClock:
    """Implements the Clock port: at once where somebody waits for, and the end after `until`."""

    def __init__(self, at: datetime, until: datetime) -> None:
        self.at = at
        self.until = until

    def now(self) -> datetime:
        return self.at

    async def wait_until(self, at: datetime, stop: asyncio.Event) -> None:
        await asyncio.sleep(0)
        if at > self.until:
            stop.set()
        else:
            self.at = max(self.at, at)


class LiveShelf(ShelfOfCandles):
    """Candles that are stored `delay` after they have closed, by the clock."""

    def __init__(self, clock: SimulatedClock, delay: timedelta) -> None:
        super().__init__()
        self._clock = clock
        self._delay = delay

    async def read(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        found = await super().read(exchange, symbols, timeframe, start, end)
        return [each for each in found if each.close_time + self._delay <= self._clock.now()]


class Desks:
    """Opens a desk for each round, but fails where the clock is in `outage`."""

    def __init__(
        self,
        open_unit: OpenUnitOfWork,
        clock: SimulatedClock,
        delay: timedelta = SECOND,
        outage: tuple[datetime, datetime] | None = None,
    ) -> None:
        self._open_unit = open_unit
        self._clock = clock
        self._outage = outage
        self.shelf = LiveShelf(clock, delay)
        self.opened: list[datetime] = []
        self.open_now = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[RegimeDesk]:
        now = self._clock.now()
        self.opened.append(now)
        if self._outage and self._outage[0] <= now < self._outage[1]:
            raise StoreUnavailable("does not answer", "the database", "start it")
        self.open_now += 1
        yield RegimeDesk(self._open_unit, self.shelf, RulesRegimeModel(IndicatorDesk()))
        self.open_now -= 1


async def follow(
    open_desk: OpenRegimeDesk, clock: SimulatedClock, stop: asyncio.Event | None = None
) -> list[Round | RoundFailed]:
    told: list[Round | RoundFailed] = []
    await follow_regimes(
        open_desk, Exchange.BINANCE, [BTC], clock, told.append, stop or asyncio.Event()
    )
    return told


async def stored(open_unit: OpenUnitOfWork) -> list[RegimeClassification]:
    async with open_unit(SYSTEM) as unit:
        return await unit.regimes.between(BTC, Timeframe.H1, BEGIN, LAST + HOUR)


def expected() -> list[RegimeClassification]:
    """What any quarter of an hour must be told as: by the candles that had closed by then."""
    rows = []
    for place in range(4 * HOURS + 1):
        at = FIRST + place * CLASSIFY_EVERY
        closed = [candle for candle in CANDLES if candle.close_time <= at]
        reading = RulesRegimeModel(IndicatorDesk()).read(closed)
        rows.append(classification(BTC, Timeframe.H1, at, reading))
    return rows


async def test_each_quarter_of_an_hour_is_classified_when_it_has_come(
    open_postgres: OpenUnitOfWork,
) -> None:
    clock = SimulatedClock(FIRST - HOUR, LAST + CANDLES_SETTLE)
    desks = Desks(open_postgres, clock)
    await desks.shelf.save(Exchange.BINANCE, CANDLES)
    told = await follow(desks.open, clock)
    quarters = [FIRST - HOUR + place * CLASSIFY_EVERY for place in range(4 * (HOURS + 1) + 1)]
    assert desks.opened == [each + CANDLES_SETTLE for each in quarters]
    assert desks.open_now == 0
    assert await stored(open_postgres) == expected()
    rounds = [each for each in told if isinstance(each, Round)]
    assert [each.at for each in rounds] == desks.opened
    # The first four find too few candles; each later one tells the row that has become due.
    latest = [each.markets[0].last for each in rounds]
    assert latest == [None] * 4 + expected()


async def test_candles_that_come_late_are_caught_up_with(open_postgres: OpenUnitOfWork) -> None:
    clock = SimulatedClock(FIRST, LAST + HOUR)
    desks = Desks(open_postgres, clock, delay=timedelta(minutes=40))
    await desks.shelf.save(Exchange.BINANCE, CANDLES)
    told = await follow(desks.open, clock)
    assert (await stored(open_postgres))[: 4 * HOURS + 1] == expected()
    news = [each.markets[0].stored.total() for each in told if isinstance(each, Round)]
    # At :00, :15 and :30 the last hour's candle is still on its way.
    assert news[:9] == [0, 0, 0, 4, 0, 0, 0, 4, 0]


async def test_an_outage_is_told_and_made_up_for(open_postgres: OpenUnitOfWork) -> None:
    clock = SimulatedClock(FIRST, LAST + CANDLES_SETTLE)
    down = (FIRST + HOUR, FIRST + 2 * HOUR + timedelta(minutes=5))
    desks = Desks(open_postgres, clock, outage=down)
    await desks.shelf.save(Exchange.BINANCE, CANDLES)
    told = await follow(desks.open, clock)
    failed = [each for each in told if isinstance(each, RoundFailed)]
    assert failed[0].at == FIRST + HOUR + CANDLES_SETTLE
    assert {each.next_at - each.at for each in failed} == {RETRY_AFTER}
    assert len(failed) == 65
    assert await stored(open_postgres) == expected()


async def test_one_that_is_started_anew_goes_on(open_postgres: OpenUnitOfWork) -> None:
    for begin, end in ((FIRST, FIRST + HOUR), (FIRST + 2 * HOUR, LAST + CANDLES_SETTLE)):
        clock = SimulatedClock(begin, end)
        desks = Desks(open_postgres, clock)
        await desks.shelf.save(Exchange.BINANCE, CANDLES)
        await follow(desks.open, clock)
    assert await stored(open_postgres) == expected()


async def test_several_at_once_store_each_row_once(open_postgres: OpenUnitOfWork) -> None:
    clocks = [SimulatedClock(FIRST, LAST + CANDLES_SETTLE) for _ in range(4)]
    both = [Desks(open_postgres, clock) for clock in clocks]
    for desks in both:
        await desks.shelf.save(Exchange.BINANCE, CANDLES)
    await asyncio.gather(
        *(follow(desks.open, clock) for desks, clock in zip(both, clocks, strict=True))
    )
    assert await stored(open_postgres) == expected()


async def test_a_stop_ends_the_waiting_but_no_round_under_way(
    open_postgres: OpenUnitOfWork,
) -> None:
    stop = asyncio.Event()
    clock = SimulatedClock(FIRST, LAST)
    desks = Desks(open_postgres, clock)
    await desks.shelf.save(Exchange.BINANCE, CANDLES)

    @asynccontextmanager
    async def open_and_stop() -> AsyncIterator[RegimeDesk]:
        async with desks.open() as desk:
            stop.set()
            yield desk

    told = await follow(open_and_stop, clock, stop)
    assert [type(each) for each in told] == [Round]
    assert await stored(open_postgres) == expected()[:1]


@pytest.mark.parametrize(
    ("after", "begins"),
    [
        ("12:00:00", "12:00:15"),
        ("12:00:14.999999", "12:00:15"),
        ("12:00:15", "12:15:15"),
        ("12:07:00", "12:15:15"),
        ("23:59:00", "00:00:15"),
    ],
)
def test_a_round_begins_when_the_candles_of_the_quarter_have_settled(
    after: str, begins: str
) -> None:
    at = datetime.fromisoformat(f"2024-03-01T{after}+00:00")
    found = next_round(at)
    assert f"{found:%H:%M:%S}" == begins
    assert timedelta() < found - at <= CLASSIFY_EVERY


async def test_the_clock_of_this_machine_waits_and_can_be_stopped() -> None:
    clock, stop = SystemClock(), asyncio.Event()
    begin = clock.now()
    assert abs(begin - datetime.now(UTC)) < SECOND
    await clock.wait_until(begin + timedelta(milliseconds=50), stop)
    assert clock.now() >= begin + timedelta(milliseconds=50)
    await clock.wait_until(begin - HOUR, stop)
    waiting = asyncio.create_task(clock.wait_until(begin + HOUR, stop))
    await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(waiting, 1.0)
