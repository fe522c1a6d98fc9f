"""Performance by hand and against plain statistics."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import exactly
from hedgerow.domain.performance import (
    CurvePoint,
    Drawdown,
    daily_returns,
    drawdowns,
    max_drawdown,
    measure,
    sharpe_ratio,
    time_in_market_pct,
    trade_stats,
)

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

amounts = st.decimals(min_value=1, max_value=10**9, places=8)
profits = st.decimals(min_value=-(10**6), max_value=10**6, places=8)


def curve(
    *values: str | Decimal, start: datetime = MIDNIGHT, step: timedelta = DAY
) -> list[CurvePoint]:
    return [CurvePoint(start + index * step, Decimal(value)) for index, value in enumerate(values)]


def fall_of(points: Sequence[CurvePoint]) -> Drawdown:
    return max_drawdown(points, drawdowns(points))


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
        ratio = sharpe_ratio(curve("100", "110", "99", "128.7"))
        assert ratio == pytest.approx(Decimal(math.sqrt(365) / 2), abs=Decimal("1e-11"))

    @given(st.lists(amounts, min_size=3, max_size=40))
    def test_against_plain_statistics(self, values: list[Decimal]) -> None:
        plain = [float(after / before) - 1 for before, after in pairwise(values)]
        deviation = statistics.stdev(plain)
        if deviation > 1e-6:
            expected = statistics.mean(plain) / deviation * math.sqrt(365)
            assert float(sharpe_ratio(curve(*values))) == pytest.approx(
                expected, rel=1e-5, abs=1e-6
            )

    @pytest.mark.parametrize("values", [(), ("100",), ("100", "110"), ("100", "100", "100")])
    def test_is_zero_before_two_days_differ(self, values: tuple[str, ...]) -> None:
        assert sharpe_ratio(curve(*values)) == 0


class TestDrawdown:
    def test_has_depth_peak_and_trough(self) -> None:
        points = curve("100", "120", "120", "90", "150", "140")
        assert fall_of(points) == Drawdown(
            Decimal(25), peak_at=MIDNIGHT + 2 * DAY, trough_at=MIDNIGHT + 3 * DAY
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
