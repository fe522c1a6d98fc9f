"""Exact numbers: what gets in, how each amount is rounded, and in which direction."""

from __future__ import annotations

from decimal import Decimal, DivisionByZero, FloatOperation, InvalidOperation, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import reproducible
from hedgerow.domain.errors import NotExact
from hedgerow.domain.money import (
    ZERO,
    average_price,
    ceil_to_tick,
    decimal_of,
    digits,
    exact,
    floor_to_step,
    floor_to_tick,
    percent,
    price_from_float,
    ratio,
    require_exact,
    round_to_tick,
    to_fee,
    to_quote,
)

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=10)
GRIDS = st.sampled_from([Decimal(text) for text in ("0.00000001", "0.01", "0.05", "0.3", "1", "7")])


@pytest.mark.parametrize(
    ("given_value", "number"),
    [("0.1", "0.1"), (3, "3"), (Decimal("1e-8"), "0.00000001"), ("-2.50", "-2.5")],
)
def test_decimals_integers_and_decimal_texts_are_exact(given_value: object, number: str) -> None:
    assert decimal_of("price", given_value) == Decimal(number)


@pytest.mark.parametrize(
    "value",
    [0.1, True, None, "", "ten", "NaN", "Infinity", Decimal("NaN"), Decimal("-Infinity"), b"1"],
)
def test_everything_else_is_refused_by_name(value: object) -> None:
    with pytest.raises(NotExact) as refused:
        decimal_of("fee", value)
    assert (refused.value.name, refused.value.value) == ("fee", value)


def test_the_first_inexact_number_is_named_and_none_is_no_number_at_all() -> None:
    require_exact(price=Decimal(1), stop_price=None)
    with pytest.raises(NotExact) as refused:
        require_exact(price=Decimal(1), amount=Decimal("NaN"), fee=Decimal("Infinity"))
    assert refused.value.name == "amount"


@pytest.mark.parametrize("value", [1, 1.0, "1"])
def test_where_a_decimal_is_required_nothing_that_converts_to_one_will_do(value: object) -> None:
    with pytest.raises(NotExact):
        require_exact(amount=value)  # type: ignore[arg-type]


def test_inside_the_exact_context_floats_and_undefined_results_are_trapped() -> None:
    outside = getcontext().prec
    with exact():
        with pytest.raises(FloatOperation):
            _ = Decimal(1) < 1.5
        with pytest.raises(DivisionByZero):
            _ = Decimal(1) / ZERO
        with pytest.raises(InvalidOperation):
            _ = ZERO / ZERO
        assert str(Decimal(1) / 3) == "0." + "3" * 50
    assert getcontext().prec == outside


@pytest.mark.parametrize(
    ("amount", "quote", "fee"),
    [
        ("1.000000005", "1.00000000", "1.00000001"),
        ("1.000000015", "1.00000002", "1.00000002"),
        ("1.0000000151", "1.00000002", "1.00000002"),
        ("0.000000001", "0", "0.00000001"),
        ("7", "7", "7"),
        # a rebate: the payer never counts on more than it is
        ("-1.000000009", "-1.00000001", "-1.00000000"),
    ],
)
def test_quote_is_rounded_half_to_even_and_fees_against_the_payer(
    amount: str, quote: str, fee: str
) -> None:
    assert to_quote(Decimal(amount)) == Decimal(quote)
    assert to_fee(Decimal(amount)) == Decimal(fee)


def test_an_average_price_has_twelve_decimals() -> None:
    assert str(average_price(Decimal(2), Decimal(3))) == "0.666666666667"


def test_a_share_of_nothing_is_zero() -> None:
    assert ratio(Decimal(5), ZERO) == percent(Decimal(5), ZERO) == ZERO


def test_ratio_and_percent() -> None:
    assert ratio(Decimal(1), Decimal(8)) == Decimal("0.125")
    assert percent(Decimal(-1), Decimal(8)) == Decimal("-12.5")


@pytest.mark.parametrize(
    ("price", "floor", "nearest", "ceiling"),
    [
        ("100.00", "100.00", "100.00", "100.00"),
        ("100.02", "100.00", "100.00", "100.05"),
        ("100.03", "100.00", "100.05", "100.05"),
        ("100.025", "100.00", "100.00", "100.05"),  # half to even: 2000 ticks, not 2001
        ("100.075", "100.05", "100.10", "100.10"),  # half to even: 2002 ticks, not 2001
        ("-0.01", "-0.05", "0", "0"),
    ],
)
def test_prices_fall_on_the_tick(price: str, floor: str, nearest: str, ceiling: str) -> None:
    tick = Decimal("0.05")
    assert floor_to_tick(Decimal(price), tick) == Decimal(floor)
    assert round_to_tick(Decimal(price), tick) == Decimal(nearest)
    assert ceil_to_tick(Decimal(price), tick) == Decimal(ceiling)


@reproducible
@given(quantity=AMOUNTS, step=GRIDS)
def test_a_quantity_is_rounded_down_to_whole_steps_and_by_less_than_one(
    quantity: Decimal, step: Decimal
) -> None:
    floored = floor_to_step(quantity, step)
    assert floored % step == 0
    assert floored <= quantity < floored + step


@reproducible
@given(price=AMOUNTS, tick=GRIDS)
def test_floor_and_ceiling_enclose_a_price_by_at_most_one_tick(
    price: Decimal, tick: Decimal
) -> None:
    floor, ceiling = floor_to_tick(price, tick), ceil_to_tick(price, tick)
    assert floor <= price <= ceiling
    assert ceiling - floor == (0 if price % tick == 0 else tick)
    assert round_to_tick(price, tick) in (floor, ceiling)


def test_a_float_becomes_a_price_by_its_shortest_text_not_its_binary_digits() -> None:
    assert str(price_from_float(0.1 + 0.2, Decimal("0.00000001"))) == "0.30000000"
    assert price_from_float(64123.456, Decimal("0.5")) == Decimal("64123.5")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_indicator_that_is_no_number_never_becomes_a_price(value: float) -> None:
    with pytest.raises(NotExact):
        price_from_float(value, Decimal("0.01"))


@pytest.mark.parametrize(
    ("number", "written"),
    [("1.500000", "1.5"), ("1E+3", "1000"), ("100", "100"), ("0.00000001", "0.00000001")],
)
def test_numbers_are_written_without_exponents_and_idle_zeros(number: str, written: str) -> None:
    assert digits(Decimal(number)) == written
