"""A replay knows nothing before its time, and comes out the same however often it is stopped."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import digits
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.memory import MemoryType
from hedgerow.domain.regimes import CLASSIFY_EVERY, Regime, RegimeReading, classification
from hedgerow.usecases.candle_series import series_of
from hedgerow.usecases.classify_regimes import (
    Classify,
    RegimeDesk,
    StoredCandles,
    classify_regimes,
)
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from hedgerow.usecases.verify_books import verify_all
from postgres_fixtures import empty
from replay_builders import (
    CLOSES,
    HOUR,
    START,
    WARM_UP,
    Crashed,
    ShelfOfCandles,
    SmallWorld,
    buy,
    candle_set,
    crashing,
    hourly,
    outcome,
    sell,
)

BTC, ETH = "BTC/USDT", "ETH/USDT"


async def opened_at(open_unit: OpenUnitOfWork, run: PaperRun) -> list[datetime]:
    async with open_unit(SYSTEM) as unit:
        return [each.opened_at for each in await unit.trades.positions(run.strategy_id)]


async def test_decisions_see_closed_candles_only_and_begin_after_the_warm_up(
    open_postgres: OpenUnitOfWork,
) -> None:
    world = SmallWorld(open_postgres)
    series = hourly(BTC, CLOSES)
    await world.run(candle_set(series))
    briefings = world.analyst.briefings
    hours = range(WARM_UP, len(CLOSES) + 1)
    fours = list(series_of(series).rolled_up(Timeframe.H4))
    assert [briefing.at for briefing in briefings] == [START + hour * HOUR for hour in hours]
    for hour, briefing in zip(hours, briefings, strict=True):
        assert list(briefing.candles) == series[max(0, hour - 4) : hour]
        assert briefing.candles[-1].close_time == briefing.at
        assert list(briefing.longer(Timeframe.H4, 2)) == fours[max(0, hour // 4 - 2) : hour // 4]
    assert world.regimes.shown == [tuple(series[hour - WARM_UP : hour]) for hour in hours]


async def test_analyst_and_journal_read_the_row_that_is_stored(
    open_postgres: OpenUnitOfWork,
) -> None:
    world = SmallWorld(open_postgres)
    candles = candle_set(hourly(BTC, CLOSES))
    moments = [START + hour * HOUR for hour in range(WARM_UP, len(CLOSES) + 1)]
    rows = [
        classification(
            BTC, Timeframe.H1, at, RegimeReading(Regime.TREND_DOWN, 0.75, {"adx": 30.0}, "constant")
        )
        for at in moments
    ]
    other = RegimeReading(Regime.VOLATILE, 1.0, {}, "another_model")
    async with open_postgres(SYSTEM) as unit:
        await unit.regimes.add(rows)
        # A model that this desk does not use says nothing here.
        await unit.regimes.add([classification(BTC, Timeframe.H1, at, other) for at in moments])
        await unit.commit()
    run = await world.run(candles)
    assert world.regimes.shown == []
    assert [b.regime for b in world.analyst.briefings] == [row.reading for row in rows]
    async with open_postgres(SYSTEM) as unit:
        assert await unit.regimes.between(BTC, Timeframe.H1, START, moments[-1]) == sorted(
            [*rows, *(classification(BTC, Timeframe.H1, at, other) for at in moments)],
            key=lambda row: (row.timestamp, row.reading.model_version),
        )
        trades = await unit.trades.positions(run.strategy_id)
        journal = [await unit.journal.of_trade(trade.id) for trade in trades]
    exits = [entry.lessons_learned for entry in journal if entry is not None]
    assert exits
    assert all("in trend_down" in lessons for lessons in exits)


@pytest.mark.parametrize("known", [4, 9])
async def test_another_future_changes_nothing_before_it(
    open_postgres: OpenUnitOfWork, known: int
) -> None:
    other_closes = (*CLOSES[:known], *(close * 2 for close in CLOSES[known:]))
    marks, orders, briefings = [], [], []
    until = START + known * HOUR
    for closes in (CLOSES, other_closes):
        world = SmallWorld(open_postgres)
        run = await world.run(candle_set(hourly(BTC, closes)))
        world_ends = [b for b in world.analyst.briefings if b.at <= until]
        briefings.append(
            [(b.at, b.candles, b.longer(Timeframe.H4, 9), b.has_working_entry) for b in world_ends]
        )
        async with open_postgres(SYSTEM) as unit:
            noted = await unit.trades.equity_marks(run.strategy_id)
            audited = await unit.audit.orders(run.user_id)
        marks.append([(at, mark.equity, mark.cash) for at, mark in noted if at <= until])
        orders.append(
            [
                (a.order.purpose, a.order.amount, a.order.stop_price, a.order.price, a.order.type)
                for a in audited
                if a.order.created_at <= until
            ]
        )
        world.shelf = type(world.shelf)()
    assert briefings[0] == briefings[1]
    assert marks[0] == marks[1]
    assert len(marks[0]) == known
    assert orders[0] == orders[1] != []


async def test_an_order_is_executed_in_the_span_after_its_decision(
    open_postgres: OpenUnitOfWork,
) -> None:
    run = await SmallWorld(open_postgres).run(candle_set(hourly(BTC, CLOSES)))
    assert await opened_at(open_postgres, run) == [START + 3 * HOUR, START + 9 * HOUR]


async def test_a_symbol_whose_candle_is_missing_is_not_judged_and_the_other_is(
    open_postgres: OpenUnitOfWork,
) -> None:
    world = SmallWorld(open_postgres)
    ether = hourly(ETH, CLOSES)
    missing = ether.pop(5)
    run = await world.run(candle_set(hourly(BTC, CLOSES), ether))
    judged: dict[str, list[int]] = {BTC: [], ETH: []}
    for briefing in world.analyst.briefings:
        judged[briefing.symbol].append(round((briefing.at - START) / HOUR))
    assert judged[BTC] == list(range(WARM_UP, len(CLOSES) + 1))
    assert judged[ETH] == [hour for hour in judged[BTC] if hour != 6]
    assert all(missing not in briefing.candles for briefing in world.analyst.briefings)
    assert run.finished_at == START + len(CLOSES) * HOUR


async def test_a_regime_is_noted_for_every_candle_that_was_judged(
    open_postgres: OpenUnitOfWork,
) -> None:
    await SmallWorld(open_postgres).run(candle_set(hourly(BTC, CLOSES)))
    async with open_postgres(SYSTEM) as unit:
        assert await unit.regimes.at(BTC, Timeframe.H1, START + (WARM_UP - 1) * HOUR) is None
        for hour in range(WARM_UP, len(CLOSES) + 1):
            found = await unit.regimes.at(BTC, Timeframe.H1, START + hour * HOUR)
            assert found is not None
            assert found.timestamp == START + hour * HOUR
            assert found.reading.regime is Regime.RANGE


async def test_classifying_afterwards_adds_the_quarters_between_to_the_rows_of_a_run(
    open_postgres: OpenUnitOfWork,
) -> None:
    class Shelf(ShelfOfCandles):
        async def read_rolled_up(self, *_: object) -> list[Candle]:
            return []

    world = SmallWorld(open_postgres, shelf=Shelf())
    await world.run(candle_set(hourly(BTC, CLOSES)))
    last = START + len(CLOSES) * HOUR
    closes = [START + hour * HOUR for hour in range(WARM_UP, len(CLOSES) + 1)]
    async with open_postgres(SYSTEM) as unit:
        of_run = await unit.regimes.between(BTC, Timeframe.H1, START, last)
    assert [row.timestamp for row in of_run] == closes
    desk = RegimeDesk(open_postgres, cast(StoredCandles, world.shelf), world.regimes)
    request = Classify(Exchange.BINANCE, [BTC], last, START, (Timeframe.H1,))
    (done,) = await classify_regimes(desk, request, lambda *_: None)
    assert (done.known_before, done.stored.total()) == (len(closes), 3 * (len(closes) - 1))
    async with open_postgres(SYSTEM) as unit:
        found = await unit.regimes.between(BTC, Timeframe.H1, START, last)
    assert [row for row in found if row.timestamp in closes] == of_run
    assert [row.timestamp for row in found] == [
        closes[0] + place * CLASSIFY_EVERY for place in range(len(found))
    ]


async def test_progress_is_shown_span_by_span(open_postgres: OpenUnitOfWork) -> None:
    world = SmallWorld(open_postgres, {(BTC, 4): buy(), (BTC, 6): sell})
    await world.run(candle_set(hourly(BTC, CLOSES[:8])))
    assert [(p.spans_done, p.spans) for p in world.progress] == [(n, 8) for n in range(1, 9)]
    assert [p.at for p in world.progress] == [START + hour * HOUR for hour in range(1, 9)]
    words = [p.last_decision for p in world.progress]
    assert words[:3] == ["warming up"] * 2 + [f"{BTC}: wait — the script is silent"]
    bought = f"2024-03-01 04:00 {BTC}: long — volume confirms the breakout"
    # What was done stays to be read while nothing else is.
    assert words[3:] == [
        bought,
        bought,
        *[f"2024-03-01 06:00 {BTC}: leave — the idea is spent"] * 3,
    ]
    assert [p.time_in_market_pct for p in world.progress] == [0, 0, 0, 0, 20, 33, 28, 25]
    held = [len(p.open_positions) for p in world.progress]
    assert held == [0, 0, 0, 0, 1, 1, 0, 0]
    assert world.progress[4].open_positions[0].startswith("BTC/USDT long ")
    assert world.progress[0].equity == "10,000.00"
    assert {p.quote_currency for p in world.progress} == {"USDT"}


async def test_recall_finds_what_was_known_by_then_and_no_later(
    open_postgres: OpenUnitOfWork,
) -> None:
    world = SmallWorld(open_postgres)
    await world.run(candle_set(hourly(BTC, CLOSES)))
    remembered = world.analyst.remembered
    for (_, at), memories in remembered.items():
        assert all(memory.created_at <= at for memory in memories)
    kinds = {
        hour: sorted(memory.type for memory in remembered[BTC, START + hour * HOUR])
        for hour in (3, 4, 6, 7, 9, 10, 16)
    }
    decision, lesson, trade = MemoryType.DECISION, MemoryType.LESSON, MemoryType.TRADE
    assert kinds == {
        3: [],
        4: [decision],
        6: [decision],
        7: [decision, lesson, trade],
        9: [decision, lesson, trade],
        10: [decision, decision, lesson, trade],
        16: [decision, decision, lesson, lesson, trade, trade],
    }


async def test_what_one_run_has_learned_is_not_known_to_the_next(
    open_postgres: OpenUnitOfWork,
) -> None:
    candles = candle_set(hourly(BTC, CLOSES))
    first = SmallWorld(open_postgres)
    one = await first.run(candles)
    second = SmallWorld(open_postgres)
    other = await second.run(candles)
    assert one.user_id != other.user_id
    assert digits(second.analyst.remembered[BTC, START + 3 * HOUR]) == []
    kinds = [
        [[memory.type for memory in found] for found in world.analyst.remembered.values()]
        for world in (first, second)
    ]
    assert kinds[0] == kinds[1]


async def test_stops_between_two_spans_and_goes_on_from_there(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine
) -> None:
    candles = candle_set(hourly(BTC, CLOSES), hourly(ETH, CLOSES[::-1]))
    script = {(BTC, 3): buy(), (ETH, 5): buy(), (BTC, 9): buy()}
    run = await SmallWorld(open_postgres, script).run(candles)
    expected = await outcome(open_postgres, run.user_id)
    await empty(admin_database)
    stops = 0
    for stop_after in (0, 1, 4, 2, 3, 1, 99):
        world, asked = SmallWorld(open_postgres, script), count()
        going = await world.run(candles, lambda n=stop_after, a=asked: next(a) >= n)  # type: ignore[misc]
        if going.finished_at is None:
            stops += 1
            assert len(world.progress) == stop_after
    assert stops == 6
    assert (going.id, going.user_id) == (run.id, run.user_id)
    assert going.finished_at == run.finished_at
    assert going.venue == run.venue
    assert await outcome(open_postgres, going.user_id) == expected


@pytest.mark.parametrize("commits", [2, 4])
async def test_a_process_that_dies_every_few_commits_comes_to_the_same_end(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine, commits: int
) -> None:
    candles = candle_set(hourly(BTC, CLOSES), hourly(ETH, CLOSES[::-1]))
    script = {(BTC, 3): buy(), (ETH, 5): buy(), (BTC, 9): buy(), (BTC, 14): buy()}
    run = await SmallWorld(open_postgres, script).run(candles)
    expected = await outcome(open_postgres, run.user_id)
    await empty(admin_database)
    ended, deaths = None, 0
    while ended is None and deaths < 60:
        try:
            ended = await SmallWorld(crashing(open_postgres, commits), script).run(candles)
        except Crashed:
            deaths += 1
            async with open_postgres(SYSTEM) as unit:
                latest = await unit.runs.latest()
            # it may die of its last commit
            ended = latest if latest and latest.finished_at else None
    assert deaths >= 10
    assert ended == run
    assert await outcome(open_postgres, run.user_id) == expected
    async with open_postgres(SYSTEM) as unit:
        assert (await verify_all(unit)).differences == []
