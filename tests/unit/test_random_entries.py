"""Chance enters as often as it should, on the terms that it is given."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from backtest_builders import BTC, ETH, wandering
from builders import proposal
from hedgerow.bootstrap.evaluations import random_desk
from hedgerow.domain.market import Exchange
from hedgerow.domain.positions import PositionSide
from hedgerow.usecases.backtest.desk import BacktestPlan
from hedgerow.usecases.backtest.result import BacktestResult
from hedgerow.usecases.backtest.run import run_backtest
from hedgerow.usecases.evaluate.random_entries import Terms, draw_lots, random_entries, terms_of

CANDLES = {symbol: wandering(3, 400, symbol) for symbol in (BTC, ETH)}
TERMS = [Terms(PositionSide.LONG, 0.02 + n / 1000, 0.04, None, 0.05) for n in range(12)]


async def traded(seed: int) -> BacktestResult:
    desk = random_desk(seed, CANDLES, random_entries(draw_lots(seed, TERMS, CANDLES, 100)))
    return await run_backtest(desk, BacktestPlan(Exchange.BINANCE, Decimal(10_000)), CANDLES)


def test_terms_are_those_of_the_trade() -> None:
    assert terms_of(proposal()) == Terms(PositionSide.LONG, 0.05, 0.1, None, 0.1)
    trailing = replace(proposal(), trailing_stop_pct=Decimal("2.5"))
    assert terms_of(trailing).trailing_pct == 2.5


def test_lots_follow_from_their_seed() -> None:
    assert draw_lots(1, TERMS, CANDLES, 100) == draw_lots(1, TERMS, CANDLES, 100)
    assert draw_lots(1, TERMS, CANDLES, 100) != draw_lots(2, TERMS, CANDLES, 100)


@pytest.mark.parametrize("seed", range(5))
def test_each_term_is_drawn_once_where_something_can_be_entered(seed: int) -> None:
    lots = draw_lots(seed, TERMS, CANDLES, 100)
    drawn = [(count, each) for symbol in lots.values() for count, each in symbol.items()]
    assert sorted(each.stop for _, each in drawn) == [each.stop for each in TERMS]
    assert all(100 <= count < 400 for count, _ in drawn)


def test_more_terms_than_closes_are_as_many_as_can_be() -> None:
    lots = draw_lots(1, TERMS, {BTC: wandering(3, 104)}, 100)
    assert len(lots[BTC]) == 4


async def test_chance_trades_about_as_often_and_repeats() -> None:
    result = await traded(4)
    assert len(TERMS) - 3 <= len(result.positions) <= len(TERMS)
    assert {position.side for position in result.positions} == {PositionSide.LONG}
    assert result.fees > 0
    first_close = CANDLES[BTC][99].close_time
    assert all(position.opened_at >= first_close for position in result.positions)
    again = await traded(4)
    assert again.final_equity == result.final_equity
    assert (await traded(5)).final_equity != result.final_equity
