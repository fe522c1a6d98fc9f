"""Longer candles for analysts that are briefed: whole ones only, and nothing of the future."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from hedgerow.backtest import backtest, read_candles
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Timeframe
from hedgerow.usecases.candle_series import series_of
from hedgerow.usecases.longer_candles import LongerCandles
from market_builders import BEGIN, random_market

COUNT: Final = 100
MARKET: Final = random_market(COUNT, seed=1)


@pytest.mark.parametrize("timeframe", [Timeframe.H1, Timeframe.H4, Timeframe.D1])
def test_they_are_those_that_columns_are_rolled_up_to(timeframe: Timeframe) -> None:
    for candles in (MARKET, [*MARKET[:30], *MARKET[31:]]):
        last = LongerCandles(candles).closed_by(candles[-1].close_time)
        assert last(timeframe, COUNT) == list(series_of(candles).rolled_up(timeframe))


def test_another_future_changes_nothing_before_it() -> None:
    for known in range(1, COUNT):
        now = MARKET[known - 1].close_time
        other = [*MARKET[:known], *random_market(COUNT, seed=2)[known:]]
        for timeframe in (Timeframe.H4, Timeframe.D1):
            expected = LongerCandles(MARKET[:known]).closed_by(now)(timeframe, 5)
            assert LongerCandles(other).closed_by(now)(timeframe, 5) == expected
            assert all(candle.close_time <= now for candle in expected)


def test_the_last_ones_are_given_oldest_first() -> None:
    last = LongerCandles(MARKET).closed_by(BEGIN + timedelta(hours=13))
    assert [candle.open_time.hour for candle in last(Timeframe.H4, 2)] == [4, 8]
    assert last(Timeframe.H4, 0) == []
    assert last(Timeframe.M5, 9) == []


def test_the_house_opens_nothing_against_a_longer_trend_where_it_is_asked_to() -> None:
    candles = read_candles()
    free, bound = (
        backtest(candles, params=params, memory=False) for params in ({}, {"trend_timeframe": "1d"})
    )
    days = {symbol: each.rolled_up(Timeframe.D1) for symbol, each in candles.items()}
    against = []
    for result in (free, bound):
        against.append(0)
        for position in result.positions:
            closed = LongerCandles(days[position.symbol]).closed_by(position.opened_at)
            closes = [float(day.close) for day in closed(Timeframe.D1, 20)]
            against[-1] += len(closes) < 20 or closes[-1] <= sum(closes) / 20
    assert bound.positions
    assert against[0] > against[1] == 0


@pytest.mark.parametrize(
    ("value", "said"), [("2d", "is not a timeframe"), ("4h", "not longer than the candles")]
)
def test_a_trend_of_candles_that_cannot_be_made_is_refused(value: str, said: str) -> None:
    with pytest.raises(InputRefused, match=said):
        backtest(params={"trend_timeframe": value}, memory=False)
