"""Performance by hand and against plain statistics."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import exactly, position
from hedgerow.domain.market import Candle, MarketType, Timeframe
from hedgerow.domain.performance import (
    CurvePoint,
    Drawdown,
    MonthReturn,
    alpha_beta,
    cagr_pct,
    calmar_ratio,
    daily_returns,
    drawdown_periods,
    drawdowns,
    exposure_pct,
    max_drawdown,
    measure,
    monthly_returns,
    omega_ratio,
    returns_by_day,
    sharpe_ratio,
    sortino_ratio,
    tail_ratio,
    time_in_market_pct,
    trade_efficiency,
    trade_stats,
    turnover_ratio,
    yearly_returns,
)
from hedgerow.domain.positions import Position, PositionSide

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

amounts = st.decimals(min_value=1, max_value=10**9, places=8)
profits = st.decimals(min_value=-(10**6), max_value=10**6, places=8)


def curve(
    *values: str | Decimal, start: datetime = MIDNIGHT, step: timedelta = DAY
) -> list[CurvePoint]:
    return [CurvePoint(start + index * step, Decimal(value)) for index, value in enumerate(values)]


def fall_of(points: Sequence[CurvePoint]) -> Drawdown:
    return max_drawdown(drawdown_periods(drawdowns(points)))


class TestDailyReturns:
    def test_are_equity_over_equity_a_day_before(self) -> None:
        assert daily_returns(curve("100", "110", "99")) == [Decimal("0.1"), Decimal("-0.1")]

    def test_take_the_last_point_not_after_midnight(self) -> None:
        # 07:00, 15:00, 23:00, 07:00: midnight knows the 110 of 23:00 and not yet the 300 of 07:00
        points = curve("100", "90", "110", "300", start=MIDNIGHT + 7 * HOUR, step=8 * HOUR)
        assert daily_returns(points) == [Decimal("0.1")]

    def test_count_a_point_at_midnight_itself(self) -> None:
        points = curve("100", "90", "120", start=MIDNIGHT + 8 * HOUR, step=8 * HOUR)
        assert daily_returns(points) == [Decimal("0.2")]

    def test_leave_out_a_day_that_has_not_ended(self) -> None:
        assert daily_returns(curve("100", "110", "120", step=HOUR)) == []

    def test_are_zero_over_days_without_points(self) -> None:
        points = [*curve("100"), CurvePoint(MIDNIGHT + 3 * DAY, Decimal(150))]
        assert daily_returns(points) == [0, 0, Decimal("0.5")]

    def test_have_none_from_a_day_begun_with_nothing(self) -> None:
        assert daily_returns(curve("100", "0", "50")) == [Decimal(-1)]

    def test_are_none_of_nothing(self) -> None:
        assert daily_returns([]) == []


class TestSharpe:
    def test_by_hand(self) -> None:
        # returns 0.1 and -0.1 and 0.3: mean 0.1, sample deviation 0.2, half of sqrt(365)
        ratio = sharpe_ratio(daily_returns(curve("100", "110", "99", "128.7")))
        assert ratio == pytest.approx(Decimal(math.sqrt(365) / 2), abs=Decimal("1e-11"))

    @given(st.lists(amounts, min_size=3, max_size=40))
    def test_against_plain_statistics(self, values: list[Decimal]) -> None:
        plain = [float(after / before) - 1 for before, after in pairwise(values)]
        deviation = statistics.stdev(plain)
        if deviation > 1e-6:
            expected = statistics.mean(plain) / deviation * math.sqrt(365)
            assert float(sharpe_ratio(daily_returns(curve(*values)))) == pytest.approx(
                expected, rel=1e-5, abs=1e-6
            )

    @pytest.mark.parametrize("values", [(), ("100",), ("100", "110"), ("100", "100", "100")])
    def test_is_zero_before_two_days_differ(self, values: tuple[str, ...]) -> None:
        assert sharpe_ratio(daily_returns(curve(*values))) == 0


class TestDrawdown:
    def test_has_depth_peak_and_trough(self) -> None:
        points = curve("100", "120", "120", "90", "150", "140")
        assert fall_of(points) == Drawdown(
            Decimal(25),
            peak_at=MIDNIGHT + 2 * DAY,
            trough_at=MIDNIGHT + 3 * DAY,
            recovered_at=MIDNIGHT + 4 * DAY,
            length=2 * DAY,
        )
        assert [fall.percent for fall in drawdowns(points)][:4] == [0, 0, 0, 25]

    @pytest.mark.parametrize("values", [(), ("100",), ("100", "100", "110")])
    def test_is_none_of_what_never_fell(self, values: tuple[str, ...]) -> None:
        assert fall_of(curve(*values)) == Drawdown()

    @given(st.lists(amounts, min_size=1, max_size=25))
    def test_against_every_pair_of_points(self, values: list[Decimal]) -> None:
        deepest = max(
            100 * (1 - float(low) / float(high))
            for index, high in enumerate(values)
            for low in values[index:]
        )
        fall = fall_of(curve(*values))
        assert float(fall.percent) == pytest.approx(max(deepest, 0.0), abs=1e-8)
        if fall.peak_at is not None and fall.trough_at is not None:
            at = {point.at: point.equity for point in curve(*values)}
            peak, trough = at[fall.peak_at], at[fall.trough_at]
            assert float(100 * (1 - trough / peak)) == pytest.approx(float(fall.percent), abs=1e-8)


class TestMeasure:
    def test_ends_where_the_curve_does(self) -> None:
        found = measure(Decimal(200), curve("200", "150", "250"))
        assert (found.final_equity, found.profit, found.profit_pct) == exactly(250, 50, 25)
        assert found.max_drawdown.percent == 25

    def test_without_a_curve_the_capital_is_what_it_was(self) -> None:
        found = measure(Decimal(200), [])
        assert (found.final_equity, found.profit, found.sharpe_ratio) == exactly(200, 0, 0)

    @given(
        st.lists(st.decimals(-(10**9), 10**15, places=8), max_size=30),
        st.lists(st.decimals(1, 10**15, places=8), min_size=30, max_size=30),
    )
    def test_says_something_of_any_curve(self, values: list[Decimal], hold: list[Decimal]) -> None:
        found = measure(Decimal(100), curve(*values))
        assert found.max_drawdown.percent >= 0
        assert found.volatility_pct >= 0
        assert len(found.drawdowns) == len(values)
        against = alpha_beta(returns_by_day(found.curve), returns_by_day(curve(*hold)))
        assert against is None or against.alpha_pct.is_finite()


class TestTradeStats:
    def test_by_hand(self) -> None:
        found = trade_stats([Decimal(12), Decimal(-8), Decimal(4)])
        assert (found.trades, found.won) == (3, 2)
        assert (found.profit, found.profit_factor) == exactly(8, 2)
        assert found.win_rate_pct == Decimal("66.6666666667")
        assert found.expectancy == Decimal("2.66666667")

    def test_a_trade_that_earned_nothing_is_not_won(self) -> None:
        found = trade_stats([Decimal(0), Decimal(5)])
        assert (found.won, found.profit_factor) == (1, None)

    def test_without_a_loss_there_is_no_profit_factor(self) -> None:
        assert trade_stats([Decimal(5)]).profit_factor is None

    def test_without_a_win_it_is_zero(self) -> None:
        assert trade_stats([Decimal(-5)]).profit_factor == 0

    def test_without_trades_nothing_is_claimed(self) -> None:
        found = trade_stats([])
        assert found.trades == 0
        assert (found.win_rate_pct, found.expectancy, found.profit) == exactly(0, 0, 0)
        assert found.profit_factor is None

    @given(st.lists(profits, min_size=1, max_size=40))
    def test_the_parts_make_the_whole(self, values: list[Decimal]) -> None:
        found = trade_stats(values)
        assert found.profit == sum(values)
        assert abs(found.expectancy * len(values) - found.profit) <= Decimal("1e-8") * len(values)
        if found.profit_factor is not None:
            earns = found.profit_factor > 1
            assert earns == (found.profit > 0) or abs(found.profit_factor - 1) < Decimal("1e-9")


class TestTimeInMarket:
    def test_counts_overlapping_positions_once(self) -> None:
        spans = [(MIDNIGHT + 2 * HOUR, MIDNIGHT + 6 * HOUR), (MIDNIGHT, MIDNIGHT + 4 * HOUR)]
        assert time_in_market_pct(spans, MIDNIGHT, MIDNIGHT + DAY) == 25

    def test_leaves_out_what_lies_outside(self) -> None:
        spans = [
            (MIDNIGHT - DAY, MIDNIGHT - HOUR),
            (MIDNIGHT - HOUR, MIDNIGHT + HOUR),
            (MIDNIGHT + 3 * HOUR, MIDNIGHT + DAY),
        ]
        assert time_in_market_pct(spans, MIDNIGHT, MIDNIGHT + 4 * HOUR) == 50

    def test_is_zero_of_no_time_at_all(self) -> None:
        assert time_in_market_pct([], MIDNIGHT, MIDNIGHT) == 0

    @given(st.lists(st.tuples(st.integers(0, 47), st.integers(0, 47)), max_size=12))
    def test_against_counting_hours(self, drawn: list[tuple[int, int]]) -> None:
        spans = [(min(pair), max(pair)) for pair in drawn]
        hours = {hour for opened, closed in spans for hour in range(opened, closed)}
        moments = [(MIDNIGHT + a * HOUR, MIDNIGHT + b * HOUR) for a, b in spans]
        found = time_in_market_pct(moments, MIDNIGHT, MIDNIGHT + 2 * DAY)
        assert float(found) == pytest.approx(100 * len(hours) / 48, abs=1e-8)


class TestDrawdownPeriods:
    def test_run_from_peak_to_recovery_and_do_not_overlap(self) -> None:
        points = curve("100", "90", "100", "120", "60", "90", "118")
        first, second = drawdown_periods(drawdowns(points))
        assert first.percent == 10
        assert (first.recovered_at, first.length) == (MIDNIGHT + 2 * DAY, 2 * DAY)
        assert second.percent == 50
        assert second.peak_at == MIDNIGHT + 3 * DAY
        assert (second.recovered_at, second.length) == (None, 3 * DAY)
        assert fall_of(points) == second

    @given(st.lists(amounts, min_size=1, max_size=40))
    def test_cover_every_point_below_a_peak(self, values: list[Decimal]) -> None:
        points = curve(*values)
        periods = drawdown_periods(drawdowns(points))
        below = [fall.at for fall in drawdowns(points) if fall.percent]
        for fall in periods:
            assert fall.peak_at is not None
            end = fall.recovered_at or points[-1].at + DAY
            below = [at for at in below if not fall.peak_at < at < end]
        assert below == []


class TestMonths:
    def test_what_stands_at_midnight_ends_the_month_before(self) -> None:
        points = [
            CurvePoint(datetime(2023, 12, 31, tzinfo=UTC), Decimal(100)),
            CurvePoint(datetime(2024, 1, 1, tzinfo=UTC), Decimal(110)),
            CurvePoint(datetime(2024, 1, 31, 12, tzinfo=UTC), Decimal(99)),
            CurvePoint(datetime(2024, 3, 5, tzinfo=UTC), Decimal(198)),
        ]
        assert monthly_returns(points) == (
            MonthReturn(2023, 12, Decimal(10)),
            MonthReturn(2024, 1, Decimal(-10)),
            MonthReturn(2024, 3, Decimal(100)),
        )
        assert yearly_returns(points) == {2023: 10, 2024: 80}

    def test_are_none_of_nothing(self) -> None:
        assert monthly_returns([]) == ()


class TestGrowth:
    def test_of_a_year_is_what_it_earned(self) -> None:
        assert cagr_pct(curve("100", "150", step=365 * DAY)) == 50

    def test_of_two_years_is_the_root(self) -> None:
        assert cagr_pct(curve("100", "225", step=730 * DAY)) == 50

    def test_is_all_lost_where_nothing_is_left(self) -> None:
        assert cagr_pct(curve("100", "0", step=30 * DAY)) == -100

    @pytest.mark.parametrize(
        "points",
        [
            [],
            curve("100"),
            curve("100", "150", step=HOUR),
            curve("0", "150", step=30 * DAY),
            curve("1", "1000", step=DAY),
        ],
    )
    def test_is_not_said_of_what_says_nothing(self, points: list[CurvePoint]) -> None:
        assert cagr_pct(points) is None


class TestRatiosOfNothing:
    @pytest.mark.parametrize("figure", [sortino_ratio, omega_ratio, tail_ratio])
    def test_are_none(self, figure: Callable[[list[Decimal]], Decimal | None]) -> None:
        assert figure([]) is None

    def test_calmar_needs_growth_and_a_fall(self) -> None:
        assert calmar_ratio(Decimal(20), Decimal(5)) == 4
        assert calmar_ratio(None, Decimal(5)) is None
        assert calmar_ratio(Decimal(20), Decimal(0)) is None

    def test_without_a_loss_there_is_no_sortino_and_no_omega(self) -> None:
        assert sortino_ratio([Decimal("0.1"), Decimal(0)]) is None
        assert omega_ratio([Decimal("0.1"), Decimal(0)]) is None


class TestStreaks:
    def test_end_with_the_other_sign_and_with_nothing(self) -> None:
        found = trade_stats([Decimal(n) for n in (1, 1, 0, 1, -1, -1, -1, 2)])
        assert (found.won_in_a_row, found.lost_in_a_row) == (2, 3)
        assert (found.best, found.worst) == exactly(2, -1)
        assert found.payoff_ratio == Decimal("1.25")

    def test_quality_needs_two_trades_that_differ(self) -> None:
        assert trade_stats([Decimal("0.1")] * 3).sqn is None
        # mean 2, deviation 1 of three trades
        sqn = trade_stats([Decimal(1), Decimal(2), Decimal(3)]).sqn
        assert sqn == pytest.approx(Decimal(2 * math.sqrt(3)), abs=Decimal("1e-11"))


class TestActivity:
    def test_exposure_is_the_average_share_that_is_not_cash(self) -> None:
        pairs = [
            (Decimal(100), Decimal(50)),
            (Decimal(200), Decimal(200)),
            (Decimal(0), Decimal(0)),
        ]
        assert exposure_pct(pairs) == Decimal("16.666666666667")
        assert exposure_pct([]) == 0

    def test_turnover_is_half_of_what_was_traded_over_the_average_equity(self) -> None:
        assert turnover_ratio(Decimal(600), curve("100", "200")) == 2
        assert turnover_ratio(Decimal(600), []) == 0


class TestEfficiency:
    def candles(self, *ranges: tuple[int, int]) -> list[Candle]:
        return [
            Candle(
                "BTC/USDT",
                Timeframe.H1,
                MIDNIGHT + index * HOUR,
                *(Decimal(number) for number in (low, high, low, high, 1)),
            )
            for index, (low, high) in enumerate(ranges)
        ]

    def closed(self, side: PositionSide, entry: int, left: int) -> Position:
        return position(
            side=side,
            market_type=MarketType.FUTURES,
            opened_at=MIDNIGHT + HOUR,
            closed_at=MIDNIGHT + 3 * HOUR,
            size_opened=Decimal(1),
            entry_price=Decimal(entry),
            exit_value=Decimal(left),
        )

    def test_is_how_near_to_the_best_price_it_was(self) -> None:
        # the first candle ended when it was opened, the last began when it was closed
        candles = self.candles((1, 500), (100, 140), (110, 200), (1, 500))
        found = trade_efficiency(self.closed(PositionSide.LONG, 120, 150), candles)
        assert found is not None
        assert (found.entry_pct, found.exit_pct, found.total_pct) == exactly(80, 50, 30)

    def test_of_a_short_is_the_other_way_round(self) -> None:
        candles = self.candles((1, 500), (100, 140), (110, 200), (1, 500))
        found = trade_efficiency(self.closed(PositionSide.SHORT, 120, 150), candles)
        assert found is not None
        assert (found.entry_pct, found.exit_pct, found.total_pct) == exactly(20, 50, -30)

    def test_is_none_without_candles_or_without_a_range(self) -> None:
        trade = self.closed(PositionSide.LONG, 100, 100)
        assert trade_efficiency(trade, []) is None
        flat = self.candles((100, 100), (100, 100), (100, 100), (100, 100))
        assert trade_efficiency(trade, flat) is None

    def test_counts_the_prices_of_the_trade_itself(self) -> None:
        candles = self.candles((1, 500), (100, 140), (110, 130))
        found = trade_efficiency(self.closed(PositionSide.LONG, 90, 150), candles)
        assert found is not None
        assert (found.entry_pct, found.exit_pct) == exactly(100, 100)
