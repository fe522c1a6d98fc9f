"""Calibration by hand, and what its formulas promise of anything that is forecast."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.domain.calibration import (
    Forecast,
    brier_score,
    calibration,
    wilson_interval,
)
from hedgerow.domain.errors import InvalidValue

FORECASTS = st.lists(st.builds(Forecast, st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_scores_by_hand() -> None:
    found = calibration([Forecast(0.9, True), Forecast(0.9, False), Forecast(0.3, False)])
    assert found is not None
    assert found.brier == pytest.approx((0.01 + 0.81 + 0.09) / 3)
    assert found.constant_brier == pytest.approx(1 / 3 * 2 / 3)
    assert found.error == pytest.approx((2 * 0.4 + 0.3) / 3)
    assert [(each.low, each.high, each.count, each.frequency) for each in found.bins] == [
        (0.2, 0.4, 1, 0.0),
        (0.8, 1.0, 2, 0.5),
    ]


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 0, 0.0, 1.0),
    ],
)
def test_published_intervals(successes: int, count: int, low: float, high: float) -> None:
    found = wilson_interval(successes, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_nothing_forecast_has_no_calibration() -> None:
    assert calibration([]) is None


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(InvalidValue):
        Forecast(confidence, came_true=True)


@given(st.integers(0, 400), st.integers(0, 400))
def test_an_interval_holds_the_share_and_narrows(successes: int, failures: int) -> None:
    count = successes + failures
    found, finer = wilson_interval(successes, count), wilson_interval(4 * successes, 4 * count)
    assert 0.0 <= found.low <= found.high <= 1.0
    if count:
        assert found.low <= successes / count <= found.high
        assert finer.high - finer.low < found.high - found.low
    mirrored = wilson_interval(failures, count)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((found.low, found.high))


@given(FORECASTS)
def test_scores_stay_in_their_bounds(forecasts: list[Forecast]) -> None:
    found = calibration(forecasts)
    assert found is not None
    assert 0.0 <= found.brier <= 1.0
    assert 0.0 <= found.error <= 1.0
    assert sum(each.count for each in found.bins) == found.count == len(forecasts)
    for each in found.bins:
        assert each.low <= each.mean_confidence + 1e-12
        assert each.mean_confidence <= each.high + 1e-12
        assert each.interval.low <= each.frequency <= each.interval.high


@given(FORECASTS)
def test_the_constant_is_the_best_that_says_always_the_same(forecasts: list[Forecast]) -> None:
    found = calibration(forecasts)
    assert found is not None
    share = sum(each.came_true for each in forecasts) / len(forecasts)
    for said in (share, 0.0, 0.3, 1.0):
        constant = brier_score([Forecast(said, each.came_true) for each in forecasts])
        assert constant >= found.constant_brier - 1e-12
        if said == share:
            assert constant == pytest.approx(found.constant_brier)


@given(st.lists(st.booleans(), min_size=1))
def test_who_knows_scores_nothing(outcomes: list[bool]) -> None:
    found = calibration([Forecast(float(each), each) for each in outcomes])
    assert found is not None
    assert (found.brier, found.error) == (0.0, 0.0)
