"""A backtest tells the fund only what matters, sees no future, and refuses what cannot be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest_builders import (
    BTC,
    ETH,
    START,
    RandomAnalyst,
    free_settings,
    left_behind,
    records,
    tried,
    wandering,
)
from builders import reproducible
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.journal import MarketRegime
from hedgerow.domain.ledger import TransferReason
from hedgerow.domain.limits import LimitProfile
from hedgerow.domain.market import Candle, MarketType, Timeframe
from hedgerow.domain.orders import OrderPurpose
from hedgerow.domain.positions import PositionStatus
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.infrastructure.venues.paper import FundingRates, PaperVenueRules
from hedgerow.usecases.backtest import driver, engine
from hedgerow.usecases.backtest.market import Market
from hedgerow.usecases.candle_series import CandleSeries, microseconds, require_no_gaps, series_of
from hedgerow.usecases.open_fund import paper_profile
from hedgerow.usecases.report import build_report, report_json
from hedgerow.usecases.report_document import report_document

FUTURES: dict[str, Any] = {"market_type": MarketType.FUTURES, "leverage": 5}
RATES = FundingRates(Decimal("0.0001"))


class BuysOnce:
    """Buys at the close of the first candle, and holds."""

    def decide(self, market: Market) -> Any:
        close = market.close
        if market.count != 1:
            return None
        return market.buy(stop=close / 2, target=close * 2, size=0.1)


@contextmanager
def every_message() -> Iterator[None]:
    """Inside, no candle is passed over and no price is kept back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "lone_trade", lambda *_: None)
        patch.setattr(engine.Engine, "_pass_over", lambda *_: False)
        yield


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("market", ["spot", "futures"])
async def test_what_is_left_out_would_have_changed_nothing(seed: int, market: str) -> None:
    candles = {BTC: wandering(seed, 600)}
    if seed % 2:
        candles[ETH] = wandering(seed, 600, ETH, missing=0.05)
    more: dict[str, Any] = {"settings": free_settings()} if seed < 4 else {}
    if market == "futures":
        more |= {**FUTURES, "funding": RATES}
    analyst = RandomAnalyst(seed, may_short=market == "futures")
    short = await tried(candles, lambda: analyst, **more)
    with every_message():
        whole = await tried(candles, lambda: analyst, **more)
    assert len(short.fills) > 20
    assert short.steps < whole.steps
    assert left_behind(short) == left_behind(whole)
    assert records(short) == records(whole)


@given(st.integers(0, 10_000), st.integers(30, 250), st.booleans())
@hypothesis.settings(reproducible, max_examples=30)
async def test_nothing_before_a_moment_depends_on_what_comes_after(
    seed: int, cut: int, is_futures: bool
) -> None:
    past = wandering(seed, cut)
    more: dict[str, Any] = {**FUTURES, "funding": RATES} if is_futures else {}
    more["settings"] = free_settings()
    analyst = RandomAnalyst(seed, eagerness=0.5, may_short=is_futures)
    now = START + cut * timedelta(hours=1)
    outcomes = []
    for other in (1, 2):
        candles = {BTC: series_of([*past, *future_after(past, seed + other)])}
        result = await tried(candles, lambda: analyst, **more)
        outcomes.append(left_behind(result, until=now))
    alone = await tried({BTC: past}, lambda: analyst, **more)
    assert outcomes[0] == outcomes[1] == left_behind(alone, until=now)


def future_after(past: CandleSeries, seed: int) -> list[Any]:
    """Fifty more candles, on the same grid, that go their own way."""
    shift = past[-1].close_time - START
    return [replace(c, open_time=c.open_time + shift) for c in wandering(seed, 50)]


async def test_an_analyst_sees_closed_candles_only() -> None:
    series = wandering(3, 60)
    seen: list[tuple[int, float, int]] = []

    class Watcher:
        def decide(self, market: Market) -> None:
            longer = market.on(Timeframe.H4)
            seen.append((market.count, market.close, longer.count))
            assert market.at == series[market.count - 1].close_time
            if not longer.count:
                with pytest.raises(LookupError, match="no 4h candle of BTC/USDT has closed yet"):
                    assert longer.close
            else:
                assert longer.close == market.closes(1 + market.count % 4)[0]
                assert longer.candles(1)[0].close_time <= market.at
                assert longer.highs(1) == [max(market.highs(4 + market.count % 4)[:4])]

    await tried({BTC: series}, Watcher)
    assert seen == [(n + 1, float(c.close), (n + 1) // 4) for n, c in enumerate(series)]


def test_missing_candles_are_told_by_their_place() -> None:
    whole = wandering(1, 50)
    require_no_gaps(whole, "--stored")
    holed = series_of([*whole[:20], *whole[23:]])
    with pytest.raises(InputRefused) as refused:
        require_no_gaps(holed, "--stored")
    assert refused.value.what.startswith(
        "3 of BTC/USDT's 1h candles are missing between 2024-03-01T19"
    )


async def test_a_report_is_made_of_it() -> None:
    result = await tried({BTC: wandering(5, 400)}, lambda: RandomAnalyst(5))
    figures = report_json(build_report(result.facts))
    assert figures["candles"] == figures["decisions"] == 400
    assert figures["orders"] == len(result.orders)
    assert figures["final_equity"] == f"{result.final_equity:.8f}"
    assert figures["journal_entries"] == figures["trades"] == len(result.journal) > 3


async def test_trades_are_told_by_the_regime_they_were_decided_in() -> None:
    class UpAfterTen:
        candles_needed, candles_least, versions = 20, 10, ("test",)

        def read(self, candles: Sequence[Candle]) -> RegimeReading:
            assert len(candles) <= 20
            seen.append(candles[-1].close_time)
            return RegimeReading(Regime.TREND_UP, 1.0, {}, "test")

    seen: list[datetime] = []
    result = await tried({BTC: wandering(5, 400)}, lambda: RandomAnalyst(5))
    facts = replace(result, regime_model=UpAfterTen()).facts
    entries = [trade.journal for trade in facts.trades if trade.journal]
    decided = [
        result.fund.changes.orders[t.position.entry_order_id].created_at
        for t in facts.trades
        if t.journal
    ]
    assert seen == [at for at in decided if at >= START + timedelta(hours=10)]
    assert Counter(entry.market_regime for entry in entries)[MarketRegime.TREND] == len(seen) > 3
    # without a model the proposals' own word stands
    assert {t.journal.market_regime for t in result.facts.trades if t.journal} == {
        MarketRegime.VOLATILE
    }
    judged = [entry.was_correct_exit for entry in entries]
    assert None not in judged[:-1]


async def test_a_tier_without_backtests_is_refused() -> None:
    paper = paper_profile()
    free = replace(paper, limits=replace(paper.limits, backtesting_allowed=False))
    with pytest.raises(InputRefused, match="does not allow backtests"):
        await tried({BTC: wandering(1, 10)}, lambda: RandomAnalyst(1), profile=free)


@pytest.mark.parametrize(
    ("candles", "changes", "said"),
    [
        ({}, {}, "no candles"),
        ({BTC: wandering(1, 9), "ETH/EUR": wandering(1, 9, "ETH/EUR")}, {}, "several currencies"),
        ({BTC: wandering(1, 9), ETH: wandering(1, 9, ETH, Timeframe.M5)}, {}, "several timeframes"),
        ({BTC: wandering(1, 9)}, {"leverage": 2}, "leverage of 2"),
    ],
)
async def test_what_cannot_be_one_fund_is_refused(
    candles: Any, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputRefused, match=said):
        await tried(candles, lambda: RandomAnalyst(1), **changes)


async def test_a_position_is_liquidated_and_its_margin_is_all_that_is_lost() -> None:
    falling = series_of(
        [replace(c, low=c.low / 2) if n == 5 else c for n, c in enumerate(wandering(2, 12))]
    )

    class Brave:
        def decide(self, market: Market) -> Any:
            if market.count == 2:
                close = market.close
                return market.buy(stop=close * 0.6, target=close * 2, size=0.5)
            return None

    result = await tried(
        {BTC: falling}, Brave, **{**FUTURES, "leverage": 10}, settings=free_settings()
    )
    (position,) = result.positions
    assert position.status is PositionStatus.LIQUIDATED
    (entry,) = [order for order in result.orders if order.purpose is OrderPurpose.ENTRY]
    margin = entry.filled_quote / 10
    assert -position.net_pnl <= margin + position.fees
    assert result.final_equity > 0
    assert not [order for order in result.orders if order.is_working]


async def test_longs_pay_funding_three_times_a_day() -> None:
    series = wandering(4, 48)
    rules = PaperVenueRules(Decimal(0), Decimal(0), Decimal(0), Decimal(1))
    result = await tried({BTC: series}, BuysOnce, rules, RATES, **FUTURES, settings=free_settings())
    (position,) = result.positions
    due = [n for n in range(2, 48) if n % 8 == 0]
    expected = sum(series[n - 1].close * position.size * Decimal("0.0001") for n in due)
    assert abs(position.funding - expected) < Decimal("0.0000001")
    assert result.funding == position.funding


async def test_funding_inside_a_gap_is_settled_at_the_next_candle_at_its_own_rate() -> None:
    whole = wandering(4, 48)
    # Candles of 7 to 17 o'clock are missing, and with them two settlements, and 23 to 1 o'clock.
    kept = [c for n, c in enumerate(whole) if not (7 <= n < 18 or 23 <= n < 26)]
    series = series_of(kept)
    times = [START + n * timedelta(hours=8) for n in range(6)]
    rates = FundingRates(
        by_time={BTC: {at: Decimal(n + 1).scaleb(-4) for n, at in enumerate(times)}}
    )
    rules = PaperVenueRules(Decimal(0), Decimal(0), Decimal(0), Decimal(1))
    more: dict[str, Any] = {**FUTURES, "settings": free_settings()}
    result = await tried({BTC: series}, BuysOnce, rules, rates, **more)
    (position,) = result.positions
    expected = Decimal(0)
    for at in times[1:]:
        last = [candle for candle in kept if candle.close_time <= at][-1]
        expected += last.close * position.size * rates.rate(BTC, at)
    assert abs(position.funding - expected) < Decimal("0.0000001")
    funded = [each.at for each in result.transfers if each.reason is TransferReason.FUNDING]
    assert funded == times[1:]
    with every_message():
        told = await tried({BTC: series}, BuysOnce, rules, rates, **more)
    assert left_behind(told) == left_behind(result)


async def test_funding_waits_for_a_symbols_own_candle_while_another_trades() -> None:
    both = {BTC: wandering(4, 48), ETH: wandering(4, 48, ETH)}
    both[BTC] = series_of([c for n, c in enumerate(both[BTC]) if not 7 <= n < 18])

    class Holder(BuysOnce):
        def decide(self, market: Market) -> Any:
            return super().decide(market) if market.symbol == BTC else None

    more: dict[str, Any] = {**FUTURES, "settings": free_settings()}
    result = await tried(both, Holder, None, RATES, **more)
    funded = [each.at for each in result.transfers if each.reason is TransferReason.FUNDING]
    assert funded == [START + n * timedelta(hours=8) for n in range(1, 6)]
    with every_message():
        told = await tried(both, Holder, None, RATES, **more)
    assert left_behind(told) == left_behind(result)


def test_series_keep_every_digit() -> None:
    series = wandering(9, 50)
    again = series_of(list(series))
    assert list(again) == list(series)
    assert (
        again.between(microseconds(START), microseconds(START + timedelta(hours=5)))[:]
        == series[:5]
    )
    longer = series.rolled_up(Timeframe.H4)
    assert [c.volume for c in longer] == [
        sum(c.volume for c in series[n : n + 4]) for n in range(0, 48, 4)
    ]
    assert longer[0].high == max(c.high for c in series[:4])


def test_profiles_of_paper_funds_allow_backtests() -> None:
    profile: LimitProfile = paper_profile(3)
    assert profile.limits.backtesting_allowed
    assert profile.limits.max_leverage == 3


async def test_a_backtest_that_is_stopped_reports_on_what_it_has_lived_through() -> None:
    series = wandering(6, 1_000)
    shown: list[int] = []
    result = await tried(
        {BTC: series},
        lambda: RandomAnalyst(6),
        watched=(shown.append, lambda: len(shown) == 3),
    )
    assert not result.is_finished
    assert shown == [0, 256, 512]
    assert len(result.candles[BTC]) == len(result.equity) == 512
    whole = await tried({BTC: series.first(512)}, lambda: RandomAnalyst(6))
    assert result.final_equity == whole.final_equity


async def test_what_the_pre_trade_checks_refuse_is_counted_and_told() -> None:
    class Upside:
        def decide(self, market: Market) -> Any:
            close = market.close
            return market.buy(stop=close * 2, target=close / 2) if market.count > 20 else None

    result = await tried({BTC: wandering(3, 25)}, Upside)
    assert result.refusals == {"stop_and_target": 5}
    document = report_document(build_report(result.facts))
    assert document["refusals"] == {"stop_and_target": 5}
