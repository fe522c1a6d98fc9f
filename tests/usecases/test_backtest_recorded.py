"""A recorded paper run, replayed as a backtest, makes the same orders and the same fills."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from builders import digits
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.venues.paper import PaperVenue, PaperVenueRules
from hedgerow.usecases.backtest.desk import BacktestDesk, BacktestPlan, BacktestVenue, ByRules
from hedgerow.usecases.backtest.recorded import RecordedAnalyst, latest_recording
from hedgerow.usecases.backtest.result import BacktestResult
from hedgerow.usecases.backtest.run import run_backtest
from hedgerow.usecases.export_report import export_tables
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.paper_run import report_facts
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from hedgerow.usecases.report import build_report
from hedgerow.usecases.report_document import report_document
from replay_builders import CLOSES, SmallWorld, buy, candle_set, hourly, sell, tighten

BTC, ETH = "BTC/USDT", "ETH/USDT"
SCRIPT = {
    (BTC, 3): buy(),
    (BTC, 4): buy(),
    (BTC, 5): tighten("3"),
    (BTC, 6): tighten("4"),
    (ETH, 4): buy(trailing_stop_pct=Decimal(2)),
    (ETH, 5): sell,
    (BTC, 9): buy("0.4"),
    (ETH, 10): buy("0.1"),
    (ETH, 12): tighten("0"),
    (ETH, 13): tighten("2.007"),
}
RULES = PaperVenueRules(seed=3)


def make_venue(instruments: Any, _: int = 0) -> PaperVenue:
    return PaperVenue(instruments, RULES)


async def test_a_recorded_run_makes_the_same_orders_and_fills(
    open_postgres: OpenUnitOfWork,
) -> None:
    world = SmallWorld(open_postgres, SCRIPT, make_venue=make_venue)
    candles = candle_set(hourly(BTC, CLOSES), hourly(ETH, [close + 3 for close in CLOSES]))
    run = await world.run(candles)
    result = await again(world)
    async with open_postgres(SYSTEM) as unit:
        audited = await unit.audit.orders(run.user_id)
        positions = await unit.trades.positions(run.strategy_id)
        marks = await unit.trades.equity_marks(run.strategy_id)
        counts = await unit.trades.counts(run.user_id)
    assert len(audited) > 10
    # one is no closer than the trade's stop of before, one lies on the price
    assert (counts["StopDecided"], counts["StopRefused"]) == (2, 2)
    of_result = {order.id: order for order in result.orders}
    for each in audited:
        # The store fills in trade ids from the executions, which are compared below.
        order = of_result[each.order.id]
        assert digits_of(order) == digits_of(each.order)
        fills = [fill for fill in result.fills if fill.order_id == order.id]
        assert digits(fills) == digits(each.fills)
    assert len(of_result) == len(audited)
    assert [(p.id, p.net_pnl, p.best_pnl, p.worst_pnl) for p in result.positions] == [
        (p.id, p.net_pnl, p.best_pnl, p.worst_pnl) for p in positions
    ]
    assert [(p.at, p.equity, p.cash) for p in result.equity] == [
        (at, mark.equity, mark.cash) for at, mark in marks
    ]


async def test_its_report_is_that_of_the_run(open_postgres: OpenUnitOfWork) -> None:
    world = SmallWorld(open_postgres, SCRIPT, make_venue=make_venue)
    run = await world.run(candle_set(hourly(BTC, CLOSES), hourly(ETH, [c + 3 for c in CLOSES])))
    recorded, result = await report_facts(world.desk, run), await again(world)
    again_facts = replace(
        result.facts,
        strategy_name=recorded.strategy_name,
        taker_fee_ratio=recorded.taker_fee_ratio,
        slippage_ratio=recorded.slippage_ratio,
        # who decides again neither abstains in words nor learns
        counts=recorded.counts,
    )
    assert again_facts.counts.orders == len(again_facts.orders) > 10
    first, second = build_report(recorded), build_report(again_facts)
    assert report_document(second) == report_document(first)
    tables = [
        {table.name: digits(table.rows) for table in export_tables(report)}
        for report in (first, second)
    ]
    assert tables[0] == tables[1]
    assert tables[0].keys() == {"trades", "equity", "orders", "fills"}


async def test_without_a_run_there_is_nothing_to_replay(open_postgres: OpenUnitOfWork) -> None:
    with pytest.raises(InputRefused, match="no paper run"):
        await latest_recording(SmallWorld(open_postgres).desk)


async def again(world: SmallWorld) -> BacktestResult:
    recording = await latest_recording(world.desk)
    analyst = RecordedAnalyst(recording.decisions)

    def make(instruments: Any) -> BacktestVenue:
        return make_venue(instruments)

    charges = VenueCharges(RULES.taker_fee_ratio, RULES.slippage_ratio)
    desk = BacktestDesk(make, charges, ByRules(lambda: analyst, "recorded"), "recorded")
    plan = BacktestPlan(
        recording.plan.exchange,
        recording.plan.capital,
        profile=recording.profile,
        owner=recording.owner,
    )
    return await run_backtest(desk, plan, recording.candles)


def digits_of(order: object) -> dict[str, Any]:
    kept: dict[str, Any] = digits(order)
    return {name: kept[name] for name in kept if name != "trade_ids"}
