"""The fast path leaves behind what the event-driven path leaves behind, to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest_builders import (
    BTC,
    ETH,
    START,
    desk_of,
    free_settings,
    left_behind,
    records,
    tried,
    wandering,
)
from builders import reproducible
from hedgerow.backtest import Column, Columns, backtest, read_candles
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange, MarketType, Timeframe, path_of
from hedgerow.domain.performance import fall_pct
from hedgerow.domain.proposals import Act, Proposal
from hedgerow.infrastructure.agents.signal_lookout import SignalLookout, columns_of
from hedgerow.infrastructure.venues.paper import FundingRates, PaperVenueRules
from hedgerow.usecases.backtest.desk import BacktestPlan
from hedgerow.usecases.backtest.lookout import BacktestPath, Records
from hedgerow.usecases.backtest.market import Market
from hedgerow.usecases.backtest.result import BacktestResult
from hedgerow.usecases.backtest.run import run_backtest
from hedgerow.usecases.candle_series import CandleSeries, series_of
from hedgerow.usecases.sweep.late_start import starting_at

EXAMPLE = Path(__file__).parents[2] / "examples" / "ema_cross.py"
REAL = [folder / "shared/data/candles_5m" for folder in Path(__file__).parents]


@dataclass(slots=True)
class RandomSignals:
    """Has signals where the last two closes say so, and acts on each by its digest."""

    seed: int
    rarity: int = 8
    may_short: bool = False
    asked_at: list[int] = field(default_factory=list)

    def signals(self, columns: Columns) -> Column:
        cents = np.rint(columns.close * 10).astype(np.int64)
        before = np.concatenate([[0], cents[:-1]])
        number = (cents * 31 + before * 17 + self.seed) % (self.rarity * 7)
        signals: Column = np.where(number < 7, number + 1.0, np.nan)
        return signals

    def _look_after(self, market: Market, chance: Random) -> Act | None:
        assert market.side is not None
        act = chance.random()
        if act < 0.4:
            return market.leave()
        away = chance.uniform(-0.005, 0.03) * market.side.sign
        return market.tighten_stop(market.close * (1 - away)) if act < 0.8 else None

    def decide(self, market: Market) -> Act | None:
        self.asked_at.append(market.count)
        seen = f"{self.seed} {market.symbol} {market.signal} {market.closes(3)}"
        chance = Random(sha256(seen.encode()).hexdigest())
        if market.side is not None:
            return self._look_after(market, chance)
        is_short = self.may_short and chance.random() < 0.5
        away = chance.uniform(0.002, 0.05) * (-1 if is_short else 1)
        close = market.close
        wanted: dict[str, Any] = {
            "stop": close * (1 - away),
            "target": close * (1 + away * chance.uniform(0.5, 3)),
            "size": chance.choice([0.05, 0.3, 0.9]),
            "limit": close * (1 - away / 4) if chance.random() < 0.3 else None,
            "trailing_pct": round(abs(away) * 120, 2) if chance.random() < 0.3 else None,
        }
        return market.sell_short(**wanted) if is_short else market.buy(**wanted)


async def on_both(
    candles: Mapping[str, CandleSeries], analyst: Any, *terms: Any, **changes: Any
) -> tuple[BacktestResult, BacktestResult]:
    """The fast path and the event-driven one."""
    fast = await tried(candles, lambda: analyst, *terms, **changes, path=BacktestPath.FAST)
    slow = await tried(candles, lambda: analyst, *terms, **changes, path=BacktestPath.EVENT_DRIVEN)
    return fast, slow


def require_equal(fast: BacktestResult, slow: BacktestResult) -> None:
    """Equity, orders, fills, ledger, positions, journal, breaker and what is told of them."""
    assert (fast.path, slow.path) == (BacktestPath.FAST, BacktestPath.EVENT_DRIVEN)
    assert left_behind(fast) == left_behind(slow)
    assert records(fast) == records(slow)
    assert fast.journal == slow.journal
    assert fast.decisions == slow.decisions
    assert fast.fund.changes.risk_events == slow.fund.changes.risk_events


@st.composite
def terms(draw: st.DrawFn) -> tuple[PaperVenueRules, FundingRates | None, dict[str, Any]]:
    """What a venue charges, how long orders take, and how a fund is bound."""
    maker, taker = draw(st.sampled_from([("0", "0"), ("0.0002", "0.0005"), ("0.001", "0.001")]))
    slippage = draw(st.sampled_from(["0", "0.0005", "0.003"]))
    rules = PaperVenueRules(
        maker_fee_ratio=Decimal(maker),
        taker_fee_ratio=Decimal(taker),
        slippage_ratio=Decimal(slippage),
        latency_ms=draw(st.sampled_from([0, 0, 250, 30_000])),
        seed=draw(st.integers(0, 99)),
    )
    plan: dict[str, Any] = {}
    funding = None
    if draw(st.booleans()):
        plan |= {"market_type": MarketType.FUTURES, "leverage": draw(st.sampled_from([1, 5, 10]))}
        rate = draw(st.sampled_from([None, "0.0001", "-0.001"]))
        funding = None if rate is None else FundingRates(Decimal(rate))
    if draw(st.booleans()):
        plan["settings"] = free_settings()
    return rules, funding, plan


@given(
    seed=st.integers(0, 100_000),
    terms=terms(),
    rarity=st.sampled_from([2, 8, 30]),
    timeframe=st.sampled_from([Timeframe.H1, Timeframe.M15, Timeframe.H4]),
    other=st.sampled_from([None, 0.0, 0.1]),
)
@settings(reproducible, max_examples=60)
async def test_both_paths_leave_the_same_behind(
    seed: int,
    terms: tuple[PaperVenueRules, FundingRates | None, dict[str, Any]],
    rarity: int,
    timeframe: Timeframe,
    other: float | None,
) -> None:
    candles = {BTC: wandering(seed, 250, timeframe=timeframe, missing=0.05 * (seed % 3 == 0))}
    if other is not None:
        candles[ETH] = wandering(seed, 250, ETH, timeframe, missing=other)
    rules, funding, plan = terms
    analyst = RandomSignals(seed, rarity, may_short="leverage" in plan)
    require_equal(*await on_both(candles, analyst, rules, funding, **plan))


async def test_a_stop_that_fills_in_parts_asks_to_trail_to_the_end_of_a_day() -> None:
    """The venue no longer moves it; what was asked for at the close is not left for tomorrow."""
    candles = {
        BTC: wandering(931464, 600, timeframe=Timeframe.H4, missing=0.05),
        ETH: wandering(931464, 250, ETH, Timeframe.H4, missing=0.1),
    }
    rules = PaperVenueRules(Decimal(0), Decimal(0), Decimal("0.0005"), seed=21)
    plan: dict[str, Any] = {"market_type": MarketType.FUTURES, "leverage": 10}
    plan["settings"] = free_settings(max_leverage_multiple=Decimal(50))
    require_equal(*await on_both(candles, RandomSignals(931464, may_short=True), rules, **plan))


@pytest.mark.parametrize("market", ["spot", "futures"])
async def test_the_fast_path_tells_the_fund_less(market: str) -> None:
    more: dict[str, Any] = {"settings": free_settings()}
    if market == "futures":
        more |= {"market_type": MarketType.FUTURES, "leverage": 3}
    analyst = RandomSignals(1, rarity=40, may_short=market == "futures")
    fast, slow = await on_both({BTC: wandering(1, 3_000)}, analyst, **more)
    require_equal(fast, slow)
    assert len(fast.fills) > 50
    assert fast.steps < slow.steps


def test_both_paths_agree_on_the_bundled_candles() -> None:
    candles = read_candles()
    params = {"fast": 4, "slow": 12, "stop_pct": 2.0}
    futures: dict[str, Any] = {"market": "futures", "leverage": 3, "funding": "0.0001"}
    for more in ({}, futures):
        results = [
            backtest(candles, f"{EXAMPLE}:EmaCross", params, path=path, **more)
            for path in BacktestPath
        ]
        slow, fast = sorted(results, key=lambda result: result.path)
        require_equal(fast, slow)
        assert len(fast.fills) > 20


@pytest.mark.parametrize("symbols", [["BTC/USDT"], None])
def test_both_paths_agree_on_real_candles(symbols: list[str] | None) -> None:
    folder = next((each for each in REAL if each.is_dir()), None)
    if folder is None:
        pytest.skip("needs 5m candles of three symbols in a folder shared/data/candles_5m above")
    candles = read_candles(folder, symbols)
    params = {"fast": 10, "slow": 40, "stop_pct": 1.0}
    runs = [
        backtest(candles, f"{EXAMPLE}:EmaCross", params, path=path, settings=free_settings())
        for path in (BacktestPath.FAST, BacktestPath.EVENT_DRIVEN)
    ]
    require_equal(*runs)
    assert len(runs[0].fills) > 200


def _the_same(analyst: RandomSignals) -> RandomSignals:
    return analyst


async def test_an_analyst_is_asked_where_its_signals_speak_and_nowhere_else() -> None:
    series = wandering(5, 400)
    for path in BacktestPath:
        analyst = RandomSignals(5)
        result = await tried({BTC: series}, partial(_the_same, analyst), path=path)
        lookout = SignalLookout(series, lambda: RandomSignals(5))
        assert analyst.asked_at == [n + 1 for n in range(400) if lookout.signal(n)]
        assert result.decisions == 400


class Clairvoyant(RandomSignals):
    """Looks at the next close."""

    def signals(self, columns: Columns) -> Column:
        ahead: Column = np.sign(np.diff(columns.close, append=columns.close[-1]))
        return ahead


class Normalised(RandomSignals):
    """Compares with the mean of the whole."""

    def signals(self, columns: Columns) -> Column:
        above: Column = (columns.close > columns.close.mean()).astype(np.float64)
        return above


class Short(RandomSignals):
    """Forgets the first candle."""

    def signals(self, columns: Columns) -> Column:
        late: Column = np.diff(columns.close)
        return late


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Clairvoyant, "Clairvoyant.signals sees the future: at candle"),
        (Normalised, "Normalised.signals sees the future: at candle"),
        (Short, r"Short.signals gave float64 of shape \(99,\), not a number a candle"),
    ],
)
def test_signals_that_cannot_be_are_refused(kind: type[RandomSignals], said: str) -> None:
    with pytest.raises(InputRefused, match=said):
        backtest({BTC: wandering(2, 100)}, kind, {"seed": 1})


def test_columns_cannot_be_written_to() -> None:
    class Vandal(RandomSignals):
        def signals(self, columns: Columns) -> Column:
            columns.close[0] = 1.0
            return columns.close

    with pytest.raises(InputRefused, match="read-only"):
        backtest({BTC: wandering(2, 100)}, Vandal, {"seed": 1})


class Ragged(RandomSignals):
    """Says a list of lists."""

    def signals(self, columns: Columns) -> Any:
        return [[1.0], [1.0, 2.0]]


class Broken(RandomSignals):
    """Fails."""

    def signals(self, columns: Columns) -> Column:
        raise ValueError("no candles like these")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Ragged, "signals gave no column"),
        (Broken, r"ValueError: no candles like these \(test_backtest_paths.py, line \d+\)"),
    ],
)
def test_signals_that_fail_are_told_of_by_their_line(kind: type[RandomSignals], said: str) -> None:
    with pytest.raises(InputRefused, match=said) as refused:
        backtest({BTC: wandering(2, 100)}, kind, {"seed": 1})
    assert refused.value.where == f"{kind.__name__}.signals on BTC/USDT"


def test_who_decides_has_nothing_of_what_signals_saw() -> None:
    class Keeps(RandomSignals):
        def signals(self, columns: Columns) -> Column:
            self.closes = columns.close
            return np.ones(len(columns))

        def decide(self, market: Market) -> Proposal | None:
            assert market.count == len(self.closes)
            return None

    with pytest.raises(InputRefused, match="has no attribute 'closes'"):
        backtest({BTC: wandering(2, 100)}, Keeps, {"seed": 1})


def test_columns_are_float64_whatever_the_digits_of_prices() -> None:
    fine = [replace(c, close=c.close + Decimal("1e-18")) for c in wandering(2, 60)]
    series = series_of([replace(c, high=max(c.high, c.close)) for c in fine])
    columns = columns_of(series)
    assert series.price_places == 18
    assert columns.close.dtype == columns.volume.dtype == np.float64
    assert columns.close[7] == float(series[7].close)


async def test_the_fast_path_needs_signals() -> None:
    class Silent:
        def decide(self, market: Market) -> None:
            return None

    for analyst, said in (("house", "the house"), (Silent, "does not give its signals in columns")):
        with pytest.raises(InputRefused, match=said):
            backtest({BTC: wandering(2, 100)}, analyst, path="fast")


class Quiet(RandomSignals):
    """Never speaks."""

    def signals(self, columns: Columns) -> Column:
        return np.zeros(len(columns))


@given(st.integers(0, 10_000), st.integers(30, 200))
@settings(reproducible, max_examples=15)
async def test_skipping_sees_no_future(seed: int, cut: int) -> None:
    past = wandering(seed, cut)
    now = past[-1].close_time
    outcomes = []
    for other in (1, 2):
        after = [replace(c, open_time=c.open_time + (now - START)) for c in wandering(other, 50)]
        result = await tried({BTC: series_of([*past, *after])}, lambda: RandomSignals(seed))
        assert result.path is BacktestPath.FAST
        outcomes.append(left_behind(result, until=now))
    assert outcomes[0] == outcomes[1]


async def test_a_late_start_takes_the_fast_path_too() -> None:
    starts_at = START + timedelta(days=6)
    runs = []
    for path in (None, BacktestPath.EVENT_DRIVEN):
        desk = starting_at(desk_of(lambda: RandomSignals(4)), starts_at)
        plan = BacktestPlan(Exchange.BINANCE, Decimal(10_000), path=path)
        runs.append(await run_backtest(desk, plan, {BTC: wandering(4, 500)}))
    require_equal(*runs)
    assert min(order.created_at for order in runs[0].orders) >= starts_at


@given(
    seed=st.integers(0, 10_000),
    size=st.sampled_from(["0.3", "-0.3", "2"]),
    peak=st.sampled_from(["10000", "10010", "10200"]),
    deepest=st.sampled_from(["0", "0.5", "2", "60"]),
)
@settings(reproducible, max_examples=200)
def test_a_few_prices_set_the_records_that_all_prices_set(
    seed: int, size: str, peak: str, deepest: str
) -> None:
    series = wandering(seed, 40)
    slope = Decimal(size)
    base = Decimal(10_000) - slope * series[0].open

    def records_after(prices: Iterable[Decimal]) -> tuple[Decimal, ...]:
        highest, deepest_pct = Decimal(peak), Decimal(deepest)
        worths = [base + slope * price for price in prices]
        for worth in worths:
            highest = max(highest, worth)
            deepest_pct = max(deepest_pct, fall_pct(highest, worth))
        return highest, deepest_pct, max(worths), min(worths)

    paths = [path_of(c.open, c.high, c.low, c.close) for c in series]
    told = SignalLookout(series, lambda: Quiet(seed)).records(
        0, 40, Records(float(base), float(slope) / 10, 1, 1, float(peak), float(deepest) / 100)
    )
    assert told == sorted(set(told))
    assert len(told) < 20
    assert records_after(paths[c][p] for c, p in told) == records_after(
        price for path in paths for price in path
    )
