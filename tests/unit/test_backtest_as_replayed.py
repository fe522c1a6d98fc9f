"""A backtest leaves out what can have no effect: beside it a loop that leaves nothing out.

The loop tells the fund every message of every candle, in the order of usecases/replay_fund.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest

from backtest_builders import BTC, ETH, RandomAnalyst, free_settings, left_behind, tried, wandering
from hedgerow.domain.market import MarketType, Timeframe
from hedgerow.domain.messages import DecisionMade, IntervalClosed, IntervalOpened, PriceMoved
from hedgerow.infrastructure.venues.paper import FundingRates, PaperVenueRules
from hedgerow.usecases.backtest.engine import Engine
from hedgerow.usecases.candle_series import microseconds

FUTURES: dict[str, Any] = {"market_type": MarketType.FUTURES, "leverage": 5}


async def replayed(
    engine: Any, show: Callable[[int], None], is_stopped: Callable[[], bool]
) -> bool:
    """What Engine.go stands in for."""
    fund, venue, driver = engine._fund, engine._venue, engine._driver
    driver.price = lambda symbol, price, at: driver._step(PriceMoved(symbol, price), at)
    rows = [
        (candle.open_time, seat.pair.symbol, seat, candle)
        for seat in engine._seats
        for candle in seat.series
    ]
    for open_time, group in groupby(sorted(rows, key=lambda row: row[:2]), lambda row: row[0]):
        span = list(group)
        if fund.as_of <= open_time:
            driver.deliver(IntervalOpened(), open_time)
            driver.settle()
        for item in venue.play([candle for *_, candle in span]):
            driver.deliver(item.message, item.at)
            driver.settle()
            venue.cover(fund.positions.values())
        closed_at = span[0][3].close_time
        for _, symbol, seat, candle in span:
            seat.closed += 1
            driver.deliver(PriceMoved(symbol, candle.close), closed_at)
        driver.deliver(IntervalClosed(), closed_at)
        trades, driver.ended_trades = driver.ended_trades, []
        await engine._voice.close(trades)
        engine.equity.add(microseconds(open_time), fund.equity, engine._strategy.cash_reserve)
        for *_, seat, _ in span:
            engine.decisions += 1
            act = engine._rules.ask(seat)
            if act is not None:
                step = driver.deliver(DecisionMade(seat.pair.id, act), closed_at)
                await engine._voice.take_in(step, closed_at)
        driver.settle()
    return True


@contextmanager
def nothing_left_out() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "go", replayed)
        yield


@pytest.mark.parametrize("latency_ms", [0, 500])
@pytest.mark.parametrize("missing", [0.0, 0.08])
@pytest.mark.parametrize("market", ["spot", "futures"])
@pytest.mark.parametrize("seed", range(3))
async def test_a_backtest_is_a_replay(
    seed: int, market: str, missing: float, latency_ms: int
) -> None:
    timeframe = [Timeframe.H1, Timeframe.H4, Timeframe.M15][seed]
    candles = {
        symbol: wandering(seed, 300, symbol, timeframe, missing)
        for symbol in (BTC, ETH)[: 1 + seed % 3]
    }
    more: dict[str, Any] = {"settings": free_settings()} if seed else {}
    if market == "futures":
        more |= {**FUTURES, "funding": FundingRates(Decimal("0.0003"))}
    rules = PaperVenueRules(seed=7, latency_ms=latency_ms)
    analyst = RandomAnalyst(seed, may_short=market == "futures")
    short = await tried(candles, lambda: analyst, rules, **more)
    with nothing_left_out():
        whole = await tried(candles, lambda: analyst, rules, **more)
    assert short.fills
    assert left_behind(short) == left_behind(whole)
