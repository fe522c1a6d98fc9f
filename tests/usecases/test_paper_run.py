"""A paper run infers its instruments, knows its own plan again, and refuses other candles."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from builders import proposal
from hedgerow.domain.ai_usage import AIProvider, ModelChoice
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Exchange, Instrument, MarketType, Timeframe
from hedgerow.domain.proposals import Decision
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.venues.paper import PaperVenue
from hedgerow.usecases.paper_run import RunPlan, plan_run, read_candles_of, report_facts
from hedgerow.usecases.ports.desk import Briefing
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from hedgerow.usecases.report import build_report
from replay_builders import CLOSES, HOUR, START, SmallWorld, buy, candle_set, hourly, plan_of

BTC, ETH = "BTC/USDT", "ETH/USDT"
SERIES = hourly(BTC, CLOSES)


class Instruments:
    """Makes paper venues, and remembers for which instruments."""

    def __init__(self) -> None:
        self.found: list[Instrument] = []

    def __call__(self, instruments: Any, _: int) -> PaperVenue:
        self.found = list(instruments)
        return PaperVenue(instruments)


@pytest.mark.parametrize(
    ("changes", "tick", "step"),
    [
        ({}, "0.1", "0.001"),
        ({"close": Decimal("104.2500")}, "0.01", "0.001"),
        ({"low": Decimal("95.0001")}, "0.0001", "0.001"),
        ({"volume": Decimal("5000.00012")}, "0.1", "0.00001"),
        ({"volume": Decimal("5000.1234567891234")}, "0.1", "0.00000001"),
    ],
)
async def test_the_finest_digits_of_the_candles_are_the_grid(
    open_postgres: OpenUnitOfWork, changes: dict[str, Decimal], tick: str, step: str
) -> None:
    made = Instruments()
    series = [*SERIES[:4], replace(SERIES[4], **changes)]  # type: ignore[arg-type]
    world = SmallWorld(open_postgres, {}, make_venue=made)
    run = await world.run(candle_set(series, hourly(ETH, (10, 20))))
    bitcoin, ether = made.found
    assert (bitcoin.symbol, bitcoin.market_type) == (BTC, MarketType.SPOT)
    assert (bitcoin.price_tick, bitcoin.quantity_step) == (Decimal(tick), Decimal(step))
    assert bitcoin.notional_quote_min == 5
    assert (ether.price_tick, ether.quantity_step) == (Decimal("0.1"), Decimal("0.001"))
    async with open_postgres(SYSTEM) as unit:
        fund = await unit.funds.load(run.user_id)
    assert sorted(fund.instruments.values(), key=lambda each: each.symbol) == made.found


async def test_symbols_whose_regimes_are_of_another_exchange_are_refused(
    open_postgres: OpenUnitOfWork,
) -> None:
    async with open_postgres(SYSTEM) as unit:
        await unit.regimes.claim(BTC, Exchange.OKX)
        await unit.commit()
    with pytest.raises(InputRefused, match=r"BTC/USDT are read from candles of okx"):
        await SmallWorld(open_postgres, {}).run(candle_set(SERIES))
    async with open_postgres(SYSTEM) as unit:
        assert await unit.runs.all() == []


async def test_a_run_keeps_its_symbols_regimes_to_its_exchange(
    open_postgres: OpenUnitOfWork,
) -> None:
    await SmallWorld(open_postgres, {}).run(candle_set(SERIES))
    async with open_postgres(SYSTEM) as unit:
        assert await unit.regimes.claim(BTC, Exchange.OKX) is Exchange.BINANCE


async def test_whole_numbers_make_a_grid_of_one(open_postgres: OpenUnitOfWork) -> None:
    made = Instruments()
    whole = [
        Candle(BTC, Timeframe.H1, START, *(Decimal(f"{n}.00") for n in (100, 120, 90, 110, 7000)))
    ]
    await SmallWorld(open_postgres, {}, make_venue=made).run(candle_set(whole))
    (bitcoin,) = made.found
    assert (bitcoin.price_tick, bitcoin.quantity_step) == (Decimal(1), Decimal(1))


async def test_later_candles_with_a_finer_grid_leave_the_first_fund_its_own(
    open_postgres: OpenUnitOfWork,
) -> None:
    first = await SmallWorld(open_postgres, {}).run(candle_set(SERIES))
    finer = [
        replace(each, open_time=each.open_time + timedelta(days=30), volume=Decimal("9.0000001"))
        for each in SERIES
    ]
    second = await SmallWorld(open_postgres, {}).run(candle_set(finer))
    steps = []
    for run in (first, second):
        async with open_postgres(SYSTEM) as unit:
            fund = await unit.funds.load(run.user_id)
        steps.append([rules.quantity_step for rules in fund.instruments.values()])
    assert steps == [[Decimal("0.001")], [Decimal("0.0000001")]]


def test_a_plan_says_what_was_asked_for() -> None:
    candles = candle_set(SERIES, hourly(ETH, CLOSES))
    plan = plan_run(candles, Exchange.GATE, Decimal("5.50"), 3, RiskTolerance.CONSERVATIVE)
    assert plan == RunPlan(
        exchange=Exchange.GATE,
        symbols=(BTC, ETH),
        timeframe=Timeframe.H1,
        capital=Decimal("5.50"),
        seed=3,
        risk_tolerance=RiskTolerance.CONSERVATIVE,
        candles_fingerprint=candles.fingerprint,
        starts_at=START,
        ends_at=START + len(CLOSES) * HOUR,
    )


OTHERWISE: dict[str, Any] = {
    "exchange": Exchange.BYBIT,
    "symbols": (BTC, ETH),
    "timeframe": Timeframe.H4,
    "capital": Decimal(10_001),
    "seed": 8,
    "risk_tolerance": RiskTolerance.AGGRESSIVE,
    "candles_fingerprint": "another",
    "starts_at": START + HOUR,
    "ends_at": START,
    "model": ModelChoice(AIProvider.COMPATIBLE, "another"),
}


def test_the_same_plan_has_the_same_fingerprint() -> None:
    assert plan_of(candle_set(SERIES)).fingerprint == plan_of(candle_set(SERIES)).fingerprint
    assert OTHERWISE.keys() == {each.name for each in fields(RunPlan)}


@pytest.mark.parametrize("name", OTHERWISE)
def test_another_plan_has_another_fingerprint(name: str) -> None:
    plan = plan_of(candle_set(SERIES))
    assert replace(plan, **{name: OTHERWISE[name]}).fingerprint != plan.fingerprint


def test_symbols_in_several_currencies_are_refused() -> None:
    with pytest.raises(InputRefused) as refused:
        plan_of(candle_set(SERIES, hourly("ETH/BTC", CLOSES)))
    assert "(BTC, USDT)" in refused.value.what
    assert refused.value.where == "--symbols"


@pytest.mark.parametrize(
    "stored",
    [
        [replace(SERIES[5], close=Decimal("103.1"))],
        [*SERIES[:5], replace(SERIES[5], volume=Decimal(1))],
        [replace(SERIES[5], open_time=SERIES[5].open_time + timedelta(minutes=30))],
    ],
    ids=["another price", "another volume", "another time"],
)
async def test_other_candles_in_the_store_are_refused_and_stay(
    open_postgres: OpenUnitOfWork, stored: list[Candle]
) -> None:
    world, candles = SmallWorld(open_postgres), candle_set(SERIES)
    await world.shelf.save(Exchange.BINANCE, stored)
    with pytest.raises(InputRefused, match="other candles of these symbols are stored already"):
        await world.run(candles)
    assert await read_candles_of(world.desk, plan_of(candles)) == stored
    async with open_postgres(SYSTEM) as unit:
        assert await unit.runs.latest() is None


async def test_candles_that_are_stored_already_or_elsewhere_do_no_harm(
    open_postgres: OpenUnitOfWork,
) -> None:
    world, candles = SmallWorld(open_postgres), candle_set(SERIES)
    before = replace(SERIES[0], open_time=START - HOUR)
    other = replace(SERIES[3], symbol=ETH)
    await world.shelf.save(Exchange.BINANCE, [before, *SERIES[2:7], other])
    await world.shelf.save(Exchange.OKX, [replace(SERIES[3], close=Decimal(1))])
    run = await world.run(candles)
    assert run.finished_at == START + len(CLOSES) * HOUR
    assert await read_candles_of(world.desk, plan_of(candles)) == SERIES


async def test_a_finished_plan_begins_anew_and_another_is_another_run(
    open_postgres: OpenUnitOfWork,
) -> None:
    candles = candle_set(SERIES)
    world = SmallWorld(open_postgres)
    runs = [await world.run(candles), await world.run(candles), await world.run(candles, seed=8)]
    assert len({run.id for run in runs}) == len({run.user_id for run in runs}) == 3
    assert len({run.fingerprint for run in runs}) == 2
    async with open_postgres(SYSTEM) as unit:
        assert await unit.runs.count(runs[0].fingerprint) == 2
        assert await unit.runs.latest() == runs[2]
        assert await unit.runs.are_alone()


async def test_what_was_interrupted_goes_on_unless_the_plan_is_another(
    open_postgres: OpenUnitOfWork,
) -> None:
    candles = candle_set(SERIES)
    world = SmallWorld(open_postgres)
    stopped = await world.run(candles, lambda: len(world.progress) >= 5)
    assert (stopped.finished_at, stopped.closed_through) == (None, START + 4 * HOUR)
    other = await SmallWorld(open_postgres).run(candles, capital=500)
    assert other.id != stopped.id
    resumed = await SmallWorld(open_postgres).run(candles)
    assert resumed.id == stopped.id
    assert resumed.finished_at == START + len(CLOSES) * HOUR


async def test_its_record_can_be_read_back(open_postgres: OpenUnitOfWork) -> None:
    world = SmallWorld(open_postgres)
    run = await world.run(candle_set(SERIES))
    facts = await report_facts(world.desk, run)
    assert facts.is_finished
    assert facts.capital == Decimal(10_000)
    assert facts.candles == {BTC: SERIES}
    assert facts.allocations == {BTC: Decimal(1)}
    assert [point.at for point in facts.equity] == [c.close_time for c in SERIES]
    assert [trade.journal is not None for trade in facts.trades] == [True, True]
    assert facts.fees == sum(trade.position.fees for trade in facts.trades)
    assert (facts.counts.candles, facts.counts.decisions) == (len(SERIES), len(SERIES) - 2)
    assert (facts.counts.journal_entries, facts.counts.memories) == (2, 6)
    assert facts.counts.orders == 6
    assert facts.counts.fills >= 4
    assert [len(each.fills) > 0 for each in facts.orders].count(True) == 4
    assert facts.funding == 0
    assert {trade.agent_id for trade in facts.trades} == {proposal(BTC).agent_id}


async def test_a_report_knows_which_memories_were_used_and_what_they_say(
    open_postgres: OpenUnitOfWork,
) -> None:
    def buy_by_memory(briefing: Briefing) -> Decision:
        first, *_ = world.analyst.remembered[BTC, briefing.at]
        return buy(memories_used=(first.id,))(briefing)

    world = SmallWorld(open_postgres, {(BTC, 3): buy(), (BTC, 9): buy_by_memory})
    facts = await report_facts(world.desk, await world.run(candle_set(SERIES)))
    used, *_ = world.analyst.remembered[BTC, START + 9 * HOUR]
    assert [list(trade.memories_used) for trade in facts.trades] == [[], [used.id]]
    assert facts.memories == {used.id: used.content}


async def test_what_a_strategy_keeps_is_what_its_report_reckons(
    open_postgres: OpenUnitOfWork,
) -> None:
    closes = [100 + round(12 * math.sin(hour / 7)) for hour in range(24 * 5)]
    script = {(BTC, hour): buy() for hour in (5, 30, 55, 80)}
    world = SmallWorld(open_postgres, script)
    run = await world.run(candle_set(hourly(BTC, closes)))
    report = build_report(await report_facts(world.desk, run))
    async with open_postgres(SYSTEM) as unit:
        strategy = (await unit.funds.load(run.user_id)).strategies[run.strategy_id]
    assert strategy.daily_returns.count >= 4
    assert strategy.sharpe_ratio == report.fund.sharpe_ratio != 0
    assert strategy.win_rate == report.totals.win_rate_pct
    # the strategy sees every price, the report every close
    assert strategy.max_drawdown >= report.fund.max_drawdown.percent > 0
