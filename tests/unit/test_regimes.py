"""The specified regime rules: each one, its thresholds, and that no two hold at once."""

from __future__ import annotations

import math
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.regimes import (
    ADX_RANGE_MAX,
    ADX_TREND_MIN,
    ATR_RATIO_SPIKE,
    ATR_RATIO_STABLE_MIN,
    BANDS_RATIO_NARROW,
    BANDS_RATIO_WIDE,
    Regime,
    RegimeIndicators,
    classify,
    margins,
)

# Nothing in this market is a trend, a range or volatile.
BETWEEN = RegimeIndicators(
    adx=22.5, price=100.0, ma50=100.0, atr=2.0, atr_ratio=1.0, bands_width=0.05, bands_ratio=1.1
)
TREND_UP = replace(BETWEEN, adx=30.0, price=103.0)
TREND_DOWN = replace(BETWEEN, adx=30.0, price=97.0)
RANGE = replace(BETWEEN, adx=15.0, bands_ratio=0.8)
VOLATILE = replace(BETWEEN, atr_ratio=2.0, bands_ratio=1.8)

ANY_NUMBER = st.floats(0.0, 1e12)
NEAR_ONE = st.floats(0.0, 4.0)
ANY_MARKET = st.builds(
    RegimeIndicators,
    adx=st.floats(0.0, 100.0),
    price=ANY_NUMBER,
    ma50=ANY_NUMBER,
    atr=ANY_NUMBER,
    atr_ratio=NEAR_ONE,
    bands_width=ANY_NUMBER,
    bands_ratio=NEAR_ONE,
)


@pytest.mark.parametrize(
    ("market", "regime"),
    [
        (TREND_UP, Regime.TREND_UP),
        (TREND_DOWN, Regime.TREND_DOWN),
        (RANGE, Regime.RANGE),
        (VOLATILE, Regime.VOLATILE),
        (BETWEEN, Regime.TRANSITION),
    ],
)
def test_each_rule_names_its_regime(market: RegimeIndicators, regime: Regime) -> None:
    assert classify(market).regime is regime


@pytest.mark.parametrize(
    ("market", "threshold"),
    [
        (TREND_UP, {"adx": ADX_TREND_MIN}),
        (TREND_UP, {"price": 100.0}),
        (TREND_UP, {"atr_ratio": ATR_RATIO_SPIKE}),
        (TREND_UP, {"atr_ratio": ATR_RATIO_STABLE_MIN}),
        (TREND_DOWN, {"adx": ADX_TREND_MIN}),
        (TREND_DOWN, {"price": 100.0}),
        (RANGE, {"adx": ADX_RANGE_MAX}),
        (RANGE, {"bands_ratio": BANDS_RATIO_NARROW}),
        (VOLATILE, {"atr_ratio": ATR_RATIO_SPIKE}),
        (VOLATILE, {"bands_ratio": BANDS_RATIO_WIDE}),
    ],
)
def test_a_threshold_itself_belongs_to_no_rule_and_is_the_least_sure(
    market: RegimeIndicators, threshold: dict[str, float]
) -> None:
    reading = classify(replace(market, **threshold))
    assert reading.regime is Regime.TRANSITION
    assert reading.confidence == 0.5


@pytest.mark.parametrize(
    ("market", "regime", "last_step"),
    [
        (TREND_UP, Regime.TREND_UP, {"adx": math.nextafter(ADX_TREND_MIN, 100.0)}),
        (TREND_UP, Regime.TREND_UP, {"price": math.nextafter(100.0, 200.0)}),
        (TREND_UP, Regime.TREND_UP, {"atr_ratio": math.nextafter(ATR_RATIO_SPIKE, 0.0)}),
        (TREND_DOWN, Regime.TREND_DOWN, {"price": math.nextafter(100.0, 0.0)}),
        (RANGE, Regime.RANGE, {"adx": math.nextafter(ADX_RANGE_MAX, 0.0)}),
        (RANGE, Regime.RANGE, {"bands_ratio": math.nextafter(BANDS_RATIO_NARROW, 0.0)}),
        (VOLATILE, Regime.VOLATILE, {"atr_ratio": math.nextafter(ATR_RATIO_SPIKE, 9.0)}),
        (VOLATILE, Regime.VOLATILE, {"bands_ratio": math.nextafter(BANDS_RATIO_WIDE, 9.0)}),
    ],
)
def test_one_float_past_a_threshold_the_rule_holds(
    market: RegimeIndicators, regime: Regime, last_step: dict[str, float]
) -> None:
    assert classify(replace(market, **last_step)).regime is regime


def test_confidence_is_the_margin_of_the_weakest_condition() -> None:
    # ADX 15 is 5 of 15 past its threshold, the bands 0.2 of 0.5: (1 + 1/3) / 2.
    assert classify(RANGE).confidence == pytest.approx(2 / 3)
    # With narrower bands ADX alone limits it; with a lower ADX the bands do: (1 + 0.4) / 2.
    assert classify(replace(RANGE, bands_ratio=0.5)).confidence == pytest.approx(2 / 3)
    assert classify(replace(RANGE, adx=5.0)).confidence == pytest.approx(0.7)


def test_confidence_is_full_where_every_condition_is_passed_in_full() -> None:
    assert classify(replace(TREND_UP, adx=60.0, price=110.0)).confidence == 1.0
    assert classify(replace(VOLATILE, atr_ratio=3.0, bands_ratio=3.0)).confidence == 1.0


def test_a_transition_is_surer_the_further_every_rule_is_missed() -> None:
    nearly_a_range = replace(BETWEEN, adx=20.5, bands_ratio=0.5)
    assert classify(nearly_a_range).regime is Regime.TRANSITION
    assert classify(nearly_a_range).confidence < classify(BETWEEN).confidence


def test_a_market_that_never_moved_is_a_transition() -> None:
    still = RegimeIndicators(
        adx=0.0, price=100.0, ma50=100.0, atr=0.0, atr_ratio=1.0, bands_width=0.0, bands_ratio=1.0
    )
    assert classify(still).regime is Regime.TRANSITION


def test_a_reading_keeps_what_was_read_and_which_rules_read_it() -> None:
    reading = classify(RANGE)
    assert reading.indicators == asdict(RANGE)
    assert reading.model_version == "rules_v1"


@pytest.mark.parametrize("field", [field.name for field in fields(RegimeIndicators)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1])
def test_numbers_that_are_none_are_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidValue) as refusal:
        replace(BETWEEN, **{field: value})
    assert refusal.value.field == field


@given(ANY_MARKET)
def test_there_is_always_one_regime_with_a_confidence_from_a_half_to_one(
    market: RegimeIndicators,
) -> None:
    holding = [regime for regime, margin in margins(market).items() if margin > 0.0]
    assert len(holding) <= 1
    reading = classify(market)
    assert [reading.regime] == (holding or [Regime.TRANSITION])
    assert 0.5 <= reading.confidence <= 1.0


@given(ANY_MARKET)
def test_the_specified_conditions_hold_in_the_regime_they_name(market: RegimeIndicators) -> None:
    is_stable = ATR_RATIO_STABLE_MIN < market.atr_ratio < ATR_RATIO_SPIKE
    conditions = {
        Regime.TREND_UP: market.adx > 25.0 and market.price > market.ma50 and is_stable,
        Regime.TREND_DOWN: market.adx > 25.0 and market.price < market.ma50 and is_stable,
        Regime.RANGE: market.adx < 20.0 and market.bands_ratio < BANDS_RATIO_NARROW,
        Regime.VOLATILE: market.atr_ratio > ATR_RATIO_SPIKE
        and market.bands_ratio > BANDS_RATIO_WIDE,
    }
    conditions[Regime.TRANSITION] = not any(conditions.values())
    assert [regime for regime, holds in conditions.items() if holds] == [classify(market).regime]
